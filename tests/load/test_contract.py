"""One contract for every registered warehouse; `make test` prints which warehouse passes which test."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from load.places import ROW, Place, expected, many
from pipeline.errors import SettingsError, TransientError
from pipeline.records import WarehouseRow

ROOT = Path(__file__).parents[2]

LOADER = """
import os, signal, sys
sys.path.insert(0, "tests")
from contextlib import closing
from load.places import many
from pipeline.load import open_warehouse, payload

url, endpoint, kill, prompt = sys.argv[1:]
payload.SHARD_ROWS = 100
rows = many(300, prompt_version=prompt)

def pages():
    for at in range(0, 300, 100):
        yield rows[at : at + 100]
        if kill == "kill" and at == 100:
            os.kill(os.getpid(), signal.SIGKILL)

with closing(open_warehouse(url, sandbox=True, endpoint=endpoint or None)) as warehouse:
    warehouse.load_rows(pages())
"""


def loader(place: Place, kill: str = "", prompt: str = "analyse_v1") -> subprocess.Popen[str]:
    """A process that loads 300 rows in three pages; each page is one shard."""
    arguments = [place.url, place.endpoint or "", kill, prompt]
    return subprocess.Popen(
        [sys.executable, "-c", LOADER, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_same_answers_give_the_same_rows(place: Place) -> None:
    rows = [*many(20), replace(ROW, text=None, summary=None, rating=None, topics=(), new_topics=())]
    assert place.load(rows[:7], rows[7:]).held == 21
    assert place.rows() == expected(rows)


def test_a_repeated_load_changes_nothing(place: Place) -> None:
    place.load(many(20))
    before = place.rows()
    assert place.load(many(20)).held == 20
    assert place.rows() == before


def test_a_changed_row_replaces_the_old_row_and_can_be_changed_back(place: Place) -> None:
    for text in ("Un", "Deux", "Un"):
        place.load([replace(ROW, text=text)])
        assert [row["text"] for row in place.rows()] == [text]


def test_outdated_rows_are_deleted(place: Place) -> None:
    place.load(many(4))
    place.load(outdated=("v1", "v3", "unknown"))
    assert [row["verbatim_id"] for row in place.rows()] == ["v0", "v2"]


@pytest.mark.long
def test_the_next_load_completes_a_killed_load(place: Place) -> None:
    killed = loader(place, "kill")
    assert (killed.communicate(timeout=120)[1], killed.returncode) == ("", -9)
    assert len(place.rows()) < 300
    assert place.load(many(300)).held == 300
    assert place.rows() == expected(many(300))


@pytest.mark.long
def test_two_concurrent_loads_duplicate_no_row(place: Place) -> None:
    loaders = [loader(place), loader(place)]
    assert [(one.communicate(timeout=120)[1], one.returncode) for one in loaders] == [("", 0), ("", 0)]
    assert place.rows() == expected(many(300))


def test_exactly_the_invalid_rows_are_rejected(place: Place) -> None:
    rows = many(300)
    spoilt = {"rating": float("nan"), "seen_on": "2026-02-30", "sentiment": None}
    for number, (column, value) in enumerate(spoilt.items()):
        rows[number * 100 + 50] = replace(rows[number * 100 + 50], **{column: value})
    loaded = place.load(rows)
    assert {refusal.verbatim_id: refusal.problem for refusal in loaded.refused} == {
        "v50": "rating is no FLOAT64",
        "v150": "seen_on is no DATE",
        "v250": "sentiment is null",
    }
    bad = {refusal.verbatim_id for refusal in loaded.refused}
    assert loaded.held == 297 and place.rows() == expected([row for row in rows if row.verbatim_id not in bad])


def test_a_rejected_row_that_is_fixed_is_loaded(place: Place) -> None:
    odd = replace(ROW, analysed_at="yesterday")
    assert [refusal.verbatim_id for refusal in place.load([odd, *many(2)]).refused] == ["a"]
    assert place.load([ROW, *many(2)]).refused == ()
    assert place.rows() == expected([ROW, *many(2)])


def test_a_missing_optional_column_is_added(place: Place) -> None:
    place.make(without="url")
    place.load([replace(ROW, url="https://boutique.example/avis/1")])
    assert [row["url"] for row in place.rows()] == ["https://boutique.example/avis/1"]


@pytest.mark.parametrize(("less", "more"), [("", "mood"), ("sentiment", "")], ids=["extra", "missing"])
def test_any_other_schema_change_is_rejected_with_the_sql_to_fix_it(place: Place, less: str, more: str) -> None:
    place.make(without=less, extra=more)
    with pytest.raises(SettingsError, match=f"WAREHOUSE.*ALTER TABLE.*{less or more}"):
        place.open()


def test_sandbox_rows_and_real_rows_never_share_a_table(place: Place) -> None:
    place.load([ROW])
    with pytest.raises(SettingsError, match="WAREHOUSE"):
        place.open(sandbox=False)


def test_a_load_continues_after_the_store_failed(place: Place) -> None:
    def pages() -> Iterator[list[WarehouseRow]]:
        yield many(2)
        raise TransientError("the store is gone")

    with closing(place.open()) as warehouse:
        with pytest.raises(TransientError, match="the store is gone"):
            warehouse.load_rows(pages())
        assert warehouse.load_rows([many(3)]).held == 3
    assert place.rows() == expected(many(3))


def test_a_verbatim_that_another_store_saw_on_another_day_keeps_one_row(place: Place) -> None:
    later = replace(ROW, seen_on="2026-03-01", summary="Plus tard.")
    place.load([ROW, *many(3)])
    place.load([later])
    assert place.rows() == expected([later, *many(3)])
