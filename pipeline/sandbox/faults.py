"""Faults on request: which kind a question meets is decided by its text, not by chance, order or time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum

from pipeline.errors import SettingsError


class Fault(StrEnum):
    """What can go wrong with a call to Claude; one at a time, so that their shares add up to 1 at most."""

    UNREADABLE = "unreadable"
    """Status 200 with broken JSON, another shape, or a quote that the text does not hold."""
    EMPTY = "empty"
    """Status 200 without any content."""
    TRUNCATED = "truncated"
    """Status 200, cut at max_tokens."""
    REFUSED = "refused"
    """Status 200, stop_reason refusal."""
    RATE_LIMITED = "rate_limited"
    """Status 429 with retry-after."""
    OVERLOADED = "overloaded"
    """Status 529."""
    ERROR = "error"
    """Status 500."""
    TIMEOUT = "timeout"
    """No answer while the client waits."""


class LoadFault(StrEnum):
    """What can go wrong with a load into BigQuery."""

    ROW_REFUSED = "row_refused"
    """A row is bad, decided by its verbatim_id alone."""
    UNAVAILABLE = "unavailable"
    """Status 503: half of them before the work, half of them behind it."""


KINDS = (*Fault, *LoadFault)

_ROUNDING = 1e-9


def parse(spec: str | None) -> dict[str, float]:
    """Read shares such as "unreadable=0.03,overloaded=0.05"; nothing means no faults.

    Raises SettingsError: a kind that does not exist or comes twice, a share outside 0..1, shares above 1 in sum.
    """
    shares: dict[str, float] = {}
    for item in filter(None, (part.strip() for part in (spec or "").split(","))):
        kind, _, share = (part.strip() for part in item.partition("="))
        if kind not in KINDS:
            raise SettingsError(f"--faults: there is no fault {kind!r}; the kinds are {', '.join(KINDS)}")
        if kind in shares:
            raise SettingsError(f"--faults: {kind} is given twice")
        shares[kind] = _share(kind, share)
    of_claude = sum(share for kind, share in shares.items() if kind in list(Fault))
    if of_claude > 1 + _ROUNDING:
        raise SettingsError(f"--faults: the shares of Claude add up to {of_claude:g}, which is more than 1")
    return shares


def _share(kind: str, share: str) -> float:
    try:
        number = float(share)
    except ValueError:
        number = -1.0
    # also turns away nan, which is neither above nor below anything
    if not 0 <= number <= 1:
        raise SettingsError(f"--faults: {kind} needs a share from 0 to 1 such as {kind}=0.05, not {share!r}")
    return number


def choose(shares: Mapping[str, float], seed: int, text: str, asked_before: int) -> Fault | None:
    """The fault that this question meets, or None. A text asked again draws anew, so a retry can succeed."""
    if not shares:
        return None
    drawn = draw(seed, text, asked_before)
    for kind, share in shares.items():
        if kind in list(LoadFault):
            continue
        if drawn < share:
            return Fault(kind)
        drawn -= share
    return None


def draw(*key: object) -> float:
    """A number in [0, 1) that depends on the key alone."""
    digest = hashlib.blake2b("\0".join(map(str, key)).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
