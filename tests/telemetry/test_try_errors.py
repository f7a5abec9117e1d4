"""Tries that failed are counted by their exact error, out of a closed set."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint

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
    reader = InMemoryMetricReader()
    with start(metric_readers=[reader]) as telemetry:
        with telemetry.observer.call(Ask("v1", "Texte.", "key", "fichier")) as call:
            for attempt in attempts:
                call.committed(attempt)
        data = reader.get_metrics_data()
    assert data is not None
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    [points] = [metric.data.data_points for metric in metrics if metric.name == TRY_ERRORS.name]
    values = {
        str((point.attributes or {})["error"]): point.value for point in points if isinstance(point, NumberDataPoint)
    }
    assert values.keys() == set(TRY_ERRORS.attributes["error"] or ())
    return {error: value for error, value in values.items() if value}


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
