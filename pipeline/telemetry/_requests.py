"""Spans of HTTP requests made with `requests`: fetched pages and calls to BigQuery.

Import only when spans are kept: the import takes 0.28 s, most of it `requests` itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import INVALID_SPAN, Link, Span, StatusCode, Tracer, TracerProvider, get_current_span, use_span

from pipeline.records import Stage

_OPT_IN = "OTEL_SEMCONV_STABILITY_OPT_IN"

_URLS = ("http.url", "url.full")
"""The attribute's old and new name in the HTTP semantic conventions."""


def instrument(tracer_provider: TracerProvider) -> bool:
    """Trace calls of `requests`; change nothing and return False if another library of the process already does.

    Exports over OTLP are not traced: the SDK suppresses that in their threads.
    """
    instrumentor = RequestsInstrumentor()
    if instrumentor.is_instrumented_by_opentelemetry:
        return False
    with _stable_names():
        instrumentor.instrument(tracer_provider=_RedactingProvider(tracer_provider), meter_provider=NoOpMeterProvider())
    return True


@contextmanager
def _stable_names() -> Iterator[None]:
    """Ask for `http.response.status_code` and the like; without it the instrumentation gives the names of before."""
    before = os.environ.get(_OPT_IN)
    os.environ[_OPT_IN] = before or "http"  # it is read at this moment only, and nowhere else
    try:
        yield
    finally:
        if before is None:
            del os.environ[_OPT_IN]


def uninstrument() -> None:
    """Undo `instrument`."""
    RequestsInstrumentor().uninstrument()


class _RedactingProvider(TracerProvider):
    def __init__(self, inner: TracerProvider) -> None:
        self._inner = inner

    def get_tracer(self, *args: Any, **kwargs: Any) -> Tracer:
        return _RedactingTracer(self._inner.get_tracer(*args, **kwargs))


class _RedactingTracer(Tracer):
    """Keeps secrets out of spans, and trace ids out of requests.

    The instrumentation masks only four query parameters of a URL, and it records the exception of a failed request,
    whose message quotes the whole URL.
    """

    def __init__(self, inner: Tracer) -> None:
        self._inner = inner

    def start_span(self, *args: Any, **kwargs: Any) -> Span:
        return self._inner.start_span(*args, **kwargs)

    @contextmanager
    def start_as_current_span(  # type: ignore[override]  # the API returns its own kind of context manager
        self, name: str, attributes: Mapping[str, Any] | None = None, **options: Any
    ) -> Iterator[Span]:
        options |= _own_trace() if _reads_pages() else {}
        span = self._inner.start_span(name, attributes=_without_query(attributes or {}), **options)
        # no current span, so that no `traceparent` header goes to the visited site
        with use_span(INVALID_SPAN, record_exception=False, set_status_on_exception=False):
            try:
                yield span
            except Exception as error:
                # the type only: the message quotes the URL
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise
            finally:
                span.end()


def _reads_pages() -> bool:
    """Whether the current span is that of a stage which may read any number of pages."""
    return (getattr(get_current_span(), "attributes", None) or {}).get("verbatims.stage") == Stage.SCRAPE


def _own_trace() -> dict[str, Any]:
    """A new trace that is linked to the stage: one trace of 25,000 pages lost 6,000 of them, since Tempo refuses more
    than 5 MB a trace."""
    return {"context": Context(), "links": [Link(get_current_span().get_span_context())]}


def _without_query(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _strip_url(value) if name in _URLS else value for name, value in attributes.items()}


def _strip_url(url: str) -> str:
    """The URL without user, password, query and fragment."""
    try:
        parts = urlsplit(url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    except ValueError:
        return "unreadable"
