"""The exporter over HTTP, on a fake store that can fail on request."""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from queue import Queue

import pytest
import requests
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from pipeline import store_snapshot
from pipeline.errors import SettingsError
from pipeline.exporter import serve
from pipeline.records import Length
from pipeline.telemetry import budgets

OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


class FakeModel:
    """One source, judged by one signal; one analyser, evaluated once."""

    def scores(self) -> Mapping[tuple[str, ...], float]:
        return {("fichier", "given_stars"): 0.4}

    def ready(self) -> Mapping[tuple[str, ...], float]:
        return {("fichier", "given_stars"): 1}

    def shares(self) -> Mapping[tuple[str, ...], float]:
        return {("fichier", "given_stars", "negative"): 0.3}

    def expected_shares(self) -> Mapping[tuple[str, ...], float]:
        return {("fichier", "given_stars", "negative"): 0.28}

    def f1(self) -> Mapping[tuple[str, ...], tuple[float, float, float]]:
        return {("first", "macro"): (0.8, 0.7, 0.9)}

    def evaluated_at(self) -> Mapping[str, float]:
        return {"first": 1_800_000_000.0}

    def flips_ratio(self) -> float | None:
        return 0.02


class FakeTotals:
    """A store with one source; empty, slow or broken on request."""

    def __init__(self) -> None:
        self.broken = False
        self.model = FakeModel()
        self.ended = True
        self.batches = True
        self.analyses = {("fichier", "positive"): 3}
        self.reads = 0
        self.free = threading.Event()
        """A read ends once it is set."""
        self.free.set()

    def analysed(self) -> Mapping[tuple[str, str], int]:
        self.reads += 1
        self.free.wait(20)
        return dict(self.analyses)

    def skipped(self) -> Mapping[tuple[str, str], int]:
        return {("fichier", "too_short"): 1}

    def durations(self) -> Mapping[str, tuple[int, float]]:
        return {"analysed": (3, 4.5)}

    def calls(self) -> Mapping[str, int]:
        return {"analysed": 3}

    def json_errors(self) -> Mapping[str, int]:
        return {"wrong_shape": 2}

    def empty_responses(self) -> int:
        return 0

    def last_size(self) -> int | None:
        return 120 if self.ended else None

    def lengths(self) -> Mapping[str, int]:
        return {Length.SHORT: 2, Length.MEDIUM: 1}

    def new_topics(self) -> int:
        return 2

    def tokens(self) -> Mapping[tuple[str, str], int]:
        return {("fichier", "input"): 900, ("fichier", "output"): 300}

    def cost_usd(self) -> Mapping[str, float]:
        return {"fichier": 0.25}

    def topics(self) -> Mapping[str, int]:
        return {"delivery": 2, "price": 1}

    def languages(self) -> Mapping[str, int]:
        return {"fr": 2, "unknown": 1}

    def dead_letters(self) -> int:
        return 4

    def pending(self) -> int:
        return 5

    def spent_today_usd(self) -> float:
        return 4.5

    def open_batches(self) -> int:
        return 2 if self.batches else 0

    def oldest_batch_at(self) -> float | None:
        return 1_790_000_000.0 if self.batches else None

    def load_errors(self) -> Mapping[str, int]:
        return {}

    def success_ratio(self) -> float | None:
        if self.broken:
            raise OSError("the disk is gone\nSELECT secret FROM texts")
        return 0.6 if self.ended else None


@pytest.fixture
def totals() -> FakeTotals:
    return FakeTotals()


@pytest.fixture
def address(totals: FakeTotals) -> Iterator[str]:
    stop, addresses = threading.Event(), Queue[str]()
    options = {"stop": stop, "listening": addresses.put, "environment": "prod", "budget_usd": 5.0}
    thread = threading.Thread(target=serve, args=(totals, "127.0.0.1", 0), kwargs=options, daemon=True)
    thread.start()
    yield addresses.get(timeout=10)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


TEN = {
    "verbatims_analyzed": "counter",
    "verbatims_skipped": "counter",
    "verbatim_analysis_duration_seconds": "summary",
    "errors_json": "counter",
    "claude_response_empty": "counter",
    "current_verbatim_size": "gauge",
    "verbatims_by_length_bucket": "gauge",
    "new_topics_detected": "counter",
    "bq_insert_errors": "counter",
    "claude_call_success_ratio": "gauge",
}
OTHERS = {
    "claude_calls": "counter",
    "claude_tokens": "counter",
    "claude_cost_usd": "counter",
    "topics_named": "counter",
    "verbatims_by_language": "counter",
    "dead_letters": "gauge",
    "pending_verbatims": "gauge",
    "claude_budget_usd": "gauge",
    "claude_budget_spent_usd": "gauge",
    "claude_batches_open": "gauge",
    "claude_batch_oldest_timestamp_seconds": "gauge",
    "disk_free_bytes": "gauge",
    "disk_size_bytes": "gauge",
    "model_signal_score": "gauge",
    "model_signal_share": "gauge",
    "model_signal_expected_share": "gauge",
    "model_signal_ready": "gauge",
    "model_evaluation_f1": "gauge",
    "model_evaluation_f1_low": "gauge",
    "model_evaluation_f1_high": "gauge",
    "model_sentinel_flips_ratio": "gauge",
    "model_evaluation_timestamp_seconds": "gauge",
}


def test_a_scrape_exposes_the_ten_and_what_the_store_alone_knows_with_their_types(address: str) -> None:
    families = {family.name: family.type for family in parse(requests.get(address, timeout=5).text)}
    # the parser removes `_total` from counter names
    assert families == TEN | OTHERS


