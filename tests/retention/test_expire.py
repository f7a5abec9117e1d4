"""Expired texts are erased, also after an interruption; newer texts are not touched."""

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

from .conftest import BEFORE, GOOD, NEW, OLD, UNASKED, Scenario, attempt, completed


def test_a_newer_verbatim_keeps_the_answer_it_shares_with_an_erased_one(scenario: Scenario) -> None:
    scenario.run_night(OLD, {"a": ("canari", GOOD)})
    scenario.run_night(NEW, {"b": ("canari", GOOD)})
    assert expire(scenario.session, BEFORE) == 1
    assert [row["summary"] for row in scenario.rows(with_texts=True)].count("Dit : canari") == 1
    again = scenario.run_night(NEW, {"c": ("canari", GOOD)})
    assert scenario.count(again)["calls"] == 0


def test_an_identical_text_after_erasure_is_analysed_again(scenario: Scenario) -> None:
    scenario.run_night(OLD, {"a": ("canari", GOOD)})
    expire(scenario.session, BEFORE)
    assert scenario.count(scenario.run_night(NEW, {"b": ("canari", GOOD)}))["calls"] == 1


def test_an_erased_verbatim_scraped_again_stays_erased_and_is_not_analysed(scenario: Scenario) -> None:
    scenario.run_night(OLD, {"a": ("canari", GOOD)})
    expire(scenario.session, BEFORE)
    counts = scenario.count(scenario.run_night(None, {"a": ("canari", GOOD)}))
    assert (counts["calls"], counts["from_cache"]) == (0, 1)
    assert [row["text"] for row in scenario.rows(with_texts=True)] == [None]


def test_an_erased_verbatim_that_was_pending_is_not_analysed(scenario: Scenario) -> None:
    run_id = scenario.run_night(OLD, {"a": ("canari", UNASKED)})
    expire(scenario.session, BEFORE)
    pending = scenario.store.claims(run_id, ANALYSER, FINAL_OUTCOMES).pending(0, 10)
    assert (pending, scenario.store.texts.count_pending(run_id)) == ([], 0)


def test_expiring_deletes_the_old_row_of_an_edited_text_that_was_never_loaded(scenario: Scenario) -> None:
    scenario.run_night(OLD, {"a": ("canari", GOOD)})
    scenario.run_night(OLD, {"a": ("canari changé", UNASKED)}, loads=False)
    expire(scenario.session, BEFORE)
    assert scenario.rows(with_texts=True) == []


def test_an_answer_committed_after_the_page_was_read_is_erased_too(scenario: Scenario) -> None:
    run_id = scenario.run_night(OLD, {"a": ("canari", UNASKED)})
    claims, erasure = scenario.store.claims(run_id, ANALYSER, FINAL_OUTCOMES), scenario.store.erasure
    [ask] = claims.take(scenario.asks(claims, {"canari": GOOD})).asks
    for page in erasure.aged(BEFORE):
        claims.commit([completed(ask, attempt(GOOD, ask.text))])
        load(scenario.session, run_id)
        assert erasure.erase(page) == 1
    assert expire(scenario.session, BEFORE) == 0
    assert "canari" not in repr(scenario.dump()) + repr(scenario.rows(with_texts=True))


def test_an_erasure_waits_for_a_load_that_has_read_the_row_and_says_so(scenario: Scenario, tmp_path: Path) -> None:
    """The load may be killed once it has written: nobody would know that the row has its words again."""
    scenario.run_night(OLD, {"a": ("canari", GOOD)}, loads=False)
    erased = threading.Thread(target=expire, args=(scenario.session, BEFORE))
    with closing(open_warehouse(f"sqlite:///{scenario.warehouse}", sandbox=True)) as slow:
        with scenario.store.deliveries.exclusive():
            pages = [
                due.rows for due in scenario.store.deliveries.due(scenario.store.deliveries.start_load(slow.marks()))
            ]
            erased.start()
            erased.join(0.5)
            slow.load_rows(pages)
        erased.join(60)
    assert [row["text"] for row in scenario.rows(with_texts=True)] == [None]
    assert "waiting for another load or erasure of this store to end" in (tmp_path / "words").read_text()


def test_one_call_expires_more_than_one_page(scenario: Scenario) -> None:
    scenario.scrape(OLD, {f"n{number}": f"canari {number}" for number in range(PAGE + 1)})
    assert (expire(scenario.session, BEFORE), expire(scenario.session, BEFORE)) == (PAGE + 1, 0)


def test_the_next_call_finishes_an_expiry_interrupted_before_the_warehouse(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise TransientError("killed")

    scenario.run_night(OLD, {"a": ("canari", GOOD)})
    counts = scenario.counts()
    with monkeypatch.context() as patch, pytest.raises(TransientError):
        patch.setattr(pipeline.retention, "deliver", stop)
        expire(scenario.session, BEFORE)
    assert "canari" not in repr(scenario.dump()) and "canari" in repr(scenario.rows(with_texts=True))
    assert expire(scenario.session, BEFORE) == 0
    assert "canari" not in repr(scenario.rows(with_texts=True)) and scenario.counts() == counts


def test_rows_rejected_by_the_warehouse_stay_due(scenario: Scenario) -> None:
    scenario.run_night(OLD, {"a": ("canari", GOOD)})
    with closing(sqlite3.connect(scenario.warehouse)) as connection:
        connection.execute(
            "CREATE TRIGGER no BEFORE UPDATE ON verbatims_analysed_v2 BEGIN SELECT RAISE(ABORT, 'read only'); END"
        )
        with pytest.raises(TransientError, match="refused 1 rows"):
            expire(scenario.session, BEFORE)
        connection.execute("DROP TRIGGER no")
    assert expire(scenario.session, BEFORE) == 0 and "canari" not in repr(scenario.rows(with_texts=True))


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_after_expiry_no_file_holds_an_expired_text(scenario: Scenario, tmp_path: Path) -> None:
    """Some builds of SQLite overwrite most deleted data by default; this test turns that off."""
    engine = scenario.store.database.engine
    engine.dispose()
    sa.event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA secure_delete=OFF").close())
    for part in range(8):
        old = {f"o{part}-{n}": (f"canari-{part:02}{n:02}. " * (1 + 7 * n), GOOD) for n in range(40)}
        scenario.run_night(OLD, old)
        scenario.run_night(NEW, {f"n{part}": (f"moineau-{part}", GOOD)})
    assert b"canari" in all_bytes(tmp_path)
    expire(scenario.session, BEFORE)
    assert b"canari" not in all_bytes(tmp_path)
    assert all(f"moineau-{part}".encode() in all_bytes(scenario.warehouse.parent) for part in range(8))


def all_bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_a_reader_blocking_the_erasure_is_reported_and_the_next_call_finishes(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(pipeline.file_erasure, "TIMEOUT_S", 0)
    scenario.run_night(OLD, {"a": ("canari", GOOD)})
    with closing(sqlite3.connect(scenario.warehouse, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM verbatims_analysed_v2").fetchall()
        with pytest.raises(TransientError, match="reads the file"):
            expire(scenario.session, BEFORE)
    assert expire(scenario.session, BEFORE) == 0
    assert b"canari" not in all_bytes(scenario.warehouse.parent)


def test_first_day_kept_is_bounded() -> None:
    today = datetime.now(UTC).date()
    assert first_day_kept(1) in (today - timedelta(1), today)  # midnight may have passed since
    assert first_day_kept(999_999_999).year == 1
