"""What a task leaves for the Pushgateway."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from pipeline.events import TaskEnded
from pipeline.telemetry import start

PUBLISHED = TaskEnded("verbatims_daily", "publish", 1, True, 2.0, {"analysed": 3}, 0.0, 0, check_warnings=2)
NEXT = {
    "next_start": datetime(2026, 1, 2, 2, tzinfo=UTC),
    "deadline": datetime(2026, 1, 3, tzinfo=UTC),
}


def left(ended: TaskEnded) -> dict[str, list[float]]:
    reader = InMemoryMetricReader()
    with start(metric_readers=[reader]) as telemetry:
        telemetry.observer.emit(ended)
        data = reader.get_metrics_data()
    assert data
    scopes = {scope.scope.name: scope for scope in data.resource_metrics[0].scope_metrics}
    return {
        metric.name: [point.value for point in metric.data.data_points]  # type: ignore[union-attr]
        for metric in scopes["pipeline.batch"].metrics
    }


def test_a_publish_tells_its_warnings_and_when_the_next_one_is_due() -> None:
    said = left(replace(PUBLISHED, **NEXT))  # type: ignore[arg-type]
    assert said["batch_check_warnings"] == [2]
    assert said["batch_next_start_timestamp"] == [NEXT["next_start"].timestamp()]
    assert said["batch_deadline_timestamp"] == [NEXT["deadline"].timestamp()]
    assert sorted(said["batch_verbatims"]) == [0, 0, 0, 0, 3]


def test_a_failed_publish_and_one_of_a_day_gone_by_leave_the_deadline_as_it_was() -> None:
    """Otherwise a backfill, or a command line, would hide that last night's run is missing."""
    for ended in (PUBLISHED, replace(PUBLISHED, succeeded=False, **NEXT)):  # type: ignore[arg-type]
        assert left(ended)["batch_succeeded"] == [int(ended.succeeded)]
        assert not {"batch_next_start_timestamp", "batch_deadline_timestamp"} & left(ended).keys()


def test_other_tasks_tell_no_warnings() -> None:
    assert "batch_check_warnings" not in left(replace(PUBLISHED, task_id="load", check_warnings=None))
