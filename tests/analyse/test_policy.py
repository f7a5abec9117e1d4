"""The rules on attempts as a table: the effect on the text and on the run."""

from datetime import UTC, datetime

import pytest

from pipeline.analyse.policy import FINAL_OUTCOMES, MORE_ROOM, Step, next_step, stop_reason
from pipeline.errors import AccessDenied, RateLimited, TransientError
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
    ("error", "in_a_row", "stops", "names"),
    [
        ("http_401", 1, AccessDenied, "ANTHROPIC_API_KEY"),
        ("http_402", 1, AccessDenied, "billing"),
        ("http_403", 1, AccessDenied, "rights"),
        ("http_404", 1, AccessDenied, "VERBATIMS_MODEL"),
        ("http_400", 19, None, ""),
        ("http_400", 20, AccessDenied, "VERBATIMS_THINKING"),
        ("http_413", 20, AccessDenied, "VERBATIMS_MAX_TOKENS"),
        ("http_429", 19, None, ""),
        ("http_429", 20, RateLimited, "VERBATIMS_CONCURRENCY"),
        ("http_529", 19, None, ""),
        ("http_529", 20, TransientError, "http_529"),
        ("timeout", 20, TransientError, "timeout"),
        ("connection", 25, TransientError, "connection"),
    ],
)
def test_the_effect_of_failures_on_the_run(
    error: str, in_a_row: int, stops: type[Exception] | None, names: str
) -> None:
    reason = stop_reason(attempt(error), in_a_row)
    assert type(reason) is (stops or type(None)) and names in str(reason)


@pytest.mark.parametrize("what", [GOOD, EMPTY, REFUSED, UNREADABLE, WORDLESS, CUT])
def test_no_answer_of_the_model_stops_a_run(what: str) -> None:
    assert stop_reason(attempt(what), 0) is None
