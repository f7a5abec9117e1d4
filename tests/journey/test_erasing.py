"""Erasing by command: the text is gone from every file, and no message repeats it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from .conftest import Command, query, write_jsonl

EMAIL = "jeanne.canari@example.org"


def reviews(folder: Path) -> str:
    """Forty invented reviews; the first is the canary."""
    texts = [f"La livraison numéro {number} était très rapide" for number in range(1, 40)]
    return write_jsonl(folder / "shop.jsonl", ["Canari-un et sa livraison rapide", *texts]).name


def everything(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in (folder / "var").rglob("*") if file.is_file())


def test_a_forgotten_verbatim_is_in_no_file_and_does_not_come_back(verbatims: Command, tmp_path: Path) -> None:
    file = reviews(tmp_path)
    verbatims("run", "--input", file)
    rows = query(
        tmp_path / "var/verbatims-warehouse.db", "SELECT sentiment, sum(verbatims) FROM sentiment_by_week_v1 GROUP BY 1"
    )
    assert b"Canari-un" in everything(tmp_path)
    ended = verbatims("forget", "shop", "r0")
    assert (ended.code, ended.out, "forgotten" in ended.err) == (0, "", True)
    assert b"Canari" not in everything(tmp_path) and "numéro 7".encode() in everything(tmp_path)

    again = verbatims("run", "--input", reviews(tmp_path), "--json")
    assert (again.code, again.data["skipped"], again.data["calls"]) == (0, {"forgotten": 1}, 0)
    assert b"Canari" not in everything(tmp_path)
    assert " 40 known" in verbatims("run", "--input", file, "--dry-run").err
    assert rows == query(
        tmp_path / "var/verbatims-warehouse.db", "SELECT sentiment, sum(verbatims) FROM sentiment_by_week_v1 GROUP BY 1"
    )
    twice = verbatims("forget", "shop", "r0")
    assert (twice.code, "already" in twice.err) == (0, True)


def test_forgetting_an_unknown_verbatim_is_an_error_in_one_line(verbatims: Command, tmp_path: Path) -> None:
    verbatims("run", "--input", reviews(tmp_path))
    ended = verbatims("forget", "shop", "r00")
    assert (ended.code, ended.err.count("\n")) == (2, 1) and "EXTERNAL_ID" in ended.err


def test_a_verbatim_whose_id_holds_an_email_is_forgotten_by_the_original_id(verbatims: Command, tmp_path: Path) -> None:
    (tmp_path / "shop.jsonl").write_text(f'{{"id": "{EMAIL}", "texte": "Une livraison très rapide"}}\n')
    verbatims("run", "--input", "shop.jsonl")
    [(stored,)] = query(tmp_path / "var/verbatims-warehouse.db", "SELECT external_id FROM verbatims_analysed_v2")
    assert EMAIL not in stored
    assert verbatims("forget", "shop", EMAIL).code == 0
    assert "already" in verbatims("forget", "shop", stored).err


def test_texts_expire_by_the_setting_or_the_option(verbatims: Command, tmp_path: Path) -> None:
    file = tmp_path / "var/verbatims.db"
    verbatims("run", "--input", reviews(tmp_path))
    days = "UPDATE texts SET seen_on = date('now', '-' || (text_id * 10) || ' days')"  # 10 to 400 days ago
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(days)
        connection.commit()
    said = [
        verbatims("expire").err,
        verbatims("expire", VERBATIMS_RETENTION_DAYS="305").err,
        verbatims("expire", "--days", "105").err,
    ]
    assert [line.splitlines()[-1].split()[0] for line in said] == ["4", "6", "20"]
    left = query(
        file.with_name("verbatims-warehouse.db"),
        "SELECT count(*), count(text), count(summary) FROM verbatims_analysed_v2",
    )
    assert left == [(40, 10, 10)]
    again = verbatims("run", "--input", reviews(tmp_path), "--json")
    assert (again.code, again.data["from_cache"], again.data["loaded"], again.data["calls"]) == (0, 40, 40, 0)
    assert verbatims("expire", "--days", "0").code == 2
