"""A store that holds the verbatims of earlier daily runs, written by SQL alone: a million take some minutes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

from pipeline.analyser_series import series_of
from pipeline.evaluate.night import Night
from pipeline.load.table import ANALYSED
from pipeline.records import SANDBOX_MODEL, AnalyserRecord, Sentiment, Signal
from pipeline.store.totals import Total

from .measured import WORDS

A_DAY = 1000
"""Records of a day's run."""

SOURCES = ("shop", "app", "web")

# of each hundred: 2 skipped, 1 failed for good, 1 answered at the second attempt; of each thousand 1 rejected row
_NEW = """
WITH RECURSIVE numbers(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)
INSERT INTO texts (text_id, verbatim_id, source, external_id, rating, language, written_at, seen_on, text, text_hash,
                   characters, superseded, erased, kept, skip_reason, current)
SELECT n, lower(hex(randomblob(16))), CASE n % 3 WHEN 0 THEN 'shop' WHEN 1 THEN 'app' ELSE 'web' END, 'id-' || n,
       1 + n % 5, 'fr', {day} || 'T10:00:00+00:00', {day}, :words || n, lower(hex(randomblob(32))),
       length(:words || n), 0, 0, n % 50 <> 3, CASE WHEN n % 50 = 3 THEN 'duplicate' END, NULL
FROM numbers
"""
_RUN = "'day-' || t.seen_on"
_FILLED = (
    f"INSERT INTO run_records (run_id, position, text_id) SELECT {_RUN}, 1 + (text_id - :first) % :a_day, text_id "
    "FROM texts t WHERE text_id >= :first",
    f"""
    INSERT INTO attempts (run_id, text_id, analyser, request_key, outcome, json_error, refusal, model, input_tokens,
                          output_tokens, cost_usd, sent_at, duration_s, raw, cached_tokens, waited_s, maybe_usd)
    SELECT {_RUN}, text_id, :analyser, lower(hex(randomblob(32))),
           CASE WHEN tried.n = 2 THEN 'unreadable' WHEN text_id % 100 = 7 THEN 'refused' ELSE 'analysed' END,
           CASE WHEN tried.n = 2 THEN 'not_json' END, CASE WHEN text_id % 100 = 7 THEN 'cyber' END, :model, 900, 120,
           0.0015, seen_on || 'T12:' || printf('%02d:%02d', text_id / 60 % 60, text_id % 60) || '.000000+00:00',
           1.5 + text_id % 7, '{{}}', 0, 0.0, 0.0
    FROM texts t JOIN (SELECT 1 AS n UNION ALL SELECT 2) AS tried ON tried.n = 1 OR text_id % 100 = 11
    WHERE text_id >= :first AND skip_reason IS NULL ORDER BY text_id, tried.n DESC
    """,
    """
    INSERT INTO answers (request_key, run_id, text_id, summary, sentiment, topics, new_topics, model, prompt_version,
                         trace_id, analysed_at)
    SELECT request_key, run_id, text_id, 'Livraison en retard, vendeur réactif.',
           CASE WHEN text_id % 10 < 5 THEN 'positive' WHEN text_id % 10 < 8 THEN 'negative' ELSE 'mixed' END,
           CASE text_id % 3 WHEN 0 THEN '["delivery"]' ELSE '["delivery", "support"]' END,
           CASE text_id % 10 WHEN 0 THEN :new_topic ELSE '[]' END, model, 'analyse_v1', trace_id, sent_at
    FROM attempts WHERE attempt_id > :attempt AND outcome = 'analysed'
    """,
    """
    INSERT INTO analyses (analysis_id, text_id, analyser, run_id, outcome, request_key)
    SELECT text_id, text_id, analyser, run_id, outcome, CASE outcome WHEN 'analysed' THEN request_key END
    FROM attempts WHERE attempt_id > :attempt AND outcome <> 'unreadable'
    """,
    "UPDATE texts SET current = text_id WHERE text_id >= :first AND skip_reason IS NULL AND text_id % 100 <> 7",
    """
    INSERT INTO deliveries (verbatim_id, warehouse, due, sent, problem)
    SELECT verbatim_id, 1, 1, CASE text_id % 1000 WHEN 1 THEN 0 ELSE 1 END,
           CASE text_id % 1000 WHEN 1 THEN 'text is too long' END
    FROM texts WHERE text_id >= :first AND current IS NOT NULL
    """,
    f"""
    INSERT INTO rows.{ANALYSED} (verbatim_id, run_id, source, external_id, rating, language, written_at, written_on,
        seen_on, text, summary, sentiment, topics, new_topics, model, prompt_version, cost_usd, analysed_at,
        input_tokens, output_tokens, cached_tokens, analyser)
    SELECT verbatim_id, a.run_id, source, external_id, rating, language, written_at, substr(written_at, 1, 10),
           seen_on, text, summary, sentiment, topics, new_topics, model, prompt_version, 0.0015, analysed_at,
           900, 120, 0, :analyser
    FROM texts t JOIN answers a ON a.request_key = (SELECT request_key FROM analyses WHERE analysis_id = t.current)
    WHERE t.text_id >= :first AND t.text_id % 1000 <> 1
    """,
)
_NEW_TOPIC = json.dumps([{"label": "Emballage", "definition": "Le soin de l'emballage.", "quote": "deux jours"}])


