"""What a run reads stays in the store, once per verbatim, on SQLite and on Postgres alike."""

import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from pipeline.errors import SettingsError
from pipeline.records import BrokenRecord, Review, SkipReason
from pipeline.store import Decision, Store, open_store, peek_store
from pipeline.store.database import Database
from pipeline.store.migrate import HEAD, SCRIPTS, migrate
from pipeline.store.tables import metadata, texts

LONG = "Une phrase assez longue pour compter comme un doublon."


def review(position: int, text: str, external_id: str | None = None) -> Review:
    return Review("shop", external_id or f"id-{position}", text, position)


def read(store: Store, *records: Review | BrokenRecord) -> str:
    run_id = store.runs.start("sandbox", "test")
    assert sum(store.texts.add(run_id, records)) == len(records)
    return run_id


def clean(store: Store, run_id: str) -> list[Decision]:
    fresh: list[Decision] = []
    for page in store.texts.uncleaned(run_id):
        fresh += store.texts.decide(
            run_id, [Decision(v.text_id, v.source, SkipReason.DUPLICATE if v.duplicate else None) for v in page]
        )
    return fresh


def rows(store: Store) -> list[sa.Row]:
    with store.database.read() as connection:
        return list(connection.execute(sa.select(texts).order_by(texts.c.text_id)))


def test_the_same_input_again_adds_nothing(store: Store) -> None:
    read(store, review(1, "bonjour"), review(2, "au revoir"))
    before = rows(store)
    run_id = read(store, review(1, "bonjour"), review(2, "au revoir"))
    assert rows(store) == before
    assert store.runs.count(run_id).pending == 2


def test_an_edited_text_replaces_the_row_and_keeps_the_day_it_was_first_seen(store: Store) -> None:
    read(store, review(1, "bonjour"))
    read(store, review(1, "bonsoir"))
    old, new = rows(store)
    assert (old.superseded, old.text, new.superseded, new.text) == (True, None, False, "bonsoir")
    assert old.verbatim_id == new.verbatim_id and old.seen_on == new.seen_on


def test_the_same_id_twice_in_one_input_counts_once_and_is_a_failure_with_another_text(store: Store) -> None:
    run_id = read(store, review(1, "bonjour", "a"), review(2, "autre texte", "a"), review(3, "bonjour", "a"))
    counts = store.runs.count(run_id)
    assert (counts.scraped, counts.skipped, counts.pending) == (3, {"duplicate": 1}, 1)
    assert counts.failed == {"unreadable_record": 1}
    assert [row.text for row in rows(store)] == ["bonjour"]


def test_a_text_repeated_within_a_source_is_found_whatever_the_order_of_cleaning(store: Store) -> None:
    run_id = read(store, review(1, LONG), review(2, LONG), Review("other", "x", LONG, 3))
    fresh = clean(store, run_id)
    assert [decision.source for decision in fresh] == ["shop"]
    assert clean(store, run_id) == []


def test_an_unreadable_record_is_counted_and_listed_by_its_place(store: Store) -> None:
    run_id = read(store, BrokenRecord(7, "not JSON"))
    assert store.runs.count(run_id).failed == {"unreadable_record": 1}
    [failure] = store.runs.failures(run_id)
    assert (failure.position, failure.detail) == (7, "not JSON")


def test_a_store_holds_answers_of_one_kind(store: Store) -> None:
    store.runs.start("sandbox", "test")
    with pytest.raises(SettingsError, match="STORE") as error:
        store.runs.start("prod", "test")
    assert "\n" not in str(error.value)


def test_migrations_build_exactly_the_tables_of_the_code(store: Store) -> None:
    with store.database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_store_of_newer_code_is_refused_in_one_line(store: Store, store_url: str) -> None:
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    for look in (open_store, peek_store):
        with pytest.raises(SettingsError, match=r"STORE: .* has schema 9999.*: install the newer version"):
            look(store_url)


def test_an_older_store_is_upgraded_and_its_content_backed_up_first(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    read(store, review(1, "bonjour"))
    scripts = shutil.copytree(SCRIPTS, tmp_path / "migrations")
    (scripts / "versions" / "9998_next.py").write_text(
        f"from alembic import op\nrevision = '9998'\ndown_revision = '{HEAD}'\n\n"
        "def upgrade():\n    op.execute('DELETE FROM run_records')\n"
    )
    with closing(Database(store_url)) as database:
        migrate(database, "9998", scripts)
    database = store.database
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == "9998"
        assert connection.exec_driver_sql("SELECT count(*) FROM run_records").scalar_one() == 0
    assert _backed_up_records(database) == 1


def _backed_up_records(database: Database) -> int:
    copy = f"sqlite:///{database.engine.url.database}.before-9998"
    table = "run_records" if database.sqlite else "before_9998.run_records"
    with (
        closing(Database(copy if database.sqlite else str(database.engine.url))) as opened,
        opened.read() as connection,
    ):
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


@pytest.mark.long
def test_processes_that_start_at_once_build_a_new_store_once(database_url: str) -> None:
    code = f"from pipeline.store import open_store; open_store({database_url!r}).runs.start('sandbox', 'test')"
    started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    assert [process.wait(60) for process in started] == [0, 0, 0, 0]
    with closing(open_store(database_url)) as store, store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM runs").scalar_one() == 4


@pytest.mark.parametrize("url", ["sqlite:////proc/nowhere/x.db", "postgresql://me:hush@127.0.0.1:1/none"])
def test_a_store_out_of_reach_is_one_line_without_the_password(url: str) -> None:
    with pytest.raises(SettingsError, match="STORE") as error:
        open_store(url)
    assert "hush" not in str(error.value) and "\n" not in str(error.value)


def test_a_store_takes_in_so_many_sources_and_says_which_records_are_too_many(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over all inputs: a free text as the source would add series to the metrics for ever."""
    monkeypatch.setattr("pipeline.store.sources.MOST", 3)

    def read(*sources: str) -> list[tuple[int, str | None]]:
        run_id = store.runs.start("sandbox", "test")
        list(store.texts.add(run_id, [Review(source, "1", "merci", n) for n, source in enumerate(sources, 1)]))
        return [(failure.position, failure.detail) for failure in store.runs.failures(run_id)]

    assert read("a", "b") == [] and read("a", "c") == []
    assert [position for position, _ in read("b", "d", "c")] == [2]
    [(_, problem)] = read("e")
    assert problem is not None and problem.startswith("more than 1000 different sources in this store")
