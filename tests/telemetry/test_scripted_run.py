"""The complete export of a small run, span by span and series by series, equals expected.json."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from counted_ids import CountedIds
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, Sum
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pipeline.errors import TransientError
from pipeline.events import LoadFailed, SuccessRatioRead, TextSent, VerbatimAnalysed, VerbatimSkipped
from pipeline.observer import Observer
from pipeline.records import (
    Ask,
    Attempt,
    JsonError,
    LoadError,
    Outcome,
    Sentiment,
    SkipReason,
)
from pipeline.telemetry import TEN, start

EXPECTED = Path(__file__).parent / "expected.json"
BEGINNING_NS = 1_800_000_000 * 10**9


class Recording:
    """Telemetry in memory, with counted ids and a clock that advances one second per reading."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        ticks = itertools.count(BEGINNING_NS, 10**9)
        self.telemetry = start(
            id_generator=CountedIds(),
            span_processors=[SimpleSpanProcessor(self.exporter)],
            metric_readers=[self.reader],
            now_ns=lambda: next(ticks),
        )

    def metrics(self) -> dict[str, Any]:
        return read(self.reader)

    def points(self) -> list[tuple[str, Any]]:
        return [(name, point) for name, metric in self.metrics().items() for point in metric.data.data_points]


def read(reader: InMemoryMetricReader) -> dict[str, Any]:
    """The metrics of the first scope, by name."""
    data = reader.get_metrics_data()
    assert data is not None
    return {metric.name: metric for metric in data.resource_metrics[0].scope_metrics[0].metrics}


