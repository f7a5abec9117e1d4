"""Writes the report of a run from its store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipeline.analyse.topics import load_topics
from pipeline.errors import SettingsError, TransientError
from pipeline.report.facts import facts_of
from pipeline.report.files import file_of, folder_of
from pipeline.report.page import Context, page
from pipeline.report.words import Language
from pipeline.settings import Settings
from pipeline.store import Store
from pipeline.whole_file import whole_file


def write_report(store: Store, settings: Settings, run_id: str, language: Language | None = None) -> Path:
    """Replace the report of a run by one of what the store holds now; returns its file.

    In the language of the settings, unless one is named. Raises TransientError where it cannot be written.
    """
    language = language or Language(settings.report_language)
    context = _context(store, settings)
    while True:
        facts = facts_of(store, run_id)
        path = file_of(facts, folder_of(settings.store))
        _make(path.parent)
        with whole_file(path, "report") as file:
            file.write(page(facts, language, context).encode(errors="replace"))
        # a verbatim that is forgotten meanwhile: whoever erases looks for reports after the store has lost its words,
        # so one of both sees the other
        if not store.facts.erased_among(facts.quoted):
            return path
        path.unlink(missing_ok=True)


def _context(store: Store, settings: Settings) -> Context:
    labels = {
        topic.id: {"fr": _label(topic.fr), "en": _label(topic.en)}
        for topic in (*load_topics(settings.topics), *store.topics.ever_accepted())
    }
    return Context(labels, _trace_link(settings.grafana_url), settings.budget_usd_per_day)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise SettingsError(f"report: {folder} is there and is no folder; remove or rename it") from None
    except OSError as error:
        raise TransientError(f"report: {folder} cannot be made: {error.strerror}") from None


def _label(described: str) -> str:
    """What stands before the colon: `Delivery: delays, tracking` is called Delivery."""
    return described.partition(":")[0].strip()


def _trace_link(grafana_url: str) -> Callable[[str], str] | None:
    """The trace in the dashboard *Calls*, which needs no login."""
    if not grafana_url:
        return None

    def link(trace_id: str) -> str:
        return f"{grafana_url.rstrip('/')}/d/calls?var-trace={trace_id}"

    return link
