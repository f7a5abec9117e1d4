"""Live metrics, the exporter and the store agree, and no telemetry contains a text."""

import json
import re
import socket
import sqlite3
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from otlp_receiver import Receiver
from prometheus_client.parser import text_string_to_metric_families
from stack.server import free_port

from pipeline.records import Stage
from pipeline.sandbox import Sandbox
from pipeline.sandbox.faults import parse

from .conftest import Command, Shell, query, write_jsonl

CANARY = "canari-7f3a mon secret"
EMAIL = "jeanne.canari@example.org"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def mixed(folder: Path, first: int, last: int) -> Path:
    """Texts of every kind: short, long, repeated, with topics outside the reference base, too short."""
    texts = [f"La livraison {i} est rapide. " + "Très content du produit. " * (i % 30) for i in range(first, last)]
    return write_jsonl(folder / "reviews.jsonl", [*texts, "Bof", "Super produit merci", "Super produit merci"])


def store_values(file: Path) -> Samples:
    """What the exporter serves, computed from the tables by separate SQL."""

    def one(sql: str) -> float:
        return float(query(file, sql)[0][0] or 0)

    def by(name: str, labels: tuple[str, ...], sql: str) -> Samples:
        return {
            (name, tuple(sorted(zip(labels, map(str, row[:-1]), strict=True)))): float(row[-1])
            for row in query(file, sql)
        }

    joined = "FROM texts v JOIN analyses n ON n.analysis_id = v.current JOIN answers a ON a.request_key = n.request_key"
    length = "CASE WHEN characters < 100 THEN 'short' WHEN characters < 500 THEN 'medium' ELSE 'long' END"
    topics, language = "json_each(a.topics) t", "coalesce(v.language, 'unknown')"
    asked = "FROM attempts JOIN texts USING (text_id) GROUP BY source"
    duration = "verbatim_analysis_duration_seconds"
    unreadable = "SELECT json_error, count(*) FROM attempts WHERE json_error IS NOT NULL GROUP BY 1"
    last_run = "run_id = (SELECT run_id FROM attempts ORDER BY attempt_id DESC LIMIT 1)"
    return (
        by(
            "verbatims_analyzed_total",
            ("source", "sentiment"),
            f"SELECT source, sentiment, count(*) {joined} GROUP BY 1, 2",
        )
        | by(
            "verbatims_skipped_total",
            ("source", "reason"),
            "SELECT source, skip_reason, count(*) FROM texts WHERE skip_reason IS NOT NULL GROUP BY 1, 2",
        )
        | by(f"{duration}_count", ("outcome",), "SELECT outcome, count(*) FROM attempts GROUP BY 1")
        | by(f"{duration}_sum", ("outcome",), "SELECT outcome, sum(duration_s) FROM attempts GROUP BY 1")
        | by("errors_json_total", ("reason",), unreadable)
        | by(
            "verbatims_by_length_bucket",
            ("length",),
            f"SELECT {length}, count(*) FROM texts WHERE current IS NOT NULL GROUP BY 1",
        )
        | by(
            "bq_insert_errors_total",
            ("reason",),
            "SELECT label, sum(n) FROM totals WHERE name = 'load_errors' AND run_id <> '' GROUP BY 1",
        )
        | by(
            "topics_named_total", ("topic",), f"SELECT t.value, count(DISTINCT v.text_id) {joined}, {topics} GROUP BY 1"
        )
        | by("verbatims_by_language_total", ("language",), f"SELECT {language}, count(*) {joined} GROUP BY 1")
        | by("claude_calls_total", ("outcome",), "SELECT outcome, count(*) FROM attempts GROUP BY 1")
        | by("claude_tokens_total", ("source", "type"), f"SELECT source, 'input', sum(input_tokens) {asked}")
        | by("claude_tokens_total", ("source", "type"), f"SELECT source, 'output', sum(output_tokens) {asked}")
        | by("claude_cost_usd_total", ("source",), f"SELECT source, sum(cost_usd) {asked}")
        | {
            ("dead_letters", ()): one("SELECT count(*) FROM deliveries WHERE problem IS NOT NULL"),
            ("pending_verbatims", ()): one(
                "SELECT count(*) FROM texts t WHERE kept AND current IS NULL AND NOT superseded AND text IS NOT NULL"
                " AND text_id NOT IN (SELECT text_id FROM analyses)"
            ),
            ("claude_budget_spent_usd", ()): one("SELECT sum(usd) FROM spending WHERE day = date('now')"),
            ("claude_batches_open", ()): one("SELECT count(*) FROM batches WHERE state <> 'closed'"),
            ("claude_response_empty_total", ()): one("SELECT count(*) FROM attempts WHERE outcome = 'empty'"),
            ("new_topics_detected_total", ()): one(f"SELECT sum(json_array_length(a.new_topics)) {joined}"),
            ("current_verbatim_size", ()): one(
                "SELECT length(v.text) FROM attempts c JOIN texts v ON v.text_id = c.text_id ORDER BY c.sent_at DESC"
            ),
            ("claude_call_success_ratio", ()): one(f"SELECT avg(outcome = 'analysed') FROM attempts WHERE {last_run}"),
        }
    )


