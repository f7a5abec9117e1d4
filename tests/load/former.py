"""The table of the version before, as it made it, without the column `analyser` that came late."""

from typing import Any

COLUMNS = (
    "verbatim_id TEXT NOT NULL PRIMARY KEY, run_id TEXT NOT NULL, source TEXT NOT NULL, external_id TEXT NOT NULL, "
    "url TEXT, rating REAL, language TEXT, written_at TEXT, seen_on TEXT NOT NULL, text TEXT, summary TEXT, "
    "sentiment TEXT NOT NULL, topics TEXT NOT NULL, new_topics TEXT NOT NULL, model TEXT NOT NULL, "
    "prompt_version TEXT NOT NULL, cost_usd REAL NOT NULL, trace_id TEXT, analysed_at TEXT NOT NULL"
)
FORMER = f"CREATE TABLE verbatims_analysed_v1 ({COLUMNS})"

WRITTEN = {
    "a": "2026-01-02",
    "b": "2026-01-02T10:30:00+01:00",
    "c": None,
    "d": "2026-01-02T10:30:00",
}
"""All forms in which the former table has a date: a day, an instant with an offset, none, and one without."""


def former_rows() -> list[tuple[Any, ...]]:
    """Four rows, one for each form of a date."""
    return [
        (
            one, "r1", "shop", one, None, 4.0, "fr", written, "2026-01-03", "Très bien", "Bien.", "positive",
            '["price"]', "[]", "sandbox", "analyse_v1", 0.001, None, "2026-01-03T00:00:00+00:00",
        )
        for one, written in WRITTEN.items()
    ]  # fmt: skip
