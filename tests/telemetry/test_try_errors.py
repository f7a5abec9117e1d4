"""Tries that failed are counted by their exact error, out of a closed set."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.analyse import policy
from pipeline.records import Ask, Attempt, Outcome
from pipeline.telemetry import start
from pipeline.telemetry.claude import TRY_ERRORS

NAMED = {
    *policy.ERROR_CODES,
    *policy.ACCESS_DENIED,
    *policy.REPEATED,
    *policy.INVALID_REQUEST,
    *policy.MAYBE_PAID,
}
"""Every error that a rule of the policy names."""


def counted(*attempts: Attempt) -> dict[str, float]:
    """Error → failed tries, once these attempts are stored; without zeros."""
    with start() as telemetry, telemetry.observer.call(Ask("v1", "Texte.", "key", "fichier")) as call:
        for attempt in attempts:
            call.committed(attempt)
        values = [one for one in telemetry.values() if one.metric is TRY_ERRORS]
    assert {one.labels["error"] for one in values} == set(TRY_ERRORS.attributes["error"] or ())
    return {one.labels["error"]: float(one.value) for one in values if one.value}  # type: ignore[arg-type]


def test_each_failed_try_counts_the_last_one_of_an_attempt_too(attempt: Callable[..., Attempt]) -> None:
    answered = attempt(retried=("http_529", "timeout", "http_529"))
    given_up = attempt(Outcome.FAILED, error="enforced_spend_limit_reached", retried=("http_429",))
    assert counted(answered, given_up, attempt()) == {
        "http_529": 2,
        "timeout": 1,
        "http_429": 1,
        "enforced_spend_limit_reached": 1,
    }


@pytest.mark.parametrize("error", ["http_418", "http_599", "a_code_of_tomorrow", ""])
def test_an_error_outside_of_the_set_is_other(attempt: Callable[..., Attempt], error: str) -> None:
    assert counted(attempt(Outcome.FAILED, error=error)) == {"other": 1}


def test_the_set_has_every_error_that_the_policy_names() -> None:
    assert set(TRY_ERRORS.attributes["error"] or ()) >= NAMED