def exporter_values(shell: Shell) -> Samples:
    """One scrape of a newly started exporter."""
    port = free_port()
    process = shell.start("exporter", "--port", str(port))
    try:
        assert process.stderr is not None
        assert "exporter on" in process.stderr.readline()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as response:
            text = response.read().decode()
    finally:
        process.terminate()
        assert shell.end(process).code == 0
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    kept = [one for one in samples if not one.name.endswith("_created") and not one.name.startswith("disk_")]
    assert {one.labels.pop("deployment_environment_name") for one in kept} == {"sandbox"}
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for one in kept}


def without_zeros(samples: Samples) -> Samples:
    """Drop the zeros that the exporter shows for known labels without a row in the store."""
    return {key: pytest.approx(value) for key, value in samples.items() if value}


@pytest.mark.long
def test_the_exporter_equals_the_store_after_faults_a_second_run_and_a_restart(shell: Shell, tmp_path: Path) -> None:
    faults = parse("unreadable=0.1,empty=0.1,truncated=0.1,overloaded=0.1")
    store = tmp_path / "var" / "verbatims.db"
    with Sandbox(latency_s=0.01, faults=faults) as sandbox:
        shell.environment |= {"ANTHROPIC_BASE_URL": sandbox.url, "VERBATIMS_RETRY_S": "0"}
        assert shell.process("run", "--input", mixed(tmp_path, 0, 80).name).code == 1
        first = exporter_values(shell)
        assert without_zeros(first) == without_zeros(store_values(store))
        assert exporter_values(shell) == first
        assert shell.process("run", "--input", mixed(tmp_path, 0, 120).name).code == 1
    second = exporter_values(shell)
    assert without_zeros(second) == without_zeros(store_values(store))
    outcomes = {dict(labels).get("outcome") for name, labels in second if name.endswith("_count")}
    assert {"analysed", "unreadable", "empty", "truncated", "failed"} <= outcomes
    grown = ("verbatims_analyzed_total", (("sentiment", "positive"), ("source", "reviews")))
    assert second[grown] > first[grown] > 0


def test_rejected_rows_are_counted_in_every_place(
    verbatims: Command, shell: Shell, tmp_path: Path, receiver: Receiver
) -> None:
    assert verbatims("run", "--input", mixed(tmp_path, 0, 1).name, WAREHOUSE="sqlite:///rows.db").code == 0
    with closing(sqlite3.connect(tmp_path / "rows.db")) as connection:
        connection.execute(
            "CREATE TRIGGER picky BEFORE INSERT ON verbatims_analysed_v2 WHEN new.external_id = 'r3' "
            "BEGIN SELECT raise(ABORT, 'not this one'); END"
        )
    ended = verbatims(
        "run",
        "--input",
        mixed(tmp_path, 0, 5).name,
        "--id-column",
        "id",
        "--json",
        WAREHOUSE="sqlite:///rows.db",
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
    )
    assert (ended.code, ended.data["loaded"], ended.data["analysed"] + ended.data["from_cache"]) == (1, 6, 7)
    refused = ("bq_insert_errors", (("reason", "row_refused"),))
    assert _last_values(receiver)[refused] == 1
    assert exporter_values(shell)["bq_insert_errors_total", refused[1]] == 1


