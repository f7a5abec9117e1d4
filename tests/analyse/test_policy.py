"""The rules on attempts as a table: the effect on the text and on the run."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.analyse.policy import (
    FINAL_OUTCOMES,
    LONGEST_RETRY_AFTER_S,
    MORE_ROOM,
    MOST_REFUSALS,
    Breaker,
    Step,
    fatal,
    is_worth_retrying,
    next_step,
    pause_before_retry,
)
from pipeline.errors import AccessDenied, RateLimited, SpendLimitReached, TooManyFailures, TransientError
from pipeline.records import Attempt, Outcome

GOOD, EMPTY, REFUSED = "analysed", "empty", "refused"
UNREADABLE, WORDLESS, CUT = "unreadable", "truncated before its first word", "truncated later"


def attempt(what: str) -> Attempt:
    """An attempt with this outcome; any other value is the error of a failed attempt."""
    outcome, raw, error = Outcome.FAILED, None, what
    if what in [one.value for one in Outcome]:
        outcome, raw, error = Outcome(what), "…", None
    elif what in (WORDLESS, CUT):
        outcome, raw, error = Outcome.TRUNCATED, " " if what == WORDLESS else '{"summary', None
    return Attempt(outcome, "m", datetime.now(UTC), 1.0, raw=raw, error=error)


@pytest.mark.parametrize(
    ("history", "step"),
    [
        ([GOOD], Step.DONE),
        # the model's answer is final: the same request would cost again and give the same answer
        ([EMPTY], Step.FINAL),
        ([REFUSED], Step.FINAL),
        ([CUT], Step.FINAL),
        # one retry only
        ([UNREADABLE], Step.AGAIN),
        ([UNREADABLE, GOOD], Step.DONE),
        ([UNREADABLE, UNREADABLE], Step.FINAL),
        ([UNREADABLE, EMPTY], Step.FINAL),
        ([UNREADABLE, WORDLESS], Step.FINAL),
        ([WORDLESS], Step.AGAIN_WITH_MORE_ROOM),
        ([WORDLESS, GOOD], Step.DONE),
        ([WORDLESS, WORDLESS], Step.FINAL),
        ([WORDLESS, UNREADABLE], Step.FINAL),
        # an outage is no result for the text: the next run retries, also after an answer to be retried
        (["http_500"], Step.LATER),
        (["http_529"], Step.LATER),
        (["http_429"], Step.LATER),
        (["http_401"], Step.LATER),
        (["timeout"], Step.LATER),
        (["connection"], Step.LATER),
        (["bad_response"], Step.LATER),
        ([UNREADABLE, "http_529"], Step.LATER),
        ([WORDLESS, "timeout"], Step.LATER),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, list) else value.name,
)
def test_the_next_step_of_a_text(history: list[str], step: Step) -> None:
    for run_has_answers in (True, False):
        assert next_step([attempt(what) for what in history], run_has_answers=run_has_answers) is step


@pytest.mark.parametrize(
    ("last", "worth"),
    [
        # another model, prompt or limit makes another request
        (None, True),
        # an identical text has an answer by now: it costs nothing
        (Outcome.ANALYSED, True),
        (Outcome.UNREADABLE, True),
        (Outcome.EMPTY, True),
        (Outcome.FAILED, True),
        (Outcome.REFUSED, False),
        (Outcome.TRUNCATED, False),
        (Outcome.UNSTORABLE, False),
    ],
)
def test_a_final_failure_is_retried_on_request_only_where_it_may_do_better(last: Outcome | None, worth: bool) -> None:
    assert is_worth_retrying(last) is worth


@pytest.mark.parametrize("outcome", Outcome)
def test_final_outcomes_are_those_after_which_a_text_is_not_retried(outcome: Outcome) -> None:
    """The store gets their names, for identical texts."""
    twice = [attempt(outcome.value)] * 2
    assert (outcome in FINAL_OUTCOMES) is (next_step(twice, run_has_answers=True) is Step.FINAL)


def test_a_second_answer_may_be_four_times_as_long() -> None:
    """Where thinking alone took the tokens of the first one."""
    assert MORE_ROOM == 4


@pytest.mark.parametrize("error", ["http_400", "http_413"])
def test_an_invalid_request_is_final_for_the_text_only_after_a_good_answer(error: str) -> None:
    """Before any good answer the settings may be wrong, so no text fails permanently."""
    assert next_step([attempt(error)], run_has_answers=True) is Step.FINAL
    assert next_step([attempt(error)], run_has_answers=False) is Step.LATER


@pytest.mark.parametrize(
    ("error", "stops", "names"),
    [
        ("http_401", AccessDenied, "ANTHROPIC_API_KEY"),
        ("http_402", AccessDenied, "billing"),
        ("http_403", AccessDenied, "rights"),
        ("http_404", AccessDenied, "VERBATIMS_MODEL"),
        ("enforced_spend_limit_reached", SpendLimitReached, "Console"),
        ("contract_spend_limit_reached", SpendLimitReached, "contract"),
        ("organization_on_hold", SpendLimitReached, "on hold"),
        ("ramp_limit_exceeded", None, ""),
        ("http_400", None, ""),
        ("http_429", None, ""),
        ("http_529", None, ""),
    ],
)
def test_one_error_that_stops_the_run(error: str, stops: type[Exception] | None, names: str) -> None:
    reason = fatal(error, "m")
    assert type(reason) is (stops or type(None)) and names in str(reason)


@pytest.mark.parametrize("what", [GOOD, EMPTY, REFUSED, UNREADABLE, WORDLESS, CUT])
def test_no_single_answer_of_the_model_stops_a_run(what: str) -> None:
    assert fatal(attempt(what).error, "m") is None and Breaker().note(attempt(what)) is None


def stopped_after(*history: str) -> tuple[int, Exception | None]:
    """How many texts were asked when the breaker stopped the run, and why."""
    breaker = Breaker()
    for number, what in enumerate(history, 1):
        if reason := breaker.note(attempt(what)):
            return number, reason
    return len(history), None


@pytest.mark.parametrize(
    ("cause", "stops", "names"),
    [
        ("http_400", TooManyFailures, "VERBATIMS_THINKING"),
        ("http_413", TooManyFailures, "VERBATIMS_MAX_TOKENS"),
        (CUT, TooManyFailures, "raise VERBATIMS_MAX_TOKENS"),
        (UNREADABLE, TooManyFailures, "unreadable"),
        ("http_429", RateLimited, "VERBATIMS_CONCURRENCY"),
        ("http_529", TransientError, "http_529"),
        ("timeout", TransientError, "timeout"),
        ("bad_response", TransientError, "bad_response"),
    ],
)
def test_five_failures_without_a_success_stop_a_run_and_the_cause_is_named(
    cause: str, stops: type[Exception], names: str
) -> None:
    number, reason = stopped_after(*[cause] * 9)
    assert (number, type(reason)) == (5, stops) and names in str(reason)


def test_most_of_the_last_fifty_stop_a_run() -> None:
    assert stopped_after(GOOD, *["http_529"] * 60)[0] == 50
    assert stopped_after(*[GOOD] * 100, *["http_529"] * 60)[0] == 126
    assert stopped_after(*[GOOD, "http_529"] * 100) == (200, None)


@pytest.mark.parametrize(
    ("error", "again"),
    [
        ("http_429", True),
        ("ramp_limit_exceeded", True),
        ("http_500", True),
        ("http_502", True),
        ("http_504", True),
        ("http_529", True),
        ("http_408", True),
        ("http_409", True),
        ("timeout", True),
        ("connection", True),
        ("http_400", False),
        ("http_401", False),
        ("http_404", False),
        ("http_413", False),
        ("enforced_spend_limit_reached", False),
        ("organization_on_hold", False),
        ("bad_response", False),  # it may be paid, and another could be too
    ],
)
def test_which_requests_are_sent_again(error: str, again: bool) -> None:
    assert (pause(error) is not None) is again
    assert pause(error, patience_s=0) is None


def pause(*errors: str, **more: Any) -> float | None:
    standard = {"elapsed_s": 1.0, "patience_s": 120.0, "reached": True, "retry_after_s": None, "draw": 1.0}
    return pause_before_retry(errors, **{**standard, **more})


def test_pauses_double_with_jitter_up_to_the_longest() -> None:
    assert [pause(*["http_529"] * tries) for tries in (1, 2, 3, 4, 9)] == [0.5, 1.0, 2.0, 4.0, 30.0]
    assert pause("http_529", draw=0.0) == 0.25


def test_a_server_may_ask_for_a_longer_pause_within_reason() -> None:
    assert pause("http_529", retry_after_s=7.0) == 7.0
    assert pause("http_529", retry_after_s=86_400.0) == LONGEST_RETRY_AFTER_S


@given(
    errors=st.lists(st.sampled_from(["http_429", "http_529", "timeout", "connection"]), min_size=1),
    elapsed_s=st.floats(0, 500),
    patience_s=st.floats(0, 200),
    retry_after_s=st.none() | st.floats(0, 1e6),
    draw=st.floats(0, 1),
)
def test_no_request_is_repeated_for_ever(
    errors: list[str], elapsed_s: float, patience_s: float, retry_after_s: float | None, draw: float
) -> None:
    given_up = pause(*errors, elapsed_s=elapsed_s, patience_s=patience_s, retry_after_s=retry_after_s, draw=draw)
    limited = errors[-1] == "http_429"
    if given_up is None:
        return
    assert errors.count("http_429") < MOST_REFUSALS if limited else elapsed_s + given_up <= patience_s


def test_an_address_where_nothing_has_ever_answered_is_given_up_soon() -> None:
    assert pause("connection", elapsed_s=15.0) is not None
    assert pause("connection", elapsed_s=15.0, reached=False) is None
    assert pause("http_529", elapsed_s=15.0, reached=False) is not None


def test_a_small_batch_may_fail_as_a_whole_and_the_next_one_succeed() -> None:
    breaker = Breaker()
    notes = [breaker.note(attempt(what)) for what in ["http_400"] * 9]
    assert notes[-1] is not None and breaker.trips()
    for what in [GOOD] * 20 + ["http_400"]:
        breaker.note(attempt(what))
    assert not breaker.trips()
