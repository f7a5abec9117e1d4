"""What follows an attempt. Every rule on retries that are paid is in this file.

Pure: outcomes and error codes go in, a decision comes out. The transport's own retries (connections, limits,
overload) happen within an attempt; whether one that timed out was billed is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from pipeline.errors import AccessDenied, RateLimited, TransientError, VerbatimsError
from pipeline.records import Attempt, Outcome

OUTAGE = 20
"""So many failed attempts in a row, each already retried by the transport, are an outage and no accident."""

MORE_ROOM = 4
"""How much longer the second answer may be where the first one ended before its first word."""

FINAL_OUTCOMES = frozenset(Outcome) - {Outcome.ANALYSED, Outcome.FAILED}
"""Outcomes that stand: the same request would be paid again for the same waste."""

INVALID_REQUEST = frozenset({"http_400", "http_413"})
"""Errors that say the request itself is wrong."""

ACCESS_DENIED = {
    "http_401": "the key is wrong: check ANTHROPIC_API_KEY",
    "http_402": "the account has no credit: check its billing",
    "http_403": "the key may not do this: check its workspace and rights",
    "http_404": "there is no such model at this address: check VERBATIMS_MODEL and ANTHROPIC_BASE_URL",
}
"""Key, credit, rights, model: the next verbatim would meet the same answer, so the run stops."""

UNREACHED = frozenset({"connection", "timeout"})
"""Errors of calls that nothing has answered."""

RATE_LIMITED = "http_429"


class Step(Enum):
    """What becomes of a text after its last attempt."""

    DONE = auto()
    """It has a good answer."""
    AGAIN = auto()
    """Ask at once, in the same way."""
    AGAIN_WITH_MORE_ROOM = auto()
    """Ask at once, with MORE_ROOM times the longest answer."""
    LATER = auto()
    """The next run asks again."""
    FINAL = auto()
    """The outcome is final: the text is not sent again."""


def next_step(attempts: Sequence[Attempt], *, run_has_answers: bool) -> Step:
    """What follows the attempts for one text. `run_has_answers`: whether a good answer came back in this process."""
    last = attempts[-1]
    if last.outcome is Outcome.ANALYSED:
        return Step.DONE
    if last.outcome is Outcome.FAILED:
        # among good answers an invalid request is this text's fault; before any, it may be the settings
        return Step.FINAL if last.error in INVALID_REQUEST and run_has_answers else Step.LATER
    if len(attempts) > 1:
        return Step.FINAL
    if last.outcome is Outcome.UNREADABLE:
        return Step.AGAIN
    if last.outcome is Outcome.TRUNCATED and not (last.raw or "").strip():
        return Step.AGAIN_WITH_MORE_ROOM  # all its tokens went into thinking
    return Step.FINAL


def stop_reason(last: Attempt, failed_in_a_row: int) -> VerbatimsError | None:
    """Why the run should ask nothing more, if it should not: the caller has to change something, or the API is out."""
    if last.error in ACCESS_DENIED:
        return AccessDenied(f"Claude's API answered {last.error[5:]}: {ACCESS_DENIED[last.error]} ({last.model})")
    if failed_in_a_row < OUTAGE:
        return None
    if last.error in INVALID_REQUEST:
        settings = "VERBATIMS_MODEL, VERBATIMS_MAX_TOKENS and VERBATIMS_THINKING"
        return AccessDenied(f"{OUTAGE} requests in a row were invalid: check {settings}")
    if last.error == RATE_LIMITED:
        return RateLimited(f"{OUTAGE} calls in a row met Claude's rate limit: wait, or lower VERBATIMS_CONCURRENCY")
    return TransientError(
        f"Claude's API is out: {OUTAGE} calls in a row failed, the last with {last.cause or last.error}"
    )


def unreached(last: Attempt | None) -> VerbatimsError | None:
    """Why nothing was answered, where no call of a process has reached the API: that is an outage, however few."""
    if last is None or last.error not in UNREACHED:
        return None
    return TransientError(
        f"Claude's API cannot be reached: {last.cause or last.error}; check the network and ANTHROPIC_BASE_URL"
    )
