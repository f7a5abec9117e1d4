"""A store that the version before has made becomes one of today's: nothing lost, nothing counted or asked twice."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from analysers import ANALYSER
from load.former import FORMER

from pipeline.analyse.policy import FINAL_OUTCOMES
from pipeline.delivery import deliver
from pipeline.errors import SettingsError
from pipeline.load import Warehouse, open_warehouse
from pipeline.store import Store, StoreTotals, migrate, open_store
from pipeline.store.database import Database
from pipeline.store.tables import analyses, texts

from .test_claims import asks, good

BEFORE = Path(__file__).parent / "before"
EXPECTED: dict[str, Any] = json.loads((BEFORE / "expected.json").read_text(encoding="utf-8"))["sqlite"]
STOPPED = "20261121T080001-ab12cd"
"""The run that was stopped in the middle."""


def restore(url: str) -> None:
    """The old store at a URL."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.executescript((BEFORE / "sqlite.sql").read_text(encoding="utf-8"))
        return
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((BEFORE / "postgres.sql").read_bytes())


@pytest.fixture
def old_url(database_url: str) -> str:
    restore(database_url)
    return database_url


@pytest.fixture
def upgraded(old_url: str) -> Iterator[Store]:
    with closing(open_store(old_url)) as store:
        yield store


@pytest.fixture
def warehouse(old_url: str, tmp_path: Path) -> Iterator[Warehouse]:
    """The store's own file, or one beside a server; with the rows of before."""
    url = old_url if old_url.startswith("sqlite") else f"sqlite:///{tmp_path}/rows.db"
    if url != old_url:
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.execute(FORMER)
            marks = ", ".join("?" * len(EXPECTED["warehouse"][0]))
            connection.executemany(f"INSERT INTO verbatims_analysed_v1 VALUES ({marks})", EXPECTED["warehouse"])
            connection.commit()
    with closing(open_warehouse(url, sandbox=True)) as opened:
        yield opened


def ask_old(url: str, sql: str) -> list[tuple[Any, ...]]:
    with closing(Database(url)) as database, database.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(sql).all()]


def rows(warehouse: Warehouse) -> list[list[Any]]:
    """As the version before had them, without the column `analyser`."""
    found = warehouse.query("SELECT * FROM verbatims_analysed_v1 ORDER BY verbatim_id", {})
    return [[value for name, value in row.items() if name != "analyser"] for row in found]


def test_every_total_and_count_stays(upgraded: Store) -> None:
    methods = [name for name in vars(StoreTotals) if name in EXPECTED["totals"]]
    assert len(methods) == len(EXPECTED["totals"])
    assert {name: listed(getattr(upgraded.totals, name)()) for name in methods} == {
        name: sorted(EXPECTED["totals"][name]) for name in methods
    }
    for run_id, said in EXPECTED["counts"].items():
        counts, expected = asdict(upgraded.runs.count(run_id)), dict(said)
        counts.pop("load_refused"), expected.pop("load_refused")  # see the next test
        assert counts == expected
        assert asdict(upgraded.runs.count_rows(run_id)) == EXPECTED["row_counts"][run_id]


def listed(total: Any) -> list[Any]:
    """As the file has it: labels and value."""
    if not isinstance(total, dict):
        return [[total]]
    return sorted(
        [*([labels] if isinstance(labels, str) else labels), list(value) if isinstance(value, tuple) else value]
        for labels, value in total.items()
    )


def test_failures_are_listed_with_the_run_that_read_them(upgraded: Store) -> None:
    """A dead letter was listed with the run whose load met it last, at no place; now with its record.

    What the records have cost was not listed.
    """
    fields = ("position", "source", "external_id", "outcome", "detail", "trace_id")
    found = {
        run_id: [{name: getattr(one, name) for name in fields} for one in upgraded.runs.failures(run_id)]
        for run_id in EXPECTED["failures"]
    }
    dead = [one for those in found.values() for one in those if one["outcome"] == "load_refused"]
    [before] = [one for those in EXPECTED["failures"].values() for one in those if one["outcome"] == "load_refused"]
    assert [one | {"position": 0} for one in dead] == [before] and dead[0]["position"] == 18
    for run_id, expected in EXPECTED["failures"].items():
        others = [one for one in found[run_id] if one not in dead]
        assert others == [one for one in expected if one["outcome"] != "load_refused"]