def fill(store: Path, warehouse: Path, days: Iterable[date], analyser: AnalyserRecord) -> None:
    """One run of 1000 verbatims for each of these days, loaded into the warehouse; both have been used before."""
    listed = [day.isoformat() for day in days]
    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute("ATTACH ? AS rows", (str(warehouse),))
        for pragma in ("synchronous=OFF", "journal_mode=OFF", "cache_size=-4000000", "foreign_keys=OFF"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        connection.execute("PRAGMA rows.synchronous=OFF")
        connection.execute("PRAGMA rows.journal_mode=OFF").fetchall()
        connection.execute("BEGIN")
        _fill(connection, listed, analyser)
        connection.execute("COMMIT")
        for name in ("main", "rows"):
            connection.execute(f"PRAGMA {name}.journal_mode=WAL").fetchall()


def _fill(connection: sqlite3.Connection, days: list[str], analyser: AnalyserRecord) -> None:
    [first] = connection.execute("SELECT coalesce(max(text_id), 0) + 1 FROM texts").fetchone()
    [attempt] = connection.execute("SELECT coalesce(max(attempt_id), 0) FROM attempts").fetchone()
    given = {"first": first, "last": first + len(days) * A_DAY - 1, "a_day": A_DAY, "attempt": attempt}
    given |= {"words": WORDS, "analyser": analyser.fingerprint, "model": SANDBOX_MODEL, "new_topic": _NEW_TOPIC}
    _add_runs(connection, days)
    day = f"date('{days[0]}', '+' || ((n - :first) / :a_day) || ' days')"
    connection.execute(_NEW.format(day=day), given)
    for statement in _FILLED:
        connection.execute(statement, given)
    _add_counts(connection, days, analyser)


def _add_runs(connection: sqlite3.Connection, days: list[str]) -> None:
    connection.executemany(
        "INSERT INTO runs (run_id, mode, input, day, started_at, ended_at) VALUES (?, 'sandbox', 'bench', ?, ?, ?)",
        [(f"day-{day}", day, f"{day}T12:00:00+00:00", f"{day}T13:00:00+00:00") for day in days],
    )
    connection.executemany(
        "INSERT INTO crawls (source, definition, started_at, ended_at, pages, found, fresh, run_id) "
        "VALUES (?, 'd', ?, ?, 10, 350, 333, ?)",
        [(source, f"{day}T12:00:00", f"{day}T12:01:00", f"day-{day}") for day in days for source in SOURCES],
    )


def _add_counts(connection: sqlite3.Connection, days: list[str], analyser: AnalyserRecord) -> None:
    """What the runs and the nights came to: about as it would be counted, each run the same."""
    series = [*_series()]
    rows = [(run, *one) for day in days for run in (f"day-{day}", "") for one in series]
    connection.executemany(
        "INSERT INTO totals (run_id, process, name, label, detail, n, amount) VALUES (?, '', ?, ?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET n = n + excluded.n, amount = amount + excluded.amount",
        rows,
    )
    connection.executemany(
        "INSERT INTO spending (day, run_id, process, usd) VALUES (?, ?, 'p', 1.5)",
        [(day, f"day-{day}") for day in days],
    )
    counts: dict[tuple[int | None, Sentiment], int] = {(stars, one): 16 for stars in range(1, 6) for one in Sentiment}
    night = json.dumps(Night(330, counts, {Signal.UNREADABLE: 3, Signal.REFUSAL: 3, Signal.NEW_TOPIC: 33}).as_counts())
    of = series_of(analyser.fingerprint, analyser.definition)
    connection.executemany(
        "INSERT INTO nights (series, source, day, sent_on, counts) VALUES (?, ?, ?, ?, ?)",
        [(of, source, day, day, night) for day in days for source in SOURCES],
    )


def _series() -> Iterable[tuple[str, str, str, int, float]]:
    for source in SOURCES:
        for sentiment, n in (("positive", 162), ("negative", 97), ("mixed", 64)):
            yield Total.ANALYSED, source, sentiment, n, 0.0
        yield Total.SKIPPED, source, "duplicate", 7, 0.0
        yield Total.INPUT_TOKENS, source, "", 330 * 900, 0.0
        yield Total.OUTPUT_TOKENS, source, "", 330 * 120, 0.0
        yield Total.COST_USD, source, "", 330, 0.5
    for outcome, n in (("analysed", 970), ("refused", 10), ("unreadable", 10)):
        yield Total.ATTEMPTS, outcome, "", n, n * 4.5
    for name, label in ((Total.LENGTHS, "medium"), (Total.LANGUAGES, "fr"), (Total.TOPICS, "delivery")):
        yield name, label, "", 970, 0.0
    yield Total.TOPICS, "support", "", 640, 0.0
    yield Total.NEW_TOPICS, "", "", 97, 0.0
    yield Total.JSON_ERRORS, "not_json", "", 10, 0.0
    yield Total.LOAD_ERRORS, "row_refused", "", 1, 0.0


def days_before(last: date, count: int) -> list[date]:
    """So many days in a row, of which the last one is given."""
    return [last - timedelta(days=back) for back in reversed(range(count))]