def play(observe: Observer, attempt: Callable[..., Attempt]) -> None:
    unpaid = {"input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0}
    attempts = {
        "v1": [attempt(Outcome.UNREADABLE, 6.5, json_error=JsonError.INVALID_JSON), attempt()],
        "v2": [attempt(Outcome.REFUSED, 0.5)],
        "v3": [attempt(Outcome.FAILED, 60.5, error="timeout", **unpaid)],
        "v4": [
            attempt(Outcome.EMPTY, cached_tokens=60, thinking_tokens=12, retried=("http_529", "http_529", "timeout"))
        ],
    }
    with observe.stage("scrape", "run-1"):
        observe.emit(VerbatimSkipped("fichier", SkipReason.TOO_SHORT))
    with observe.stage("analyse", "run-1"):
        for name, ended in attempts.items():
            observe.emit(TextSent(42))
            with observe.call(Ask(name, "Un texte que personne ne doit voir.", f"key of {name}", "fichier")) as call:
                for each in ended:
                    call.answered(each)
            for each in ended:
                call.committed(each)
    observe.emit(VerbatimAnalysed("fichier", Sentiment.POSITIVE, 42, 2))
    observe.emit(SuccessRatioRead(0.2))
    with pytest.raises(TransientError), observe.stage("load", "run-1"):
        observe.emit(LoadFailed(LoadError.JOB_FAILED))
        raise TransientError("the warehouse does not answer: run the same command again")


def test_a_scripted_run_exports_exactly_the_expected_file(attempt: Callable[..., Attempt]) -> None:
    """Ids and clock are fixed. If the file is missing it is written, for review."""
    recording = Recording()
    play(recording.telemetry.observer, attempt)
    got = {
        "spans": [plain_span(span) for span in recording.exporter.get_finished_spans()],
        "metrics": [plain_metric(metric) for metric in recording.metrics().values()],
    }
    recording.telemetry.shutdown()
    if not EXPECTED.exists():
        EXPECTED.write_text(one_line_each(got))
        pytest.fail(f"{EXPECTED.name} was written: review it and run again")
    assert json.loads(json.dumps(got)) == json.loads(EXPECTED.read_text())
    assert "texte" not in json.dumps(got)


def test_a_new_process_exports_every_counter_at_zero() -> None:
    values = {
        name: {point.value for point in metric.data.data_points} for name, metric in Recording().metrics().items()
    }
    # counters of a source start when it is first seen, gauges and histograms at their first measurement
    begun = {metric.name for metric in TEN if "counter" in metric.kind and not metric.open_labels}
    assert begun <= values.keys()
    assert set().union(*values.values()) == {0}


def test_counts_that_become_known_together_are_the_same_counts(attempt: Callable[..., Attempt]) -> None:
    one_by_one, together = Recording(), Recording()
    outcomes = [Outcome.ANALYSED, Outcome.REFUSED, Outcome.ANALYSED]
    for recording, around in ((one_by_one, nullcontext()), (together, together.telemetry.observer.together())):
        with around:
            for outcome in outcomes:
                with recording.telemetry.observer.call(Ask("v", "Texte.", "key", "fichier")) as call:
                    pass
                call.committed(attempt(outcome))
            recording.telemetry.observer.emit(SuccessRatioRead(0.5))
    first, second = (
        [
            (name, point.attributes, point.count if hasattr(point, "count") else point.value)
            for name, point in one.points()
        ]
        for one in (one_by_one, together)
    )
    assert sorted(first, key=str) == sorted(second, key=str) and len(first) > 20
    led_to = {
        exemplar.trace_id for name, point in together.points() if name == "claude_calls" for exemplar in point.exemplars
    }
    assert led_to == {2, 3}, "each series leads to the last call that it counts"


def test_what_is_known_together_may_be_part_of_more(attempt: Callable[..., Attempt]) -> None:
    recording = Recording()
    observer = recording.telemetry.observer
    with observer.together():
        with observer.together(), observer.call(Ask("v", "Texte.", "key", "fichier")) as call:
            call.committed(attempt())
        call.committed(attempt())
    assert sum(point.value for name, point in recording.points() if name == "claude_calls") == 2


def test_the_sdks_own_switch_does_not_empty_what_is_kept(attempt: Callable[..., Attempt]) -> None:
    """It replaces the SDK's providers with no-ops; the exporter's come from the same function."""
    reader = InMemoryMetricReader()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_SDK_DISABLED", "true")
        telemetry = start(endpoint="http://127.0.0.1:4318", disabled=True, metric_readers=[reader])
    with telemetry, telemetry.observer.call(Ask("v1", "Texte.", "key", "fichier")) as call:
        call.committed(attempt(duration_s=2.0))
    assert call.trace_id is None
    assert telemetry.anthropic_option() is False
    [point] = read(reader)["verbatim_analysis_duration"].data.data_points
    assert (point.count, point.sum) == (1, 2.0)


def test_each_try_of_an_attempt_has_a_span_if_there_were_several(attempt: Callable[..., Attempt]) -> None:
    recording = Recording()
    tries = (attempt(Outcome.FAILED, 0.5, error="http_529"), attempt(duration_s=2.0))
    with recording.telemetry.observer.call(Ask("v1", "Texte.", "key", "fichier")) as call:
        call.answered(attempt(duration_s=4.0, retried=("http_529",), tries=tries))
        call.answered(attempt())
    recording.telemetry.shutdown()
    whole, *each, other = recording.exporter.get_finished_spans()[:-1]
    assert [span.name for span in (whole, *each, other)] == ["attempt", "try", "try", "attempt"]
    assert [span.parent for span in each] == [whole.context] * 2
    assert [(span.attributes or {}).get("error.type") for span in each] == ["http_529", None]


def test_each_attempt_has_a_span_with_its_own_outcome_and_status(attempt: Callable[..., Attempt]) -> None:
    """A search for an outcome finds the attempt that the metric counts, also where a later attempt ended well."""
    recording = Recording()
    with recording.telemetry.observer.call(Ask("v1", "Texte.", "key", "fichier")) as call:
        call.answered(attempt(Outcome.UNREADABLE, 6.5, json_error=JsonError.INVALID_JSON))
        call.answered(attempt())
    recording.telemetry.shutdown()
    first, second, verbatim = map(plain_span, recording.exporter.get_finished_spans())
    assert {first["name"], second["name"]} == {"attempt"} and first["parent"] == second["parent"] == verbatim["span"]
    assert first["attributes"]["verbatims.outcome"] == "unreadable" and first["status"]["code"] == "ERROR"
    assert first["to_s"] - first["from_s"] == 6.5
    assert second["attributes"]["verbatims.outcome"] == "analysed" and second["status"]["code"] == "UNSET"
    assert verbatim["attributes"]["verbatims.outcome"] == "analysed" and verbatim["status"]["code"] == "UNSET"


def test_an_exemplar_is_kept_until_a_newer_one_replaces_it(attempt: Callable[..., Attempt]) -> None:
    recording = Recording()
    seen = []
    for duration_s in (6.5, 0.5, 7.5):
        with recording.telemetry.observer.call(Ask("v", "Texte.", "key", "fichier")) as call:
            pass
        call.committed(attempt(duration_s=duration_s))
        (point,) = recording.metrics()["verbatim_analysis_duration"].data.data_points
        seen.append([(exemplar.value, f"{exemplar.trace_id:032x}") for exemplar in point.exemplars])
    recording.telemetry.shutdown()
    first, second, third = (f"{number:032x}" for number in (1, 2, 3))
    assert seen == [[(6.5, first)], [(0.5, second), (6.5, first)], [(0.5, second), (7.5, third)]]
    assert call.trace_id == third


def one_line_each(got: dict[str, list[Any]]) -> str:
    """JSON with one line per span and metric, so that a change is one line in a diff."""
    parts = [f'"{name}": [\n' + ",\n".join(map(json.dumps, items)) + "\n]" for name, items in got.items()]
    return "{" + ",\n".join(parts) + "}\n"


def plain_span(span: ReadableSpan) -> dict[str, Any]:
    assert span.context and span.start_time and span.end_time
    status = {"code": span.status.status_code.name, "description": span.status.description}
    return {
        "name": span.name,
        "kind": span.kind.name,
        "trace": span.context.trace_id,
        "span": span.context.span_id,
        "parent": span.parent.span_id if span.parent else None,
        "links": [[link.context.trace_id, link.context.span_id] for link in span.links],
        "from_s": (span.start_time - BEGINNING_NS) / 1e9,
        "to_s": (span.end_time - BEGINNING_NS) / 1e9,
        "status": {key: value for key, value in status.items() if value is not None},
        "attributes": dict(span.attributes or {}),
        "events": [event.name for event in span.events],
    }


def plain_metric(metric: Any) -> dict[str, Any]:
    monotonic = isinstance(metric.data, Sum) and metric.data.is_monotonic
    return {
        "name": metric.name,
        "unit": metric.unit,
        "kind": type(metric.data).__name__ + (" monotonic" if monotonic else ""),
        "points": [plain_point(point) for point in metric.data.data_points],
    }


def plain_point(point: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {"labels": dict(point.attributes)}
    if isinstance(point, HistogramDataPoint):
        plain |= {"count": point.count, "sum": point.sum, "buckets": list(point.bucket_counts)}
    else:
        plain["value"] = point.value
    if point.exemplars:
        plain["exemplars"] = [[exemplar.value, exemplar.trace_id, exemplar.span_id] for exemplar in point.exemplars]
    return plain
