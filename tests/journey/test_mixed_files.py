"""Files that share ids, texts or columns with earlier ones: nothing is lost, replaced or doubled without a word."""

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Command, query

pytestmark = pytest.mark.long

LONG = "La livraison numéro {} était très rapide et le colis intact"


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.parent.mkdir(exist_ok=True)
    names = list(rows[0])
    lines = [";".join(names), *(";".join(str(row[name]) for name in names) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def texts(folder: Path, columns: str = "text") -> list[tuple[Any, ...]]:
    sql = f"SELECT {columns} FROM texts WHERE NOT superseded AND text IS NOT NULL ORDER BY text"
    return query(folder / "var/verbatims.db", sql)


def month(folder: Path, name: str, start: int) -> str:
    rows = [{"id": n, "texte": LONG.format(start + n)} for n in (1, 2)]
    return write(folder / name / "export.csv", rows)


def test_ids_of_another_export_replace_nothing_before_somebody_says_so(verbatims: Command, tmp_path: Path) -> None:
    assert verbatims("run", "--input", month(tmp_path, "jan", 100)).code == 0
    refused = verbatims("run", "--input", month(tmp_path, "feb", 200))
    assert refused.code == 2 and "2 ids of this file known in source export with other texts" in refused.err
    assert texts(tmp_path) == [(LONG.format(101),), (LONG.format(102),)]
    assert verbatims("run", "--input", month(tmp_path, "feb", 200), "--source", "february").code == 0
    assert len(texts(tmp_path)) == 4
    said = verbatims("run", "--input", month(tmp_path, "mar", 300), "--id-column", "id")
    assert said.code == 0 and "2 texts replaced older ones: record 2, 3" in said.err


def test_one_id_with_several_texts_is_a_failure_if_it_was_named_and_no_id_if_not(
    verbatims: Command, tmp_path: Path
) -> None:
    customers = [{"id": n % 2, "texte": LONG.format(n)} for n in range(4)]
    file = write(tmp_path / "customers.csv", customers)
    ended = verbatims("run", "--input", file, "--json")
    assert (ended.code, ended.data["analysed"]) == (0, 4) and "beside several texts" in ended.err
    named = verbatims("run", "--input", file, "--id-column", "id", "--source", "named", "--json")
    assert (named.code, named.data["failed"], named.data["skipped"]) == (1, {"unreadable_record": 2}, {})
    listed = [json.loads(line) for line in verbatims("failed").out.splitlines()]
    assert [(one["position"], one["detail"].split(" in ")[0]) for one in listed] == [
        (4, "another text has the same id"), (5, "another text has the same id")
    ]  # fmt: skip


def test_facts_of_known_texts_are_brought_without_a_call(verbatims: Command, tmp_path: Path) -> None:
    rows = [{"texte": LONG.format(n), "points": 1 + n, "when": f"2026-03-0{1 + n}", "shop": "Lyon"} for n in range(4)]
    rows += [{"texte": "Très bonne application", "points": 5, "when": "2026-03-05", "shop": "Paris"}] * 2
    bare = write(tmp_path / "avis.csv", [{"texte": row["texte"]} for row in rows])
    assert verbatims("run", "--input", bare).code == 0
    file = write(tmp_path / "avis.csv", rows)
    again = verbatims("run", "--input", file, "--rating-column", "points", "--date-column", "when", "--json")
    assert (again.code, again.data["calls"], again.data["from_cache"], again.data["skipped"]) == (0, 0, 6, {})
    sql = "SELECT rating, written_on, extra ->> '$.shop' FROM verbatims_analysed_v2 WHERE text LIKE '%2 %'"
    assert query(tmp_path / "var/verbatims-warehouse.db", sql) == [(3.0, "2026-03-03", "Lyon")]
    assert len(texts(tmp_path)) == 6
    third = verbatims("run", "--input", file, "--json")  # without the columns nothing is taken back
    assert (third.data["calls"], third.data["from_cache"]) == (0, 6)
    assert query(tmp_path / "var/verbatims-warehouse.db", sql) == [(3.0, "2026-03-03", "Lyon")]


@pytest.mark.parametrize("first", [(), ("--id-column", "a")])
def test_another_id_column_for_the_same_texts_is_refused_until_a_source_is_named(
    verbatims: Command, tmp_path: Path, first: tuple[str, ...]
) -> None:
    rows = [{"a": f"a{n}", "b": f"b{n}", "texte": LONG.format(n)} for n in range(5)]
    file = write(tmp_path / "avis.csv", rows)
    assert verbatims("run", "--input", file, *first).code == 0
    ended = verbatims("run", "--input", file, "--id-column", "b")
    assert ended.code == 2 and "5 texts of this file known in source avis under other ids" in ended.err
    assert verbatims("run", "--input", file, "--id-column", "b", "--source", "other").code == 0


def test_equal_texts_in_two_files_of_one_input_are_of_different_people(verbatims: Command, tmp_path: Path) -> None:
    row = {"texte": "Très bon produit", "note": 5}
    jan, feb = write(tmp_path / "jan" / "avis.csv", [row, row]), write(tmp_path / "feb" / "avis.csv", [row, row])
    ended = verbatims("run", "--input", jan, feb, "--json")
    assert (ended.code, ended.data["skipped"], len(texts(tmp_path))) == (0, {}, 4)
    assert f"{feb}: CSV, UTF-8: 2 records" in ended.err, "files of one name are told apart"


def test_stars_without_a_text_are_skipped_and_kept(verbatims: Command, tmp_path: Path) -> None:
    rows = [{"id": n, "texte": LONG.format(n) if n < 2 else "", "note": 1 + n} for n in range(5)]
    ended = verbatims("run", "--input", write(tmp_path / "avis.csv", rows), "--json")
    assert (ended.code, ended.data["skipped"], ended.data["failed"]) == (0, {"no_text": 3}, {})
    assert len(texts(tmp_path)) == 5


def test_a_forgotten_text_is_gone_under_every_id(verbatims: Command, tmp_path: Path) -> None:
    rows = [{"id": n, "texte": LONG.format(7) if n < 3 else "Très bonne application"} for n in range(5)]
    file = write(tmp_path / "avis.csv", rows)
    assert verbatims("run", "--input", file).code == 0
    ended = verbatims("forget", "avis", "0")
    assert ended.code == 0 and "also forgotten: 2 with the same text" in ended.err
    short = verbatims("forget", "avis", "3")
    assert short.code == 0 and "kept: 1 with the same few words" in short.err
    more = write(tmp_path / "avis.csv", [{"id": 9, "texte": LONG.format(7)}, *rows])
    again = verbatims("run", "--input", more, "--json")
    assert again.data["skipped"] == {"forgotten": 5} and again.data["calls"] == 0
    for name in ("verbatims", "verbatims-warehouse"):
        assert b"num\xc3\xa9ro 7" not in (tmp_path / f"var/{name}.db").read_bytes()
