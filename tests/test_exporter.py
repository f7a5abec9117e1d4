"""The exporter over HTTP, on a fake store that can fail on request."""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from queue import Queue

import pytest
import requests
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from pipeline.errors import SettingsError
from pipeline.exporter import serve
from pipeline.records import Length


class FakeTotals:
    """A store with one source; empty, or broken, on request."""

    def __init__(self) -> None:
        self.broken = False
        self.ended = True

    def analysed(self) -> Mapping[tuple[str, str], int]:
        return {("fichier", "positive"): 3}

    def skipped(self) -> Mapping[tuple[str, str], int]:
        return {("fichier", "too_short"): 1}

    def durations(self) -> Mapping[str, tuple[int, float]]:
        return {"analysed": (3, 4.5)}

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
    options = {"stop": stop, "listening": addresses.put}
    thread = threading.Thread(target=serve, args=(totals, "127.0.0.1", 0), kwargs=options, daemon=True)
    thread.start()
    yield addresses.get(timeout=10)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def test_a_scrape_exposes_exactly_the_ten_with_their_types(address: str) -> None:
    families = {family.name: family.type for family in parse(requests.get(address, timeout=5).text)}
    # the parser removes `_total` from counter names
    assert families == {
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


def test_known_label_values_without_events_show_0(address: str) -> None:
    lines = requests.get(address, timeout=5).text.splitlines()
    assert 'verbatims_analyzed_total{sentiment="positive",source="fichier"} 3.0' in lines
    assert 'verbatims_analyzed_total{sentiment="mixed",source="fichier"} 0.0' in lines
    assert 'verbatims_skipped_total{reason="duplicate",source="fichier"} 0.0' in lines
    assert 'errors_json_total{reason="invalid_json"} 0.0' in lines
    assert 'bq_insert_errors_total{reason="job_failed"} 0.0' in lines
    assert 'verbatim_analysis_duration_seconds_sum{outcome="analysed"} 4.5' in lines
    assert 'verbatim_analysis_duration_seconds_count{outcome="failed"} 0.0' in lines
    assert 'verbatims_by_length_bucket{length="short"} 2.0' in lines
    assert 'verbatims_by_length_bucket{length="long"} 0.0' in lines


def test_unknown_values_have_no_sample(address: str, totals: FakeTotals) -> None:
    totals.ended = False
    text = requests.get(address, timeout=5).text
    assert "current_verbatim_size" not in text
    assert "claude_call_success_ratio" not in text


def test_openmetrics_is_sent_if_requested(address: str) -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    response = requests.get(address, headers=accept, timeout=5)
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    families = openmetrics.text_string_to_metric_families(response.text)  # type: ignore[no-untyped-call]
    assert len(list(families)) == 10


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
