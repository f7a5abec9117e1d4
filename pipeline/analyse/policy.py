"""What follows a request, an attempt, and many of them. Every rule on what is sent again is in this file.

Pure: outcomes, error codes and numbers go in, a decision comes out. A *try* is one HTTP request; an *attempt* is all
tries until an answer comes or the rules give up; a text has two attempts at most.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from enum import Enum, auto

from pipeline.errors import (
    AccessDenied,
    RateLimited,
    SpendLimitReached,
    TooManyFailures,
    TransientError,
    VerbatimsError,
)
from pipeline.records import Attempt, Outcome

FIRST, FIRST_WITHOUT_SUCCESS = 5, 5
"""A run stops when the first five attempts of a process all fail …"""

WINDOW, MOST_OF_WINDOW = 50, 26
"""… or most of the last fifty."""

MORE_ROOM = 4
"""How much longer the second answer may be where the first one ended before its first word."""

BACKOFF_S, LONGEST_BACKOFF_S = 0.5, 30.0
"""The pause before a second try, and the longest one before a later one: each is up to twice the one before."""

LONGEST_RETRY_AFTER_S = 60.0
"""A server that asks for a longer pause gets this one."""

MOST_REFUSALS = 8
"""How often one request is sent that meets the rate limit each time; all of them wait for the pace in between."""

UNREACHED_FOR_S = 10.0
"""How long a request is repeated that cannot reach the API, while nothing has: the address may be wrong."""

FINAL_OUTCOMES = frozenset(Outcome) - {Outcome.ANALYSED, Outcome.FAILED}
"""Outcomes that stand: the same request would be paid again for the same waste."""

VARYING_OUTCOMES = frozenset({Outcome.UNREADABLE, Outcome.EMPTY, Outcome.FAILED})
"""Outcomes that the same request may not have again: the answer varies from call to call, or the API did not take it.

