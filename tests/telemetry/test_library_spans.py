"""Spans that libraries create below ours: no others, and no text or secret in them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import requests
from anthropic import AsyncAnthropic
from anthropic.types import MessageParam
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, NoOpTracerProvider, SpanContext, SpanKind, use_span
from pytest_httpserver import HTTPServer

from pipeline.records import Ask
from pipeline.telemetry import Telemetry, start

TEXT = "La livraison était en retard et le colis abîmé."


@pytest.fixture
def kept() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def telemetry(kept: InMemorySpanExporter) -> Iterator[Telemetry]:
    with start(span_processors=[SimpleSpanProcessor(kept)]) as telemetry:
        yield telemetry


async def create_batch(telemetry: Telemetry, base_url: str) -> None:
    option = telemetry.anthropic_option()
    async with AsyncAnthropic(api_key="k", base_url=base_url, max_retries=0, open_telemetry=option) as client:
        with telemetry.observer.stage("analyse", "run-1"):
            question: MessageParam = {"role": "user", "content": TEXT}
            params: MessageCreateParamsNonStreaming = {
                "model": "claude-haiku-5-5",
                "max_tokens": 10,
                "messages": [question],
            }
            await client.messages.batches.create(requests=[{"custom_id": "one", "params": params}])


def test_the_sdks_span_of_a_batch_is_the_only_child_of_ours_and_holds_no_text(
    telemetry: Telemetry, kept: InMemorySpanExporter, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the SDK's variables turn on contents and propagation."""
    monkeypatch.setenv("ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE", "content")
    monkeypatch.setenv("ANTHROPIC_OPEN_TELEMETRY_PROPAGATION", "true")
    httpserver.expect_request("/v1/messages/batches").respond_with_json({"id": "msgbatch_1", "type": "message_batch"})
    asyncio.run(create_batch(telemetry, httpserver.url_for("")))

    sdks, stage = kept.get_finished_spans()
    assert (sdks.name, sdks.kind, sdks.parent) == ("anthropic.messages.batches.create", SpanKind.CLIENT, stage.context)
    assert not any("livraison" in span.to_json() for span in (sdks, stage))
    assert "traceparent" not in httpserver.log[0][0].headers


def test_a_fetched_page_has_a_span_without_the_secrets_of_its_address(
    telemetry: Telemetry, kept: InMemorySpanExporter, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/avis").respond_with_data("page")
    url = httpserver.url_for("/avis?token=s3cret").replace("http://", "http://user:passw0rd@")
    with telemetry.observer.stage("scrape", "run-1"):
        requests.get(url, timeout=5)
        with pytest.raises(requests.ConnectionError):
            requests.get("http://127.0.0.1:9/avis?token=s3cret", timeout=5)

    fetched, failed, stage = kept.get_finished_spans()
    assert fetched.attributes and fetched.attributes["url.full"] == httpserver.url_for("/avis")
    assert fetched.attributes["http.response.status_code"] == 200
    # a trace of its own: thousands of pages in one are more than Tempo takes
    assert fetched.parent is None and failed.parent is None
    assert [link.context for span in (fetched, failed) for link in span.links] == [stage.context] * 2
    assert not failed.status.is_ok and failed.attributes["error.type"] == "ConnectionError"
    assert not any(secret in span.to_json() for span in (fetched, failed) for secret in ("s3cret", "passw0rd"))
    # no trace context is sent to the site
    assert "traceparent" not in httpserver.log[0][0].headers


def test_existing_instrumentation_of_requests_is_not_changed(kept: InMemorySpanExporter) -> None:
    theirs = RequestsInstrumentor()
    theirs.instrument(tracer_provider=NoOpTracerProvider())
    send = requests.Session.send
    with start(span_processors=[SimpleSpanProcessor(kept)]):
        assert requests.Session.send is send
    assert requests.Session.send is send
    theirs.uninstrument()


def test_an_exception_is_recorded_on_the_span_by_its_type_only(
    telemetry: Telemetry, kept: InMemorySpanExporter
) -> None:
    """A message or a stack may quote the verbatim, as pydantic's do."""
    with pytest.raises(ValueError), telemetry.observer.call(Ask("v", TEXT, "key", "fichier")):
        raise ValueError(TEXT)
    (span,) = kept.get_finished_spans()
    assert not span.status.is_ok
    assert span.attributes and span.attributes["error.type"] == "ValueError"
    assert "livraison" not in span.to_json()


def test_spans_inside_an_unsampled_parent_are_kept_and_start_a_new_trace(
    telemetry: Telemetry, kept: InMemorySpanExporter
) -> None:
    """Airflow runs a task inside such a parent when its own traces are off."""
    airflows = NonRecordingSpan(SpanContext(trace_id=7, span_id=7, is_remote=True))
    observer = telemetry.observer
    with (
        use_span(airflows),
        observer.stage("analyse", "run-1"),
        observer.call(Ask("v", TEXT, "key", "fichier")) as call,
    ):
        pass
    assert call.trace_id
    assert [(span.name, span.parent) for span in kept.get_finished_spans()] == [
        ("analyse verbatim", None),
        ("stage analyse", None),
    ]
