"""A night whose load failed is made up for by the next one, which says so."""

import json
from pathlib import Path

import pytest

from pipeline.errors import TransientError
from pipeline.load.sqlite import SqliteWarehouse

from .conftest import Command, Ended, query

COLUMNS = ("--text-column", "texte", "--id-column", "id")


def run_night(verbatims: Command, number: int) -> Ended:
    """Thirty verbatims that the nights before have not seen."""
    file = Path(f"night-{number}.jsonl")
    rows = [{"id": f"{number}-{n}", "texte": f"La livraison {n} de la nuit {number} était rapide"} for n in range(30)]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return verbatims("run", "--input", str(file), *COLUMNS, WAREHOUSE="sqlite:///rows.db")


def rows() -> int:
    return int(query(Path("rows.db"), "SELECT count(*) FROM verbatims_analysed_v2")[0][0])


def test_three_nights_of_which_the_first_cannot_load(verbatims: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise TransientError("the disk of the warehouse is full")

    with monkeypatch.context() as patch:
        patch.setattr(SqliteWarehouse, "load_rows", full)
        first = run_night(verbatims, 1)
    assert first.code == 3 and "the disk of the warehouse is full" in first.err and rows() == 0
    second = run_night(verbatims, 2)
    assert second.code == 0 and rows() == 60
    [(failed,)] = query(Path("var/verbatims.db"), "SELECT run_id FROM runs WHERE ended_at IS NULL")
    assert f"also brought: 30 rows of run {failed}" in second.err
    third = run_night(verbatims, 3)
    assert third.code == 0 and rows() == 90 and "also brought" not in third.err