A refusal, a cut answer and one that no store takes would only be paid again.
"""

INVALID_REQUEST = frozenset({"http_400", "http_413"})
"""Errors that say the request itself is wrong."""

RAMP_LIMITED = "ramp_limit_exceeded"
RATE_LIMITED = frozenset({"http_429", RAMP_LIMITED})
"""Errors that the pace of all requests answers."""

SPEND_LIMITS = {
    "enforced_spend_limit_reached": "the spend limit of the organization or workspace is reached: raise it in Claude's "
    "Console, or wait for the next month",
    "contract_spend_limit_reached": "the spend limit of the contract is reached: ask whoever holds the contract",
    "linked_organization_spend_limit_reached": "the spend limit of the linked organization is reached: ask its owner",
    "linked_organization_billing_unavailable": "the linked organization cannot be billed: ask its owner",
    "organization_on_hold": "the organization is on hold: ask Anthropic's support",
}
"""Codes of errors that no wait of minutes helps against: the run stops, whatever their status."""

ERROR_CODES = frozenset({RAMP_LIMITED, *SPEND_LIMITS})
"""Codes that decide before the status does; any other error is named after its status."""

ACCESS_DENIED = {
    "http_401": "the key is wrong: check ANTHROPIC_API_KEY",
    "http_402": "the account has no credit: check its billing",
    "http_403": "the key may not do this: check its workspace and rights",
    "http_404": "there is no such model at this address: check VERBATIMS_MODEL and ANTHROPIC_BASE_URL",
}
"""Key, credit, rights, model: the next verbatim would meet the same answer, so the run stops."""

UNREACHED = frozenset({"connection", "timeout"})
"""Errors of tries that nothing has answered."""

REPEATED = frozenset({*UNREACHED, *RATE_LIMITED, "http_408", "http_409"})
"""Errors after which the same request is sent again; so are those with a status of 500 and above."""

MAYBE_PAID = frozenset({*UNREACHED, "bad_response", "http_504"})
"""Errors after which nobody can tell whether an answer was made, and is billed."""


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


def next_step(attempts: Sequence[Attempt], *, run_has_answers: bool, earlier: int = 0) -> Step:
    """What follows the attempts for one text. `run_has_answers`: whether a good answer came back in this process.

    `earlier`: how many answers the text has had before these, in vain.
    """
    last = attempts[-1]
    if last.outcome is Outcome.ANALYSED:
        return Step.DONE
    if last.outcome is Outcome.FAILED:
        # among good answers an invalid request is this text's fault; before any, it may be the settings
        return Step.FINAL if last.error in INVALID_REQUEST and run_has_answers else Step.LATER
    if len(attempts) + earlier > 1:
        return Step.FINAL
    if last.outcome is Outcome.UNREADABLE:
        return Step.AGAIN
    if last.outcome is Outcome.TRUNCATED and not (last.raw or "").strip():
        return Step.AGAIN_WITH_MORE_ROOM  # all its tokens went into thinking
    return Step.FINAL


def first_room(*, wordless: bool) -> int:
    """What multiplies `max_tokens` in the next request. `wordless`: the last answer ended before its first word."""
    return MORE_ROOM if wordless else 1


def is_worth_retrying(last: Outcome | None) -> bool:
    """Whether a text that has failed for good may do better now, for somebody who asks for it.

    `last`: how today's request for it last ended, for this text or an identical one; None: it was never sent.
    """
    return last is None or last is Outcome.ANALYSED or last in VARYING_OUTCOMES


def is_repeated(error: str) -> bool:
    """Whether the same request may do better a little later."""
    return error in REPEATED or error.startswith("http_5")


def pause_before_retry(
    errors: Sequence[str],
    *,
    elapsed_s: float,
    patience_s: float,
    reached: bool,
    retry_after_s: float | None,
    draw: float,
) -> float | None:
    """Seconds before the next try of one request; None: it is given up.

    `errors`: of its tries so far. `elapsed_s`: since the first one left, without waits for the pace. `reached`: whether
    anything has answered this process. `draw`: from 0 to 1, so that requests that failed together do not come together.
    """
    last = errors[-1]
    if not is_repeated(last) or not patience_s:
        return None
    if last in RATE_LIMITED:
        return 0.0 if sum(error in RATE_LIMITED for error in errors) < MOST_REFUSALS else None
    longest = min(BACKOFF_S * 2 ** min(len(errors) - 1, 10), LONGEST_BACKOFF_S)
    pause = max(longest * (1 + draw) / 2, min(retry_after_s or 0.0, LONGEST_RETRY_AFTER_S))
    if last in UNREACHED and not reached:
        patience_s = min(patience_s, UNREACHED_FOR_S)
    return pause if elapsed_s + pause <= patience_s else None


def fatal(error: str | None, model: str) -> VerbatimsError | None:
    """Why the run should ask nothing more after one error, if it should not."""
    if error in ACCESS_DENIED:
        return AccessDenied(f"Claude's API answered {error[5:]}: {ACCESS_DENIED[error]} ({model})")
    if error in SPEND_LIMITS:
        return SpendLimitReached(f"Claude's API answered {error}: {SPEND_LIMITS[error]}")
    return None


class Breaker:
    """Stops a run in which most attempts fail: an outage, a wrong setting, or answers that nobody can use."""

    def __init__(self) -> None:
        self._last: deque[str | None] = deque(maxlen=WINDOW)
        self._ended = 0
        self._successes = 0

    def note(self, last: Attempt) -> VerbatimsError | None:
        """The last attempt for one more text; returns why the run stops, if it does."""
        failed = None if last.outcome is Outcome.ANALYSED else (last.error or last.outcome.value)
        self._last.append(failed)
        self._ended += 1
        self._successes += failed is None
        if failed is None or not self.trips():
            return None
        causes = Counter(cause for cause in self._last if cause is not None)
        cause, _ = causes.most_common(1)[0]
        return _stopped(cause, f"{causes.total()} of the last {len(self._last)} texts failed, most with {cause}", last)

    def trips(self) -> bool:
        """Whether the run stops, as things stand."""
        if self._ended >= FIRST and not self._successes:
            return True
        return sum(cause is not None for cause in self._last) >= MOST_OF_WINDOW and len(self._last) == WINDOW


def _stopped(cause: str, failed: str, last: Attempt) -> VerbatimsError:
    if cause in RATE_LIMITED:
        return RateLimited(f"{failed}: Claude's rate limit leaves no room; wait, or lower VERBATIMS_CONCURRENCY")
    if is_repeated(cause) or cause == "bad_response":
        why = f" ({last.cause})" if last.cause and last.error == cause else ""
        return TransientError(f"Claude's API is out: {failed}{why}")
    return TooManyFailures(f"{failed}: {_ADVICE.get(cause, 'look at them with `verbatims failed`')}")


_SETTINGS = "check VERBATIMS_MODEL, VERBATIMS_MAX_TOKENS, VERBATIMS_THINKING and VERBATIMS_EFFORT"
_ADVICE = {
    "http_400": f"Claude's API calls the requests invalid; {_SETTINGS}",
    "http_413": f"Claude's API calls the requests too large; {_SETTINGS}",
    Outcome.TRUNCATED.value: "answers are cut off; raise VERBATIMS_MAX_TOKENS, or let the model think less",
}


def unreached(last: Attempt | None) -> VerbatimsError | None:
    """Why nothing was answered, where no call of a process has reached the API: that is an outage, however few."""
    if last is None or last.error not in UNREACHED:
        return None
    return TransientError(
        f"Claude's API cannot be reached: {last.cause or last.error}; check the network and ANTHROPIC_BASE_URL"
    )