def test_the_next_load_brings_what_the_version_before_would_have_brought(upgraded: Store, warehouse: Warehouse) -> None:
    assert rows(warehouse) == EXPECTED["warehouse"]
    deliver(upgraded, warehouse, lambda *_: None)
    assert rows(warehouse) == EXPECTED["warehouse_after_load"]
    again = deliver(upgraded, warehouse, lambda *_: None)
    assert (dict(again.by_run), rows(warehouse)) == ({}, EXPECTED["warehouse_after_load"])


def test_nothing_is_asked_again_and_the_stopped_run_is_finished_by_the_new_analyser(
    old_url: str, warehouse: Warehouse
) -> None:
    waiting = "outcome IS NULL AND kept AND NOT superseded AND text IS NOT NULL"
    pending = {
        run_id: [row for (row,) in ask_old(old_url, sql)]
        for run_id in EXPECTED["counts"]
        for sql in [
            f'SELECT v."row" FROM verbatims v JOIN readings r ON r."row" = v."row" WHERE r.run_id = \'{run_id}\' '
            f"AND {waiting} ORDER BY 1"
        ]
    }
    with closing(open_store(old_url)) as store:
        for run_id, expected in pending.items():
            found = store.claims(run_id, ANALYSER, FINAL_OUTCOMES).pending(0, 100)
            assert [one.text_id for one in found] == expected
        claims = store.claims(STOPPED, ANALYSER, FINAL_OUTCOMES)
        taken = claims.take(asks(claims))
        claims.commit(good(*taken.asks))
        claims.take(taken.waiting)
        assert store.runs.count(STOPPED).pending == 0 and len(pending[STOPPED]) == 6
        with store.database.read() as connection:
            made = dict(
                connection.execute(
                    sa.select(analyses.c.analyser, sa.func.count())
                    .join(texts, texts.c.current == analyses.c.analysis_id)
                    .where(analyses.c.run_id == STOPPED)
                    .group_by(analyses.c.analyser)
                ).all()
            )
        assert made == {"before:sandbox:analyse_v1": EXPECTED["row_counts"][STOPPED]["made"], ANALYSER.fingerprint: 6}
        delivered = deliver(store, warehouse, lambda *_: None)
        assert delivered.by_run[STOPPED] == EXPECTED["row_counts"][STOPPED]["made"] + 6


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("view", [None, "CREATE VIEW broken AS SELECT * FROM a_table_that_is_gone"])
def test_an_analysts_views_go_on(old_url: str, view: str | None) -> None:
    def negative() -> list[tuple[Any, ...]]:
        return ask_old(old_url, "SELECT * FROM analyst_negative ORDER BY 1")

    before = negative()
    with closing(sqlite3.connect(old_url.removeprefix("sqlite:///"))) as connection:
        connection.execute(view or "SELECT 1")
    open_store(old_url).close()
    open_warehouse(old_url, sandbox=True).close()
    assert negative() == before != []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_row_that_refers_to_nothing_stops_the_upgrade_and_nothing_is_changed(old_url: str) -> None:
    with closing(sqlite3.connect(old_url.removeprefix("sqlite:///"))) as connection:
        connection.execute('UPDATE readings SET "row" = 99999 WHERE position = 1')
        connection.commit()
    with pytest.raises(SettingsError, match="run_records refers to none of texts"):
        open_store(old_url)
    assert ask_old(old_url, "SELECT version_num FROM alembic_version") == [("0004",)]


KILLED_EVERYWHERE = """
import os, sys
import alembic.command, alembic.config  # here, so that no child has to
import sqlalchemy as sa
from pipeline.store.database import Database
from pipeline.store.migrate import HEAD, migrate, revision

url, step, at, codes = sys.argv[1], int(sys.argv[2]), 0, set()
while 0 not in codes:
    at += step
    child = os.fork()
    if not child:
        database, statements = Database(url), iter(range(1, 10_000))
        sa.event.listen(
            database.engine, "before_cursor_execute", lambda *_: next(statements) == at and os.kill(os.getpid(), 9)
        )
        migrate(database)
        os._exit(0)
    codes.add(os.waitpid(child, 0)[1])
    database = Database(url)
    with database.read() as connection:
        assert revision(connection) == (HEAD if 0 in codes else "0004"), at
        assert sa.inspect(connection).has_table("verbatims") is not (0 in codes), at
    database.close()
assert codes == {0, 9}, codes
print(at)
"""


