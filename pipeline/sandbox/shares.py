"""Shares by kind, as options of the sandbox state them: `unreadable=0.03,overloaded=0.05`."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pipeline.errors import SettingsError

_ROUNDING = 1e-9
"""Tolerance for sums of shares: in floating point they may slightly exceed 1."""


def parse_shares(option: str, noun: str, kinds: Collection[str], spec: str | None) -> dict[str, float]:
    """The shares of a text, each from 0 to 1. None or an empty text means none. `option` and `noun` are for messages.

    Raises SettingsError for an unknown or repeated kind, or a share outside 0..1.
    """
    shares: dict[str, float] = {}
    for item in filter(None, (part.strip() for part in (spec or "").split(","))):
        kind, _, share = (part.strip() for part in item.partition("="))
        if kind not in kinds:
            raise SettingsError(f"{option}: there is no {noun} {kind!r}; the kinds are {', '.join(kinds)}")
        if kind in shares:
            raise SettingsError(f"{option}: {kind} is given twice")
        shares[kind] = _share(option, kind, share)
    return shares


def check_sum(option: str, whose: str, shares: Iterable[float]) -> None:
    """Raises SettingsError for shares whose sum exceeds 1."""
    total = sum(shares)
    if total > 1 + _ROUNDING:
        raise SettingsError(f"{option}: the shares of {whose} add up to {total:g}, which is more than 1")


def _share(option: str, kind: str, share: str) -> float:
    try:
        number = float(share)
    except ValueError:
        number = -1.0
    # this form refuses NaN too, which compares false with everything
    if not 0 <= number <= 1:
        raise SettingsError(f"{option}: {kind} needs a share from 0 to 1 such as {kind}=0.05, not {share!r}")
    return number
