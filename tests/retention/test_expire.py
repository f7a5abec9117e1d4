"""Words go when their time is up, whatever stops on the way; what is younger is not touched."""

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from analysers import ANALYSER

import pipeline.file_erasure
import pipeline.retention
from pipeline.analyse.policy import FINAL_OUTCOMES
from pipeline.errors import TransientError
from pipeline.journey import load
from pipeline.load import open_warehouse
from pipeline.retention import expire, first_day_kept
from pipeline.store.deliveries import PAGE

from .conftest import BEFORE, GOOD, NEW, OLD, UNASKED, World, attempt, completed


def test_a_younger_verbatim_keeps_the_answer_that_an_erased_one_paid_for(world: World) -> None:
    world.night(OLD, {"a": ("canari", GOOD)})
    world.night(NEW, {"b": ("canari", GOOD)})
    assert expire(world.session, BEFORE) == 1
    assert [row["summary"] for row in world.rows(words=True)].count("Dit : canari") == 1
    again = world.night(NEW, {"c": ("canari", GOOD)})
    assert world.count(again)["calls"] == 0


def test_an_identical_text_that_comes_when_all_are_erased_is_asked_anew(world: World) -> None:
    world.night(OLD, {"a": ("canari", GOOD)})
    expire(world.session, BEFORE)
    assert world.count(world.night(NEW, {"b": ("canari", GOOD)}))["calls"] == 1


def test_the_same_text_scraped_again_stays_erased_and_is_not_asked(world: World) -> None:
    world.night(OLD, {"a": ("canari", GOOD)})
    expire(world.session, BEFORE)
    counts = world.count(world.night(None, {"a": ("canari", GOOD)}))
    assert (counts["calls"], counts["from_cache"]) == (0, 1)
    assert [row["text"] for row in world.rows(words=True)] == [None]


def test_a_verbatim_that_nobody_has_asked_about_cannot_be_asked_any_more(world: World) -> None:
    run_id = world.night(OLD, {"a": ("canari", UNASKED)})
    expire(world.session, BEFORE)
    pending = world.store.claims(run_id, ANALYSER, FINAL_OUTCOMES).pending(0, 10)
    assert (pending, world.store.texts.count_pending(run_id)) == ([], 0)


def test_the_old_row_of_an_edited_text_that_was_never_loaded_goes_too(world: World) -> None:
    world.night(OLD, {"a": ("canari", GOOD)})
    world.night(OLD, {"a": ("canari changé", UNASKED)}, loads=False)
    expire(world.session, BEFORE)
    assert world.rows(words=True) == []


def test_an_answer_that_came_since_the_page_was_read_is_erased_with_it(world: World) -> None:
    run_id = world.night(OLD, {"a": ("canari", UNASKED)})
    claims, erasure = world.store.claims(run_id, ANALYSER, FINAL_OUTCOMES), world.store.erasure
    [ask] = claims.take(world.asks(claims, {"canari": GOOD})).asks
    for page in erasure.aged(BEFORE):
        claims.commit([completed(ask, attempt(GOOD, ask.text))])
        load(world.session, run_id)
        assert erasure.erase(page) == 1
    assert expire(world.session, BEFORE) == 0
    assert "canari" not in repr(world.dump()) + repr(world.rows(words=True))


def test_an_erasure_waits_for_a_load_that_has_read_the_row(world: World) -> None:
    """The load may be killed once it has written: nobody would know that the row has its words again."""
    world.night(OLD, {"a": ("canari", GOOD)}, loads=False)
    erased = threading.Thread(target=expire, args=(world.session, BEFORE))
    with closing(open_warehouse(f"sqlite:///{world.warehouse}", sandbox=True)) as slow:
        with world.store.deliveries.exclusive():
            pages = [due.rows for due in world.store.deliveries.due(world.store.deliveries.begin(slow.marks()))]
            erased.start()
            erased.join(0.5)
            slow.load(pages)
        erased.join(60)
    assert [row["text"] for row in world.rows(words=True)] == [None]


def test_more_than_a_page_goes_in_one_call(world: World) -> None:
    world.scrape(OLD, {f"n{number}": f"canari {number}" for number in range(PAGE + 1)})
    assert (expire(world.session, BEFORE), expire(world.session, BEFORE)) == (PAGE + 1, 0)


def test_a_stop_between_warehouse_and_store_is_mended_by_the_next_call(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise TransientError("killed")

    world.night(OLD, {"a": ("canari", GOOD)})
    counts = world.counts()
    with monkeypatch.context() as patch, pytest.raises(TransientError):
        patch.setattr(pipeline.retention, "deliver", stop)
        expire(world.session, BEFORE)
    assert "canari" not in repr(world.dump()) and "canari" in repr(world.rows(words=True))
    assert expire(world.session, BEFORE) == 0
    assert "canari" not in repr(world.rows(words=True)) and world.counts() == counts


def test_what_the_warehouse_refuses_stays_due(world: World) -> None:
    world.night(OLD, {"a": ("canari", GOOD)})
    with closing(sqlite3.connect(world.warehouse)) as connection:
        connection.execute(
            "CREATE TRIGGER no BEFORE UPDATE ON verbatims_analysed_v1 BEGIN SELECT RAISE(ABORT, 'read only'); END"
        )
        with pytest.raises(TransientError, match="refused 1 rows"):
            expire(world.session, BEFORE)
        connection.execute("DROP TRIGGER no")
    assert expire(world.session, BEFORE) == 0 and "canari" not in repr(world.rows(words=True))


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_no_file_holds_the_words_any_more_but_those_of_younger_ones(world: World, tmp_path: Path) -> None:
    """Some builds of SQLite overwrite most of what is deleted by themselves; this test asks for one that does not."""
    engine = world.store.database.engine
    engine.dispose()
    sa.event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA secure_delete=OFF").close())
    for part in range(8):
        old = {f"o{part}-{n}": (f"canari-{part:02}{n:02}. " * (1 + 7 * n), GOOD) for n in range(40)}
        world.night(OLD, old)
        world.night(NEW, {f"n{part}": (f"moineau-{part}", GOOD)})
    assert b"canari" in everything(tmp_path)
    expire(world.session, BEFORE)
    assert b"canari" not in everything(tmp_path)
    assert all(f"moineau-{part}".encode() in everything(world.warehouse.parent) for part in range(8))


def everything(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_a_reader_in_the_way_is_said_and_the_next_call_finishes(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(pipeline.file_erasure, "TIMEOUT_S", 0)
    world.night(OLD, {"a": ("canari", GOOD)})
    with closing(sqlite3.connect(world.warehouse, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM verbatims_analysed_v1").fetchall()
        with pytest.raises(TransientError, match="reads the file"):
            expire(world.session, BEFORE)
    assert expire(world.session, BEFORE) == 0
    assert b"canari" not in everything(world.warehouse.parent)


def test_the_day_from_which_texts_are_kept() -> None:
    today = datetime.now(UTC).date()
    assert first_day_kept(1) in (today - timedelta(1), today)  # the day may have changed in between
    assert first_day_kept(999_999_999).year == 1
