"""New topics become part of the reference base by a person's decision; rows follow without a call."""

import io
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipeline.analyse.topics import load_topics

from .conftest import Command, query, write_jsonl
from .test_erasing import everything

pytestmark = pytest.mark.long

STORE, ROWS = "var/verbatims.db", "var/verbatims-warehouse.db"
GIFT = [f"J'aurais aimé un emballage cadeau en option pour la commande {n}" for n in range(4)]
LOYALTY = [f"Les points de fidélité sont enfin visibles sur ma commande {n}" for n in range(3)]
ENGLISH = [f"I would have liked gift wrapping for the birthday order number {n}, it was not offered" for n in range(2)]
NAMES = ("--fr", "Papier cadeau : emballage pour offrir", "--en", "Gift wrap: wrapping for presents")


@pytest.fixture
def analysed(verbatims: Command, tmp_path: Path) -> Command:
    """Nine verbatims that name new topics."""
    file = write_jsonl(tmp_path / "shop.jsonl", [*GIFT, *LOYALTY, *ENGLISH])
    assert verbatims("run", "--input", file.name).code == 0
    return verbatims


def listed(verbatims: Command) -> dict[str, Any]:
    """Label → candidate."""
    return {one["label"]: one for one in verbatims("topics", "list", "--json").data["candidates"]}


def rows(folder: Path) -> list[tuple[list[str], list[str]]]:
    """Topics and labels of new topics of each row."""
    found = query(folder / ROWS, "SELECT topics, new_topics FROM verbatims_analysed_v2 ORDER BY external_id")
    return [(json.loads(topics), [one["label"] for one in json.loads(new)]) for topics, new in found]


def counted(folder: Path) -> list[tuple[Any, ...]]:
    return query(folder / STORE, "SELECT name, label, detail, sum(n) FROM totals WHERE run_id <> '' GROUP BY 1, 2, 3")


def test_an_accepted_topic_reaches_rows_and_the_next_run_without_a_call(analysed: Command, tmp_path: Path) -> None:
    candidates = listed(analysed)
    gift, english = candidates["Emballage cadeau"], candidates["Gift wrapping"]
    assert (gift["count"], gift["sources"], gift["languages"]) == (4, {"shop": 4}, {"fr": 4})
    assert gift["quotes"] and {"label": "Emballage", "topic": "packaging"} in gift["near"]
    assert english["count"] == 2
    before = counted(tmp_path)
    ended = analysed("topics", "accept", "emballages CADEAUX", *NAMES)
    assert ended.code == 0 and "accepted as gift_wrap" in ended.err and "4 rows changed, without a call" in ended.err
    assert analysed("topics", "accept", "Gift wrapping", "--into", "gift_wrap").code == 0
    assert sum("gift_wrap" in topics for topics, _ in rows(tmp_path)) == 6
    assert {label for _, new in rows(tmp_path) for label in new} == {"Fidélité et parrainage"}
    assert counted(tmp_path) == before and query(tmp_path / STORE, "SELECT count(*) FROM attempts") == [(9,)]
    assert set(listed(analysed)) == {"Fidélité et parrainage"}

    file = write_jsonl(tmp_path / "later.jsonl", ["Un emballage cadeau serait bien pour ma commande de mars"])
    assert analysed("run", "--input", file.name).code == 0
    old, new = analysed("analysers", "--json").data["analysers"]
    assert old["series"] == new["series"] and new["topics"] == old["topics"] + 1
    [(definition,)] = query(tmp_path / STORE, f"SELECT definition FROM analysers WHERE analyser = '{new['analyser']}'")
    assert "- gift_wrap — Papier cadeau : emballage pour offrir — Gift wrap" in json.loads(definition)["instructions"]


def test_a_run_that_began_before_keeps_its_analyser(analysed: Command, tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "later.jsonl", ["La livraison de mars était très rapide et soignée"])
    run_id = analysed("scrape", "--input", file.name).out.strip()
    assert analysed("topics", "accept", "Emballage cadeau", *NAMES).code == 0
    assert analysed("clean", "--run", run_id).code == analysed("analyse", "--run", run_id).code == 0
    assert query(tmp_path / STORE, "SELECT count(DISTINCT analyser) FROM analyses") == [(1,)]


def test_rejected_and_merged_topics_leave_the_list_and_the_rows(analysed: Command, tmp_path: Path) -> None:
    assert analysed("topics", "merge", "Gift wrapping", "Emballage cadeau").code == 0
    assert listed(analysed)["Emballage cadeau"]["count"] == 6
    circle = analysed("topics", "merge", "Emballage cadeau", "Gift wrapping")
    assert circle.code == 2 and "both labels are one theme already" in circle.err
    assert "6 rows changed" in analysed("topics", "accept", "Emballage cadeau", "--into", "packaging").err
    assert "3 rows changed" in analysed("topics", "reject", "Fidélité et parrainage").err
    assert listed(analysed) == {} and all(new == [] for _, new in rows(tmp_path))
    assert sum("packaging" in topics for topics, _ in rows(tmp_path)) >= 6


