"""One HTTP request to Claude, and what it came to."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.analyse.pace import Limit, Load
from pipeline.records import Attempt


@dataclass(frozen=True, slots=True)
class Try:
    """What one HTTP request came to."""

    attempt: Attempt
    """As if no other try had come before it."""
    began: float
    """When it left, by `time.perf_counter`."""
    limits: Mapping[str, Limit] = field(default_factory=dict)
    """The rate limits that the answer's headers state."""
    retry_after_s: float | None = None
    maybe_paid: bool = False
    """Whether an answer may have been made, and billed, that never arrived."""

    @property
    def took(self) -> Load | None:
        """What it took of the rate limits; None where nothing tells."""
        one = self.attempt
        if one.error is not None:
            return None
        return Load(1.0, one.input_tokens - (one.cached_tokens or 0), one.output_tokens)


def combine(tries: Sequence[Try], *, waited_s: float, held_s: float, maybe_usd: float) -> Attempt:
    """The attempt that consists of these tries, the last of which decides its outcome.

    `waited_s`: for the pace; `held_s`: of the time since the first try, what later ones waited for their turn;
    `maybe_usd`: the most that tries may have cost of which nobody can tell.
    """
    first, last = tries[0].attempt, tries[-1].attempt
    lasted = tries[-1].began + last.duration_s - tries[0].began
    return replace(
        last,
        sent_at=first.sent_at,
        duration_s=max(lasted - held_s, last.duration_s),
        retried=tuple(one.attempt.error for one in tries[:-1] if one.attempt.error),
        waited_s=waited_s,
        maybe_usd=maybe_usd,
        tries=tuple(one.attempt for one in tries) if len(tries) > 1 else (),
    )


def cause_of(error: BaseException) -> str:
    """Why a connection failed, in words of ours: the library's would show the address."""
    inner: BaseException | None = error
    while inner is not None:
        for kind, words in _CAUSES.items():
            if isinstance(inner, kind):
                return words
        # aiohttp keeps the system's error in an attribute
        inner = getattr(inner, "os_error", None) or inner.__cause__ or inner.__context__
    return "the connection broke"


UNKNOWN_HOST = "its host name is unknown (DNS), or there is no network"
BAD_TLS = "its certificate or TLS version is refused"
REFUSED = "connection refused"

NEVER_SENT = frozenset({UNKNOWN_HOST, BAD_TLS, REFUSED})
"""Causes of failed connections over which no request was sent."""

_CAUSES: dict[type[BaseException], str] = {
    socket.gaierror: UNKNOWN_HOST,
    ssl.SSLError: BAD_TLS,
    ConnectionRefusedError: REFUSED,
    ConnectionResetError: "connection reset",
    TimeoutError: "it does not answer in time",
}