@pytest.mark.long
def test_killed_at_any_statement_the_store_is_the_old_one_and_the_next_start_upgrades_it(old_url: str) -> None:
    # on Postgres every seventh of them: each takes half a second there, and all were tried once
    step = "1" if old_url.startswith("sqlite") else "7"
    command = [sys.executable, "-c", KILLED_EVERYWHERE, old_url, step]
    said = subprocess.check_output(command, text=True, timeout=300)
    assert int(said) > 50
    with closing(open_store(old_url)) as store:
        assert listed(store.totals.analysed()) == sorted(EXPECTED["totals"]["analysed"])


def claim_for(url: str, host: str, pid: int, seconds: float) -> None:
    with closing(Database(url)) as database, database.write() as connection:
        now = time.time()
        values = {"key": f"{host} {pid}", "host": host, "pid": pid, "expires": now + seconds}
        connection.execute(sa.text("INSERT INTO claims VALUES (:key, 'somebody', :host, :pid, :expires)"), values)


@pytest.mark.long
def test_whoever_still_works_on_the_old_store_is_waited_for_and_then_named(
    old_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim_for(old_url, os.uname().nodename, 2**22 + 1, 60)  # a process that is gone
    claim_for(old_url, "another-machine", 7, 60)
    monkeypatch.setattr(migrate, "WAIT_S", 0.1)
    with pytest.raises(SettingsError, match=r"and process 7 of another-machine still works on it: let it end"):
        open_store(old_url)
    assert ask_old(old_url, "SELECT version_num FROM alembic_version") == [("0004",)]

    def end() -> None:
        with closing(Database(old_url)) as database, database.write() as connection:
            connection.exec_driver_sql("DELETE FROM claims WHERE host = 'another-machine'")

    monkeypatch.setattr(migrate, "WAIT_S", 60)
    threading.Timer(0.3, end).start()
    open_store(old_url).close()


def test_cost_and_tokens_of_before_are_given_to_their_sources(upgraded: Store) -> None:
    by_hand = """SELECT t.source, sum(a.cost_usd), sum(a.input_tokens), sum(a.output_tokens)
        FROM attempts a JOIN texts t ON t.text_id = a.text_id GROUP BY t.source"""
    with upgraded.database.read() as connection:
        found = connection.exec_driver_sql(by_hand).all()
    assert upgraded.totals.cost_usd() == pytest.approx({source: usd for source, usd, _, _ in found})
    tokens = upgraded.totals.tokens()
    assert found and tokens == {(one[0], kind): one[at] for one in found for at, kind in ((2, "input"), (3, "output"))}


def test_what_no_attempt_accounts_for_stays_in_the_totals_without_a_source(old_url: str) -> None:
    """A process may have counted into a row of its own, which is not part of the totals of all runs yet."""
    row = f"INSERT INTO totals VALUES ('{STOPPED}', 'somebody', 'input_tokens', '', '', 1000, 0)"
    with closing(Database(old_url)) as database:
        migrate.migrate(database, "0009")
        with database.write() as connection:
            ever = "SELECT sum(n) FROM totals WHERE name = 'input_tokens' AND run_id = ''"
            before = connection.exec_driver_sql(ever).scalar_one()
            columns = "(run_id, process, name, label, detail, n, amount)"
            connection.exec_driver_sql(row.replace(" VALUES", f" {columns} VALUES"))
    with closing(open_store(old_url)) as store:
        tokens = store.totals.tokens()
        assert tokens["", "input"] == 1000 and ("", "output") not in tokens
        assert sum(n for (_, kind), n in tokens.items() if kind == "input") == before + 1000
        assert store.totals_of(STOPPED).tokens()["", "input"] == 1000


def test_topics_and_languages_of_before_are_counted(upgraded: Store) -> None:
    by_hand = """SELECT coalesce(t.language, 'unknown') AS language, a.topics FROM texts t
        JOIN analyses y ON y.analysis_id = t.current JOIN answers a ON a.request_key = y.request_key"""
    with upgraded.database.read() as connection:
        found = connection.exec_driver_sql(by_hand).all()
    assert found
    assert upgraded.totals.languages() == Counter(row.language for row in found)
    assert upgraded.totals.topics() == Counter(topic for row in found for topic in set(json.loads(row.topics)))
    for run_id in EXPECTED["counts"]:
        totals = upgraded.totals_of(run_id)
        assert sum(totals.languages().values()) == sum(totals.analysed().values())