def test_a_decision_can_be_replaced_by_another(analysed: Command, tmp_path: Path) -> None:
    assert "2 rows changed" in analysed("topics", "reject", "Gift wrapping").err
    assert "Gift wrapping" not in listed(analysed)
    assert "2 rows changed" in analysed("topics", "merge", "Gift wrapping", "Emballage cadeau").err
    assert listed(analysed)["Emballage cadeau"]["count"] == 6
    assert "0 rows changed" in analysed("topics", "merge", "Fidélité et parrainage", "Emballage cadeau").err
    ended = analysed("topics", "accept", "Emballage cadeau", *NAMES)
    assert "9 rows changed" in ended.err and "verbatims reanalyse" in ended.err
    assert all("gift_wrap" in topics and not new for topics, new in rows(tmp_path))


def test_the_list_is_a_readable_one_in_both_languages(analysed: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = analysed("topics", "list", "--limit", "2")
    assert shown.out.startswith("     4  Emballage cadeau  (shop 4; fr 4)\n        near: Emballage (topic packaging)\n")
    assert "« " in shown.out and "Gift wrapping" not in shown.out and shown.err == ""
    assert "Gift wrapping" in analysed("topics", "list").out

    monkeypatch.setitem(sys.modules, "rapidfuzz", None)  # as if the extra were not installed
    plain = analysed("topics", "list", "--limit", "2")
    assert "Emballage cadeau" in plain.out and "near:" not in plain.out
    assert "pip install 'verbatims[model]'" in plain.err and len(plain.err.strip().splitlines()) == 1
    ended = analysed("topics", "reject", "emballage")
    assert ended.code == 2 and "no answer names such a new topic; `verbatims topics list`" in ended.err


def test_a_person_is_asked_for_both_languages(analysed: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    class Typed(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Typed(f"{NAMES[1]}\n{NAMES[3]}\n"))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    ended = analysed("topics", "accept", "Emballage cadeau")
    assert ended.code == 0 and "French name" in ended.err and "accepted as gift_wrap" in ended.err
    monkeypatch.setattr(sys, "stdin", Typed("Fidélité : points\n\n"))
    nothing = analysed("topics", "accept", "Fidélité et parrainage")
    assert nothing.code == 2 and "--en is empty" in nothing.err


def test_the_base_is_exported_as_a_file_that_settings_can_name(analysed: Command, tmp_path: Path) -> None:
    assert analysed("topics", "accept", "Emballage cadeau", *NAMES).code == 0
    assert analysed("topics", "export", "base.yaml").code == 0
    found = load_topics(tmp_path / "base.yaml")
    assert found[:-1] == load_topics(None) and found[-1].id == "gift_wrap"
    file = write_jsonl(tmp_path / "later.jsonl", ["La livraison de mars était très rapide et soignée"])
    assert analysed("run", "--input", file.name, VERBATIMS_TOPICS="base.yaml").code == 0


def test_quotes_of_candidates_go_with_their_text(analysed: Command, tmp_path: Path) -> None:
    assert b"points de fid" in everything(tmp_path)
    for number in range(len(GIFT), len(GIFT) + len(LOYALTY)):
        assert analysed("forget", "shop", f"r{number}").code == 0
    assert "Fidélité et parrainage" not in listed(analysed)
    assert "points de fidélité".encode() not in everything(tmp_path)


def test_quotes_of_candidates_expire_and_the_counts_stay(analysed: Command, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / STORE)) as connection, connection:
        connection.execute("UPDATE texts SET seen_on = date('now', '-60 days')")
    assert analysed("expire", "--days", "30").code == 0
    found = listed(analysed)
    assert found["Emballage cadeau"]["count"] == 4 and not any(one["quotes"] for one in found.values())
    assert "accepted as gift_wrap" in analysed("topics", "accept", "Emballage cadeau", *NAMES).err


def test_each_mistake_is_one_line(analysed: Command) -> None:
    gift = "Emballage cadeau"
    for arguments, said in (
        (("accept", "unknown theme"), "no answer names such a new topic"),
        (("reject", "emballage"), "the nearest is 'Emballage cadeau'"),
        (("accept", gift), "topics accept needs both languages"),
        (("accept", gift, "--into", "nowhere"), "'nowhere' is no id of the reference base"),
        (("accept", gift, *NAMES, "--id", "Not An Id"), "'Not An Id' is no id"),
        (("accept", gift, *NAMES, "--id", "price"), "price: the reference base has it already"),
        (("merge", gift), "topics merge takes 2"),
        (("merge", gift, "nothing like it"), "no answer names such a new topic"),
        (("reject",), "topics reject takes 1"),
        (("accept", gift, *NAMES[:2]), "add --en TEXT"),
        (("export", "."), "is there and is no file"),
    ):
        ended = analysed("topics", *arguments)
        assert (ended.code, ended.out) == (2, "") and said in ended.err, arguments
        assert len(ended.err.strip().splitlines()) == 1
