"""`verbatims show`: all about one verbatim, so that one bad answer can be understood."""

import json
from pathlib import Path

from .conftest import Command, write_jsonl

TEXT = "Une livraison vraiment rapide"


def test_show_has_every_version_what_was_asked_and_answered_and_the_row(verbatims: Command, tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "shop.jsonl", [TEXT])
    verbatims("run", "--input", file.name, "--id-column", "id")
    verbatims("run", "--input", write_jsonl(file, ["Une livraison très lente"]).name, "--id-column", "id")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    shown = verbatims("show", "shop", "r0", "--json").data
    assert [version["text"] for version in shown["versions"]] == [None, "Une livraison très lente"]
    latest = shown["versions"][-1]
    [analysis] = latest["analyses"]
    [attempt] = analysis["attempts"]
    assert (analysis["outcome"], analysis["current"], analysis["request_as_sent"]) == ("analysed", True, True)
    assert "Une livraison très lente" in analysis["request"]["messages"][0]["content"]
    assert json.loads(attempt["raw"])["sentiment"] == analysis["answer"]["sentiment"]
    assert attempt["outcome"] == "analysed" and attempt["input_tokens"] > 0 and attempt["cost_usd"] > 0
    row = shown["in_warehouse"]["row"]
    assert (row["text"], row["topics"]) == (latest["text"], analysis["answer"]["topics"])
    assert shown["deliveries"][0]["due"] == shown["deliveries"][0]["sent"]
    assert verbatims("show", shown["verbatim_id"], "--json").data == shown
    words = verbatims("show", "shop", "r0")
    assert words.err == "" and "Une livraison très lente" in words.out and "version 2 of 2" in words.out
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_show_has_the_attempts_that_failed(verbatims: Command, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "shop.jsonl", [TEXT])
    address = "http://127.0.0.1:9"
    prod = {"SCRAPER_MODE": "prod", "ANTHROPIC_API_KEY": "x", "ANTHROPIC_BASE_URL": address, "VERBATIMS_RETRY_S": "0"}
    verbatims("run", "--input", "shop.jsonl", **prod)
    [analysis] = verbatims("show", "shop", "r0", "--json", **prod).data["versions"][0]["analyses"]
    assert (analysis["outcome"], analysis["attempts"][0]["error"]) == (None, "connection")


def test_show_reads_every_kind_of_store(verbatims: Command, tmp_path: Path, store_url: str) -> None:
    write_jsonl(tmp_path / "shop.jsonl", [TEXT])
    places = {"STORE": store_url, "WAREHOUSE": "sqlite:///rows.db"}
    verbatims("run", "--input", "shop.jsonl", **places)
    shown = verbatims("show", "shop", "r0", "--json", **places).data
    assert shown["versions"][0]["analyses"][0]["outcome"] == "analysed"
    assert (shown["versions"][0]["kept"], shown["deliveries"][0]["in_use"]) == (True, True)
    assert shown["in_warehouse"]["row"]["text"] == TEXT


def test_show_says_what_cleaning_decided_and_that_nobody_was_asked(verbatims: Command, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "shop.jsonl", ["ok"])
    verbatims("scrape", "--input", "shop.jsonl")
    assert "has not looked at it yet" in verbatims("show", "shop", "r0").out
    verbatims("clean")
    shown = verbatims("show", "shop", "r0").out
    assert "skipped: too_short" in shown and "nobody was asked" in shown


def test_show_goes_on_without_the_warehouse_and_makes_none(verbatims: Command, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "shop.jsonl", [TEXT])
    verbatims("run", "--input", "shop.jsonl")
    shown = verbatims("show", "shop", "r0", WAREHOUSE="sqlite:///rows.db")
    assert shown.code == 0 and TEXT in shown.out and "the warehouse cannot be read: WAREHOUSE: rows.db" in shown.out
    assert not (tmp_path / "rows.db").exists()


def test_of_a_forgotten_verbatim_show_has_what_is_left(verbatims: Command, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "shop.jsonl", [TEXT])
    verbatims("run", "--input", "shop.jsonl")
    verbatims("forget", "shop", "r0")
    shown = verbatims("show", "shop", "r0")
    assert "forgotten        on 20" in shown.out and TEXT not in shown.out and "$0." in shown.out
    row = verbatims("show", "shop", "r0", "--json").data["in_warehouse"]["row"]
    assert verbatims("show", "shop", row["external_id"]).out == shown.out


def test_an_unknown_verbatim_is_one_line_that_does_not_repeat_its_name(verbatims: Command, tmp_path: Path) -> None:
    assert verbatims("show", "shop", "r0").code == 2 and list(tmp_path.iterdir()) == []
    write_jsonl(tmp_path / "shop.jsonl", [TEXT])
    verbatims("scrape", "--input", "shop.jsonl")
    for arguments in (("shop", "jane-doe"), ("jane-doe",), ("shop", "jane-doe", "jane-doe")):
        ended = verbatims("show", *arguments)
        assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1) and "jane" not in ended.err