def test_every_sample_says_which_environment_it_is_of(address: str) -> None:
    samples = [sample for family in parse(requests.get(address, timeout=5).text) for sample in family.samples]
    assert {sample.labels["deployment_environment_name"] for sample in samples} == {"prod"}
    values = {sample.name: sample.value for sample in samples}
    assert values["dead_letters"] == 4 and values["pending_verbatims"] == 5 and values["claude_cost_usd_total"] == 0.25
    assert values["claude_budget_usd"] == 5 and values["claude_budget_spent_usd"] == 4.5
    assert values["claude_batches_open"] == 2 and values["claude_batch_oldest_timestamp_seconds"] == 1_790_000_000
    assert 0 < values["disk_free_bytes"] < values["disk_size_bytes"]


def test_a_counter_that_appears_says_when_it_was_0(
    address: str, totals: FakeTotals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it `increase()` misses the first count of a new source."""
    monkeypatch.setattr(store_snapshot, "FRESH_S", 0.0)
    before = time.time()
    assert "_created" not in requests.get(address, headers=OPENMETRICS, timeout=5).text
    totals.analyses["site", "negative"] = 329
    text = requests.get(address, headers=OPENMETRICS, timeout=5).text
    starts = {
        sample.labels["source"]: sample.value
        for family in openmetrics.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
        for sample in family.samples
        if sample.name == "verbatims_analyzed_created"
    }
    assert starts.keys() == {"site"} and before <= starts["site"] <= time.time()
    assert "_created" not in requests.get(address, timeout=5).text


def test_scrapes_share_one_read_and_leave_no_other_behind(
    address: str, totals: FakeTotals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow store: each scrape that Prometheus gave up left a read, and 23 were at work after two minutes."""
    monkeypatch.setattr(store_snapshot, "WAIT_S", 0.05)
    totals.free.clear()
    assert [requests.get(address, timeout=5).status_code for _ in range(5)] == [500] * 5
    assert totals.reads == 1
    totals.free.set()
    monkeypatch.setattr(store_snapshot, "WAIT_S", 5.0)
    assert requests.get(address, timeout=5).status_code == 200


def test_known_label_values_without_events_show_0(address: str) -> None:
    text = requests.get(address, timeout=5).text
    lines = text.replace('deployment_environment_name="prod",', "").splitlines()
    assert 'verbatims_analyzed_total{sentiment="positive",source="fichier"} 3.0' in lines
    assert 'verbatims_analyzed_total{sentiment="mixed",source="fichier"} 0.0' in lines
    assert 'verbatims_skipped_total{reason="duplicate",source="fichier"} 0.0' in lines
    assert 'errors_json_total{reason="invalid_json"} 0.0' in lines
    assert 'claude_cost_usd_total{source="fichier"} 0.25' in lines
    assert 'claude_tokens_total{source="fichier",type="input"} 900.0' in lines
    assert 'bq_insert_errors_total{reason="job_failed"} 0.0' in lines
    assert 'verbatim_analysis_duration_seconds_sum{outcome="analysed"} 4.5' in lines
    assert 'verbatim_analysis_duration_seconds_count{outcome="failed"} 0.0' in lines
    assert 'verbatims_by_length_bucket{length="short"} 2.0' in lines
    assert 'verbatims_by_length_bucket{length="long"} 0.0' in lines


def test_unknown_values_have_no_sample(address: str, totals: FakeTotals) -> None:
    totals.ended = totals.batches = False
    text = requests.get(address, timeout=5).text
    assert "current_verbatim_size" not in text
    assert "claude_call_success_ratio" not in text
    assert "claude_batch_oldest" not in text and 'claude_batches_open{deployment_environment_name="prod"} 0.0' in text


def test_without_a_budget_there_is_no_limit_to_show() -> None:
    snapshot = store_snapshot.take_snapshot(FakeTotals(), Path())  # type: ignore[arg-type]
    assert snapshot.series[budgets.BUDGET] == {} and snapshot.series[budgets.SPENT] == {(): 4.5}


def test_openmetrics_is_sent_if_requested(address: str) -> None:
    response = requests.get(address, headers=OPENMETRICS, timeout=5)
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    families = openmetrics.text_string_to_metric_families(response.text)  # type: ignore[no-untyped-call]
    assert len(list(families)) == len(TEN | OTHERS)


def test_a_store_that_cannot_be_read_fails_the_whole_scrape_with_one_log_line(
    address: str, totals: FakeTotals, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "pipeline.exporter")
    totals.broken = True
    responses = [requests.get(address, timeout=5) for _ in range(2)]
    totals.broken = False
    assert [response.status_code for response in responses] == [500, 500]
    assert "verbatims_" not in responses[0].text
    assert requests.get(address, timeout=5).status_code == 200
    assert [record.getMessage() for record in caplog.records] == [
        "exporter: the store cannot be read (OSError)",
        "exporter: the store can be read again",
    ]


def test_other_paths_are_not_found(address: str) -> None:
    assert requests.get(address.removesuffix("metrics"), timeout=5).status_code == 404


def test_a_port_in_use_is_a_settings_error_that_names_it(totals: FakeTotals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port} of 127.0.0.1 .*in use"):
            serve(totals, "127.0.0.1", port)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_exporter_cleanly(number: signal.Signals) -> None:
    script = "from pipeline.exporter import serve; serve(None, '127.0.0.1', 0, listening=lambda a: print(a))"
    with subprocess.Popen([sys.executable, "-uc", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        assert process.stdout.readline().startswith(b"http://127.0.0.1:")
        process.send_signal(number)
        assert process.wait(10) == 0
        assert process.stderr.read() == b""
