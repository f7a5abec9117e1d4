"""Labels, analysers, re-analysis and acceptance as a user calls them; each mistake is one line."""

import csv
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from model_history import PROMPT, fill_in, write_reviews, write_rows

from .conftest import Command, query

STORE, ROWS = "var/verbatims.db", "var/verbatims-warehouse.db"


@pytest.fixture
def analysed(verbatims: Command, tmp_path: Path) -> Command:
    """A store with 40 analysed reviews."""
    file = write_reviews(tmp_path / "reviews.csv", 40, 3)
    assert verbatims("run", "--input", file.name).code == 0
    (tmp_path / "second.md").write_text(PROMPT, encoding="utf-8")
    return verbatims


def labelled(verbatims: Command, folder: Path) -> list[dict[str, str]]:
    """A sample, labelled; returns its rows."""
    assert verbatims("label", "--sample", "40", "--output", "empty.csv").code == 0
    with fill_in(folder / "empty.csv", folder / "labels.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def test_the_file_of_a_sample_does_not_tell_what_was_answered(analysed: Command, tmp_path: Path) -> None:
    ended = analysed("label", "--sample", "20", "--output", "empty.csv")
    assert ended.code == 0 and "`forget` and `expire` do not reach it" in ended.err
    words = (tmp_path / "empty.csv").read_text(encoding="utf-16")
    assert not any(word in words for word in ("positive", "negative", "neutral", "mixed"))
    guide = (tmp_path / "empty.guide.md").read_text(encoding="utf-8")
    assert "négatif" in guide and "negative" in guide
    again = analysed("label", "--sample", "20", "--output", "empty.csv")
    assert again.code == 2 and "is there already" in again.err


def test_a_file_with_problems_is_told_line_by_line_and_changes_nothing(analysed: Command, tmp_path: Path) -> None:
    rows = labelled(analysed, tmp_path)
    rows[0]["sentiment"], rows[1]["verbatim_id"], rows[2]["topics"] = "bof", "unknown", "no_such_topic"
    write_rows(tmp_path / "broken.csv", rows)
    ended = analysed("label", "--import", "broken.csv")
    assert (ended.code, ended.out) == (2, "")
    assert "broken.csv: 3 problems, nothing of it is used" in ended.err
    assert all(f"line {line}: " in ended.err for line in (2, 3, 4))
    assert not any(row["text"] in ended.err for row in rows[:3])
    assert query(tmp_path / STORE, "SELECT count(*) FROM labels") == [(0,)]


def test_labels_are_kept_once_and_leave_with_their_text(analysed: Command, tmp_path: Path) -> None:
    rows = labelled(analysed, tmp_path)
    for _ in range(2):
        assert analysed("label", "--import", "labels.csv", "--json").data == {"labels": 40, "name": "labels", "lost": 0}
    [(verbatim_id, external_id)] = query(
        tmp_path / STORE, "SELECT verbatim_id, external_id FROM texts JOIN labels USING (text_id) LIMIT 1"
    )
    assert analysed("forget", "reviews", external_id).code == 0
    assert query(tmp_path / STORE, "SELECT count(*) FROM labels") == [(39,)]
    write_rows(tmp_path / "again.csv", [row for row in rows if row["verbatim_id"].lstrip("'") == verbatim_id])
    assert "is erased since" in analysed("label", "--import", "again.csv").err
    assert analysed("expire", "--days", "1").code == 0


def test_two_people_are_compared(analysed: Command, tmp_path: Path) -> None:
    rows = labelled(analysed, tmp_path)
    other = [row | {"sentiment": "mixed" if number < 10 else row["sentiment"]} for number, row in enumerate(rows)]
    write_rows(tmp_path / "second.csv", other)
    found = analysed("label", "--compare", "labels.csv", "second.csv", "--json").data
    differing = sum(one["sentiment"] != two["sentiment"] for one, two in zip(rows, other, strict=True))
    assert found["labels"] == 40 and len(found["differ"]) == differing > 0
    assert found["agreement"] == pytest.approx(1 - differing / 40)


def test_few_labels_are_not_enough(analysed: Command, tmp_path: Path) -> None:
    labelled(analysed, tmp_path)
    ended = analysed("evaluate", "--labels", "labels.csv", "--json")
    assert ended.code == 1 and "not enough labels: 40 of 300" in ended.err
    assert query(tmp_path / STORE, "SELECT count(*) FROM evaluations") == [(0,)]


def test_nobody_pays_for_a_reanalysis_unasked(analysed: Command, tmp_path: Path) -> None:
    ended = analysed("reanalyse", VERBATIMS_PROMPT="second.md")
    assert ended.code == 2 and "40 texts are asked, about $" in ended.err and "--yes" in ended.err
    assert query(tmp_path / STORE, "SELECT count(*) FROM attempts") == [(40,)]


def test_a_reanalysis_touches_what_was_named_and_no_row(analysed: Command, tmp_path: Path) -> None:
    rows = query(tmp_path / ROWS, "SELECT * FROM verbatims_analysed_v2 ORDER BY 1")
    none = analysed("reanalyse", "--yes", "--source", "another", VERBATIMS_PROMPT="second.md")
    assert none.code == 2 and "no analysed verbatim is like that" in none.err
    found = analysed("reanalyse", "--yes", "--since", "2020-01-01", "--json", VERBATIMS_PROMPT="second.md").data
    assert (found["scraped"], found["analysed"], found["calls"]) == (40, 40, 40)
    assert query(tmp_path / ROWS, "SELECT * FROM verbatims_analysed_v2 ORDER BY 1") == rows
    again = analysed("reanalyse", "--yes", "--json", VERBATIMS_PROMPT="second.md")
    assert again.code == 0 and "all answered already" in again.err and again.data["asked"] == 0


@pytest.mark.long
def test_a_reanalysis_can_be_had_in_batches(analysed: Command, tmp_path: Path) -> None:
    found = analysed("reanalyse", "--yes", "--mode", "batch", "--json", VERBATIMS_PROMPT="second.md").data
    assert found["analysed"] == 40
    assert query(tmp_path / STORE, "SELECT count(*) FROM attempts WHERE batch IS NOT NULL") == [(40,)]


def test_an_analyser_that_is_worse_is_accepted_only_on_demand(analysed: Command, tmp_path: Path) -> None:
    assert analysed("reanalyse", "--yes", VERBATIMS_PROMPT="second.md").code == 0
    second = next(
        one["analyser"] for one in analysed("analysers", "--json").data["analysers"] if one["prompt"] != "analyse_v1"
    )
    assert analysed("analysers", "--name", second, "second").code == 0
    first = analysed("analysers", "--json").data["analysers"][0]["analyser"]
    insert = "INSERT INTO comparisons (first, second, compared_at, verdict, result) VALUES "
    with closing(sqlite3.connect(tmp_path / STORE)) as connection, connection:
        connection.execute(f"{insert} (?, ?, '2026-01-01', 'worse', '{{}}')", (first, second))
    labelled(analysed, tmp_path)
    with (tmp_path / "labels.csv").open(encoding="utf-8-sig") as file:
        (tmp_path / "few.csv").write_text("".join(line for line, _ in zip(file, range(4), strict=False)))
    assert "cannot tell" in analysed("compare", "--labels", "few.csv", first, "second").out
    refused = analysed("accept", "second")
    assert refused.code == 2 and f"says that it is worse than {first[:12]}" in refused.err
    assert analysed("accept", "second", "--anyway").code == 0
    assert [one["rows"] for one in analysed("analysers", "--json").data["analysers"]] == [40, 0]


def test_a_file_replaces_the_labels_of_an_earlier_one_of_its_name(analysed: Command, tmp_path: Path) -> None:
    rows = labelled(analysed, tmp_path)
    assert analysed("label", "--import", "labels.csv").code == 0
    write_rows(tmp_path / "labels.csv", [row | {"sentiment": ""} if n < 15 else row for n, row in enumerate(rows)])
    fewer = analysed("label", "--import", "labels.csv", "--json")
    assert fewer.data == {"labels": 25, "name": "labels", "lost": 15}
    assert "15 texts have lost their labels" in fewer.err
    write_rows(tmp_path / "labels.csv", [row | {"sentiment": ""} for row in rows])
    empty = analysed("label", "--import", "labels.csv")
    assert empty.code == 2 and "no line is labelled" in empty.err
    assert query(tmp_path / STORE, "SELECT count(*) FROM labels") == [(25,)]


def test_an_acceptance_says_which_rows_it_leaves(analysed: Command, tmp_path: Path) -> None:
    write_reviews(tmp_path / "more.csv", 10, 7)
    assert analysed("reanalyse", "--yes", VERBATIMS_PROMPT="second.md").code == 0
    assert analysed("run", "--input", "more.csv", "--source", "app").code == 0
    accepted = analysed("accept", "settings", VERBATIMS_PROMPT="second.md")
    assert accepted.code == 0 and "10 rows keep the answer of another analyser" in accepted.err


def test_each_mistake_is_one_line(analysed: Command) -> None:
    first = analysed("analysers", "--json").data["analysers"][0]["analyser"]
    for command, said in (
        (("accept", "nobody"), "'nobody': the store has no analyser of this name or fingerprint"),
        (("accept", "settings"), "it has answered nothing"),
        (("analysers", "--name", "current", "x"), "'current': the store has no analyser"),
        (("baseline", "accept"), "not enough nights: 0 of 14"),
        (("evaluate",), "--labels: name a file or whose labels"),
        (("evaluate", "--labels", "nix.csv"), "nix.csv: there is no such file"),
        (("analysers", "--name", first, "settings"), "it is neither current nor settings"),
        (("analysers", "--name", first, "db5c"), "nor like a fingerprint"),
        (("reanalyse", "--since", "2999-01-01", "--yes"), "no analysed verbatim is like that"),
        (("reanalyse", "--since", "yesterday"), "'yesterday' is no day"),
    ):
        ended = analysed(*command, VERBATIMS_PROMPT="second.md")
        assert (ended.code, ended.out) == (2, "") and said in ended.err, command
        assert len(ended.err.strip().splitlines()) == 1
