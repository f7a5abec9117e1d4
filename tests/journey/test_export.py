"""The complete export of a small run, from `run()` to spans, metrics and exemplars, equals export.json.

Ids and the clock are fixed, one call is in flight at a time. What remains open (how long each attempt took, ports,
the SDK's versions) is left out by name.
"""

import itertools
import json
from contextlib import closing
from pathlib import Path
from typing import Any

from counted_ids import CountedIds
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from rich.console import Console

from pipeline.journey import run
from pipeline.progress import Terminal
from pipeline.sandbox import Sandbox
from pipeline.session import Session
from pipeline.settings import load_settings
from pipeline.source.files.file import File, ReadOptions
from pipeline.store import open_store
from pipeline.telemetry import gen_ai, start

EXPECTED = Path(__file__).parent / "export.json"
FINE = (gen_ai.OPERATION_DURATION.name,)
"""Its bounds are so close that two calls may share one, and then have one exemplar, or may not."""
OPEN = ("anthropic.request.id", "verbatims.run_id")
TEXTS = [
    "La livraison était très rapide, merci beaucoup à toute l'équipe.",
    "Le bracelet s'est cassé au bout de deux jours, je suis déçue.",
    "Bof",
    "La livraison était très rapide, merci beaucoup à toute l'équipe.",
]


def test_a_small_run_exports_exactly_the_expected_file(tmp_path: Path) -> None:
    spans, reader, clock = InMemorySpanExporter(), InMemoryMetricReader(), itertools.count(10**18, 10**9)
    telemetry = start(
        id_generator=CountedIds(),
        span_processors=[SimpleSpanProcessor(spans)],
        metric_readers=[reader],
        now_ns=lambda: next(clock),
    )
    environment = {"STORE": f"sqlite:///{tmp_path}/x.db", "VERBATIMS_CONCURRENCY": "1"}
    lines = [json.dumps({"id": number, "texte": text}) for number, text in enumerate(TEXTS, 1)]
    (tmp_path / "reviews.jsonl").write_text("\n".join(lines))
    source = File(str(tmp_path / "reviews.jsonl"), ReadOptions(source="shop", language="fr"))
    with (
        telemetry,
        Sandbox(latency_s=0) as sandbox,
        closing(open_store(environment["STORE"])) as store,
        open(tmp_path / "words", "w") as words,
    ):
        progress = Terminal(Console(file=words), billed=False)
        context = Session(load_settings(environment, dotenv=None), store, telemetry, progress, claude_url=sandbox.url)
        run(context, source)
        exported = {
            "spans": [stable_part(span) for span in spans.get_finished_spans()],
            "metrics": [series for scope in scopes(reader) for series in scope],
        }
    if not EXPECTED.exists():
        EXPECTED.write_text(json.dumps(exported, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        raise AssertionError(f"{EXPECTED.name} was missing and is written now: read it, then run again")
    assert exported == json.loads(EXPECTED.read_text(encoding="utf-8"))


def stable_part(span: ReadableSpan) -> dict[str, Any]:
    """A span without the values that differ between runs."""
    return {
        "name": span.name,
        "kind": span.kind.name,
        "trace": span.context.trace_id,
        "span": span.context.span_id,
        "parent": span.parent.span_id if span.parent else None,
        "links": [link.context.span_id for link in span.links],
        "status": span.status.status_code.name,
        "attributes": {
            key: value for key, value in sorted((span.attributes or {}).items()) if not key.startswith(OPEN)
        },
    }


def scopes(reader: InMemoryMetricReader) -> list[list[dict[str, Any]]]:
    """Every series of every scope except durations."""
    data = reader.get_metrics_data()
    assert data is not None
    return [
        [
            {"scope": scope.scope.name, "name": metric.name, "unit": metric.unit, "points": points(metric)}
            for metric in scope.metrics
        ]
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
    ]


def points(metric: Any) -> list[dict[str, Any]]:
    timed = metric.name in ("batch_duration", "batch_last_success_timestamp", "stage_duration")
    return [
        {
            "labels": dict(sorted(point.attributes.items())),
            "value": "…" if timed else point.count if isinstance(point, HistogramDataPoint) else point.value,
            "exemplars": [{"trace": e.trace_id, "span": e.span_id} for e in point.exemplars if metric.name not in FINE],
        }
        for point in metric.data.data_points
    ]