def test_live_metrics_of_a_run_equal_the_increase_in_the_store(
    verbatims: Command, tmp_path: Path, receiver: Receiver
) -> None:
    with Sandbox(latency_s=0, faults=parse("unreadable=0.2,empty=0.1")) as sandbox:
        ended = verbatims(
            "run",
            "--input",
            mixed(tmp_path, 0, 60).name,
            ANTHROPIC_BASE_URL=sandbox.url,
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
        )
    assert ended.code == 1 and "telemetry" not in ended.err
    live = _last_values(receiver)
    stored = {(name.removesuffix("_total"), labels): value for (name, labels), value in _counters(tmp_path).items()}
    assert without_zeros(live) == stored


def test_cost_and_tokens_by_source_of_a_batch_are_those_of_the_store(
    verbatims: Command, tmp_path: Path, receiver: Receiver
) -> None:
    with Sandbox(latency_s=0, batches=tmp_path / "batches.db", batch_delay_s=0.1) as sandbox:
        asked = ("run", "--mode", "batch", "--input", mixed(tmp_path, 0, 5).name)
        environment = {"ANTHROPIC_BASE_URL": sandbox.url, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
        assert verbatims(*asked, **environment).code == 0
    live, stored = _last_values(receiver), _counters(tmp_path)
    for name in ("claude_cost_usd", "claude_tokens"):
        found = {labels: value for (metric, labels), value in stored.items() if metric == f"{name}_total"}
        assert found and {labels: live[name, labels] for labels in found} == pytest.approx(found)


OF_THE_STORE = ("topics_named_total", "verbatims_by_language_total", "claude_budget_spent_usd")
"""What no process reports."""


def _counters(folder: Path) -> Samples:
    says = store_values(folder / "var" / "verbatims.db")
    renamed = {
        (name.replace("_duration_seconds_count", "_duration"), labels): value
        for (name, labels), value in says.items()
        if not name.endswith("_sum") and name not in OF_THE_STORE and value
    }
    return renamed


def _last_values(receiver: Receiver) -> Samples:
    both = {"verbatims_analyzed", "verbatims_skipped", "verbatim_analysis_duration", "errors_json"} | {
        "claude_calls",
        "claude_tokens",
        "claude_cost_usd",
        "claude_response_empty",
        "current_verbatim_size",
        "verbatims_by_length_bucket",
        "new_topics_detected",
        "bq_insert_errors",
        "claude_call_success_ratio",
    }
    values: Samples = {}
    for request in receiver.metrics:
        for metric in (m for r in request.resource_metrics for s in r.scope_metrics for m in s.metrics):
            if metric.name in both:
                points = getattr(metric, metric.WhichOneof("data")).data_points
                for point in points:
                    labels = tuple(sorted((a.key, a.value.string_value) for a in point.attributes))
                    values[metric.name, labels] = float(
                        point.count if hasattr(point, "count") else point.as_int or point.as_double
                    )
    return values


def test_each_row_leads_to_its_trace_and_each_trace_to_its_run(
    verbatims: Command, tmp_path: Path, receiver: Receiver
) -> None:
    file = mixed(tmp_path, 0, 20)
    assert verbatims("run", "--input", file.name, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint).code == 0
    spans = receiver.spans()
    traces = {trace for (trace,) in query(tmp_path / "var/verbatims.db", "SELECT trace_id FROM answers")}
    ours = {span.trace_id.hex(): span for span in spans if span.name == "analyse verbatim"}
    claude = [span for span in spans if span.name == "attempt" and span.kind == Span.SPAN_KIND_CLIENT]
    assert traces == set(ours) and len(claude) == len(ours)
    assert {span.parent_span_id for span in claude} == {span.span_id for span in ours.values()}
    stages = {span.span_id for span in spans if span.name.startswith("stage")}
    assert {link.span_id for span in ours.values() for link in span.links} <= stages


def test_stages_in_separate_processes_share_one_trace(verbatims: Command, tmp_path: Path, receiver: Receiver) -> None:
    file = write_jsonl(tmp_path / "reviews.jsonl", ["La livraison est rapide", "Le prix est trop élevé"])
    collector = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
    run_id = verbatims("scrape", "--input", file.name, **collector).out.strip()
    for stage in ("clean", "analyse", "load", "publish"):
        assert verbatims(stage, "--run", run_id, **collector).code == 0
    [run] = [span for span in receiver.spans() if span.name == "run"]
    stages = {span.name: span for span in receiver.spans() if span.name.startswith("stage")}
    assert list(stages) == [f"stage {stage.value}" for stage in Stage]
    assert {(span.trace_id, span.parent_span_id) for span in stages.values()} == {(run.trace_id, run.span_id)}
    analysed = [span for span in receiver.spans() if span.name == "analyse verbatim"]
    assert {link.span_id for span in analysed for link in span.links} == {stages["stage analyse"].span_id}


def batches(receiver: Receiver) -> dict[tuple[str, str, str], float]:
    """The last value of each task metric by task and outcome."""
    values = {}
    for request in receiver.metrics:
        for scope in (s for r in request.resource_metrics for s in r.scope_metrics if s.scope.name == "pipeline.batch"):
            for metric in scope.metrics:
                for point in metric.gauge.data_points:
                    labels = {a.key: a.value.string_value for a in point.attributes}
                    assert labels["dag_id"] == "cli"
                    key = (metric.name, labels["task_id"], labels.get("outcome", ""))
                    values[key] = float(point.as_double or point.as_int)
    return values


def test_each_stage_reports_its_result_at_its_end(verbatims: Command, tmp_path: Path, receiver: Receiver) -> None:
    arguments = ("run", "--input", mixed(tmp_path, 0, 30).name)
    with Sandbox(latency_s=0, faults=parse("overloaded=1")) as sandbox:
        environment = {"ANTHROPIC_BASE_URL": sandbox.url, "VERBATIMS_RETRY_S": "0"}
        ended = verbatims(*arguments, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint, **environment)
    assert ended.code == 3
    failed = batches(receiver)
    assert ("batch_last_success_timestamp", "clean", "") in failed
    assert ("batch_last_success_timestamp", "analyse", "") not in failed
    assert failed["batch_errors", "analyse", ""] == 1
    assert verbatims(*arguments, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint).code == 0
    good = batches(receiver)
    assert ("batch_last_success_timestamp", "analyse", "") in good
    load = {outcome: n for (name, task, outcome), n in good.items() if (name, task) == ("batch_verbatims", "load")}
    assert load == {"analysed": 31, "from_cache": 1, "skipped": 1, "failed": 0, "pending": 0}
    assert good["batch_cost_usd", "analyse", ""] > 0 == good["batch_cost_usd", "load", ""]


def test_a_failing_check_exports_the_span_and_metrics_of_its_stage(
    verbatims: Command, tmp_path: Path, receiver: Receiver
) -> None:
    file, rows = mixed(tmp_path, 0, 30), tmp_path / "var" / "verbatims-warehouse.db"
    assert verbatims("run", "--input", file.name).code == 0
    with closing(sqlite3.connect(rows)) as warehouse, warehouse:
        warehouse.execute("DELETE FROM verbatims_analysed_v2 WHERE rowid % 2 = 0")
    assert verbatims("publish", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint).code == 1
    [span] = [span for span in receiver.spans() if span.name == "stage publish"]
    said = batches(receiver)
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert said["batch_errors", "publish", ""] == 1 and said["batch_check_warnings", "publish", ""] == 1
    assert ("batch_last_success_timestamp", "publish", "") not in said


def test_expire_reports_like_a_stage(verbatims: Command, tmp_path: Path, receiver: Receiver) -> None:
    assert verbatims("run", "--input", mixed(tmp_path, 0, 3).name).code == 0
    assert verbatims("expire", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint).code == 0
    said = batches(receiver)
    assert said["batch_last_success_timestamp", "expire", ""] > 0 == said["batch_errors", "expire", ""]


def test_no_text_and_no_secret_is_in_spans_metrics_or_output(shell: Shell, tmp_path: Path, receiver: Receiver) -> None:
    texts = [f"{CANARY} et mon adresse {EMAIL}, livraison rapide numéro {i}" for i in range(10)]
    file = write_jsonl(tmp_path / "reviews.jsonl", texts)
    with Sandbox(latency_s=0, faults=parse("unreadable=0.3,refused=0.2")) as sandbox:
        shell.environment |= {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            "ANTHROPIC_BASE_URL": sandbox.url,
            "ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE": "content",
            "ANTHROPIC_LOG": "debug",
        }
        ended = shell.process("run", "--input", file.name, "--debug")
    sent = "".join(str(request) for request in [*receiver.traces, *receiver.metrics])
    assert len(receiver.spans()) > 10
    for secret in ("canari", "mon secret"):
        assert secret not in sent + ended.out + ended.err
    everything = json.dumps(query(tmp_path / "var/verbatims.db", "SELECT text FROM texts"))
    assert "canari-7f3a" in everything and EMAIL not in everything and "[email]" in everything


def test_a_slow_collector_changes_no_row_and_causes_no_warning(
    verbatims: Command, tmp_path: Path, receiver: Receiver
) -> None:
    take = receiver.take

    def slowly(*arguments: object) -> None:
        time.sleep(1)
        take(*arguments)  # type: ignore[arg-type, unused-ignore]

    receiver.take = slowly  # type: ignore[method-assign, unused-ignore]
    ended = verbatims(
        "run", "--input", mixed(tmp_path, 0, 20).name, "--json", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint
    )
    assert (ended.code, ended.data["loaded"]) == (0, 22) and "telemetry" not in ended.err
    assert len(receiver.spans()) > 20


@pytest.mark.long
@pytest.mark.parametrize("kind", ["absent", "black hole"])
def test_an_unresponsive_collector_causes_one_warning_and_changes_no_row(
    verbatims: Command, tmp_path: Path, kind: str
) -> None:
    file = mixed(tmp_path, 0, 20)
    facts = "SELECT verbatim_id, text, sentiment, topics FROM verbatims_analysed_v2 ORDER BY 1"
    assert verbatims("run", "--input", file.name, STORE="sqlite:///without.db").code == 0
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        if kind == "black hole":
            hole.listen(64)  # accepts connections and never answers
        endpoint = f"http://127.0.0.1:{hole.getsockname()[1]}"
        ended = verbatims("run", "--input", file.name, STORE="sqlite:///with.db", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    assert ended.code == 0
    assert len(re.findall("telemetry:", ended.err)) == 1 and "OTEL_EXPORTER_OTLP_ENDPOINT" in ended.err
    assert query(tmp_path / "with-warehouse.db", facts) == query(tmp_path / "without-warehouse.db", facts)


def test_nothing_is_exported_without_a_collector(verbatims: Command, tmp_path: Path) -> None:
    ended = verbatims("run", "--input", mixed(tmp_path, 0, 3).name)
    assert ended.code == 0 and "telemetry" not in ended.err
    assert query(tmp_path / "var/verbatims.db", "SELECT DISTINCT trace_id FROM attempts") == [(None,)]
