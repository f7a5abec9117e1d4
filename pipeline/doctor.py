"""`verbatims doctor`: checks everything that a run depends on, and says what is wrong and how to fix it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import requests

from pipeline.errors import VerbatimsError
from pipeline.settings import Settings, setting_name
from pipeline.urls import origin

TIMEOUT_S = 3.0
"""Timeout of one request: long enough for a loaded machine, short enough for a person who waits."""

NOT_MADE = "not made yet; the first run makes it"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    name: str
    fine: bool
    said: str
    set_up: bool = True
    """False for a server that no setting names and that is not there: a run does without it."""


def examine(settings: Settings) -> Iterator[Finding]:
    """Check each part in the order in which a run uses it. Makes no paid call, no database and no row."""
    yield Finding("settings", True, f"SCRAPER_MODE={settings.mode}, model {settings.asked_model}")
    for name, check in _CHECKS.items():
        yield _run_check(name, check, settings)


class CheckError(Exception):
    """A check failed. The message is one line: what is wrong and how to fix it."""


class NotSetUp(Exception):
    """A server that no setting names is not there. The message says which setting would name it."""


def _run_check(name: str, check: Callable[[Settings], str], settings: Settings) -> Finding:
    try:
        return Finding(name, True, check(settings))
    except NotSetUp as nothing:
        return Finding(name, True, str(nothing), set_up=False)
    except (VerbatimsError, CheckError) as error:
        return Finding(name, False, str(error))


def _store(settings: Settings) -> str:
    from pipeline.store import peek_store

    store = peek_store(settings.store, writes=True)
    if store is None:
        return NOT_MADE
    with closing(store):
        store.runs.check_mode(settings.mode)
        return f"{store.name} opens"


def _warehouse(settings: Settings) -> str:
    from pipeline.load import open_warehouse
    from pipeline.session import file_of_warehouse, sandbox_for

    file = file_of_warehouse(settings)
    if file is not None and not file.exists():
        return NOT_MADE
    with sandbox_for(settings) as endpoint:
        warehouse = open_warehouse(settings.warehouse_url, sandbox=settings.sandbox, endpoint=endpoint)
        warehouse.close()
    return f"{warehouse.name} opens"


def _sources(settings: Settings) -> str:
    if settings.sandbox:
        return "the sandbox's own site"
    from pipeline.source import config
    from pipeline.source.web.fetcher import Fetcher

    named = [source.name for source in config.load_sources(settings.sources, Fetcher())]
    return f"{settings.sources} describes {', '.join(named)}; `verbatims run --dry-run` reads them"


def _claude(settings: Settings) -> str:
    if settings.sandbox:
        return _sandbox(settings)
    assert settings.api_key is not None  # `Settings` requires it in prod
    base = settings.base_url or "https://api.anthropic.com"
    return _model(base, settings.asked_model, settings.api_key.get_secret_value())


def _model(base: str, model: str, key: str) -> str:
    """Ask for the model, which is free of charge and needs a valid key."""
    headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
    path = f"/v1/models/{quote(model, safe='')}"
    answer = _get(f"{base}{path}", "ANTHROPIC_BASE_URL and the network", headers)
    if answer.status_code in (401, 403):
        raise CheckError(f"{origin(base)} refuses the key ({answer.status_code}): check ANTHROPIC_API_KEY")
    if answer.status_code == 404:
        raise CheckError(f"{origin(base)} knows no model {model}: check VERBATIMS_MODEL")
    if answer.status_code >= 500:
        raise CheckError(f"{origin(base)} answers {answer.status_code}: try again later")
    return f"{origin(base)} answers and takes the key; {model}{_life(answer)}"


def _life(answer: requests.Response) -> str:
    """What the description of a model says of its end. Raises CheckError where it is over."""
    try:
        described = answer.json()
    except ValueError:
        return ""
    life, until = (described.get(name) if isinstance(described, dict) else None for name in ("lifecycle", "retires_at"))
    day = until[:10] if isinstance(until, str) else None
    if life == "retired":
        raise CheckError("the model is retired: name another in VERBATIMS_MODEL")
    if life == "deprecated" or day:
        return f" retires on {day}: choose its successor before then" if day else " is deprecated: choose its successor"
    return " is there, and no day is set on which it retires"


def _sandbox(settings: Settings) -> str:
    from pipeline.sandbox import identify

    if not settings.base_url:
        return "each run starts its own sandbox"
    if not identify(settings.base_url):
        place = origin(settings.base_url)
        raise CheckError(f"{place} is no sandbox: start `verbatims sandbox` there, or unset ANTHROPIC_BASE_URL")
    return f"{origin(settings.base_url)} is a sandbox: {_model(settings.base_url, settings.asked_model, 'sandbox')}"


def _collector(settings: Settings) -> str:
    if not settings.otlp_endpoint:
        raise NotSetUp("OTEL_EXPORTER_OTLP_ENDPOINT is not set: nothing is sent")
    place = urlsplit(settings.otlp_endpoint).netloc
    try:
        # an empty request is valid and adds no series
        answer = _session().post(
            f"{settings.otlp_endpoint}/v1/metrics",
            data=b"",
            headers={"Content-Type": "application/x-protobuf", **settings.export_headers},
            timeout=TIMEOUT_S,
        )
    except requests.RequestException:
        raise CheckError(f"{place} does not answer: start the Collector, or fix OTEL_EXPORTER_OTLP_ENDPOINT") from None
    if answer.status_code != 200:
        raise CheckError(f"{place} answers {answer.status_code} to OTLP: fix OTEL_EXPORTER_OTLP_ENDPOINT")
    return f"{place} takes OTLP"


def _server(field: str, path: str) -> Callable[[Settings], str]:
    key = setting_name(field)

    def check(settings: Settings) -> str:
        url = getattr(settings, field)
        try:
            return _ready(url, path, key)
        except CheckError:
            if field in settings.model_fields_set:
                raise
            raise NotSetUp(f"none at {origin(url)}; {key} names another address") from None

    return check


def _ready(url: str, path: str, key: str) -> str:
    answer = _get(url + path, key)
    if answer.status_code != 200:
        raise CheckError(f"{origin(url)} answers {answer.status_code}: look at its log, or fix {key}")
    return f"{origin(url)} is ready"


def _get(url: str, setting: str, headers: dict[str, str] | None = None) -> requests.Response:
    try:
        return _session().get(url, headers=headers, timeout=TIMEOUT_S, allow_redirects=False)
    except (requests.RequestException, ValueError):  # ValueError: urllib3's for an impossible host name
        raise CheckError(f"{urlsplit(url).netloc} does not answer: start it, or fix {setting}") from None


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxy, and no credentials from .netrc
    return session


_CHECKS: dict[str, Callable[[Settings], str]] = {
    "sources": _sources,
    "store": _store,
    "warehouse": _warehouse,
    "Claude": _claude,
    "Collector": _collector,
    "Prometheus": _server("prometheus_url", "/-/ready"),
    "Pushgateway": _server("pushgateway_url", "/-/ready"),
    "Tempo": _server("tempo_url", "/ready"),
    "Alertmanager": _server("alertmanager_url", "/-/ready"),
    "Grafana": _server("grafana_url", "/api/health"),
}
