"""`verbatims report`: one file that needs no network, tells what a run came to, and goes with the words it quotes."""

import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from pipeline.report import writing
from pipeline.report.words import Language
from pipeline.settings import load_settings
from pipeline.store import open_store

from .conftest import Command, write_jsonl

LONG = "Canari-un : la livraison a été très rapide et l'emballage soigné, merci beaucoup"


def reviews(folder: Path) -> str:
    texts = [f"Le prix numéro {number} est vraiment trop élevé pour moi" for number in range(1, 30)]
    return write_jsonl(folder / "shop.jsonl", [LONG, *texts, "ok"]).name


def only_report(folder: Path) -> Path:
    [report] = (folder / "var" / "reports").iterdir()
    return report


def read(report: Path) -> LexborHTMLParser:
    return LexborHTMLParser(report.read_text(encoding="utf-8"))


def table(page: LexborHTMLParser, id: str) -> list[list[str]]:
    """The rows of a figure's table as texts."""
    title = page.css_first(f"#{id}-title")
    assert title is not None and title.parent is not None, id
    return [[cell.text(strip=True) for cell in row.css("th, td")] for row in title.parent.css("tbody tr")]


def test_a_report_is_one_file_that_asks_for_nothing_and_whose_links_lead_somewhere(
    verbatims: Command, tmp_path: Path
) -> None:
    ended = verbatims("run", "--input", reviews(tmp_path), "--report", "--json")
    report = only_report(tmp_path)
    assert (ended.code, report.name) == (0, f"{ended.data['run_id']}-sandbox.html")
    assert f"The report: {report.relative_to(tmp_path)}" in ended.err
    page = read(report)
    assert page.css("[src], link, script, iframe, object, use, image") == []
    policy = page.css_first('meta[http-equiv="Content-Security-Policy"]')
    assert policy is not None and "default-src 'none'" in str(policy.attributes["content"])
    assert "url(" not in page.css_first("style").text() and "@import" not in page.css_first("style").text()
    ids = [node.attributes["id"] for node in page.css("[id]")]
    assert len(ids) == len(set(ids))
    links = [str(node.attributes["href"]) for node in page.css("[href]")]
    assert len(links) > 20 and {link.removeprefix("#") for link in links} <= set(ids)
    assert len(page.css("h1")) == 1 and "Sandbox" in page.css_first("header").text()


def test_the_summary_and_the_report_say_what_is_left_of_the_budget_and_what_the_rate_limit_cost(
    verbatims: Command, tmp_path: Path
) -> None:
    name, budget = reviews(tmp_path), {"VERBATIMS_BUDGET_USD_PER_DAY": "5"}
    assert "budget:" not in verbatims("run", "--input", name).err
    with closing(sqlite3.connect(tmp_path / "var" / "verbatims.db")) as connection, connection:
        connection.execute("UPDATE attempts SET waited_s = 6.2")
        connection.execute("INSERT INTO spending VALUES (date('now'), 'other', 'other', 1.79)")
    verbatims("report", **budget)
    said = read(only_report(tmp_path)).text()
    assert "waited 6.2\u00a0s on average" in said and re.search(r"\$5\.0000 for all runs, \$3\.20\d\d are left", said)
    facts = verbatims("report", "--json").data
    assert (facts["waited_s"], facts["day_usd"]) == (pytest.approx(6.2), pytest.approx(1.79, abs=0.01))
    again = verbatims("run", "--input", name, **budget)
    assert "budget: $3.21 of $5.00 of this UTC day left" in again.err and "rate limit" not in again.err


def test_page_and_json_have_the_numbers_of_the_run(verbatims: Command, tmp_path: Path) -> None:
    run = verbatims("run", "--input", reviews(tmp_path), "--json").data
    facts = verbatims("report", "--json").data
    shared = ("scraped", "analysed", "from_cache", "skipped", "failed", "calls", "input_tokens", "output_tokens")
    assert {name: facts["counts"][name] for name in shared} == {name: run[name] for name in shared}
    assert facts["counts"]["cost_usd"] == pytest.approx(run["cost_usd"], abs=1e-6)
    assert len(facts["metrics"]) == 10
    [skipped] = facts["metrics"]["verbatims_skipped_total"]["run"]
    assert skipped == {"source": "shop", "reason": "too_short", "value": 1}
    assert not (tmp_path / "var/reports").exists()
    printed = verbatims("report")
    assert printed.out.strip() == str(only_report(tmp_path).relative_to(tmp_path))
    page = read(only_report(tmp_path))
    steps = dict(row[:2] for row in table(page, "flow"))
    assert steps == {
        "read": "31",
        "skipped: too short": "1",
        "analysed, newly paid": "30",
        "rows in the warehouse": "30",
    }
    assert sum(int(row[1]) for row in table(page, "latency")) == run["calls"]
    assert [row[0] for row in table(page, "metrics")] == list(facts["metrics"])
    assert len(table(page, "slow-calls")) == 20


def test_a_report_speaks_the_language_that_is_asked_for(verbatims: Command, tmp_path: Path) -> None:
    verbatims("run", "--input", reviews(tmp_path))
    verbatims("report", "--lang", "fr")
    french = read(only_report(tmp_path))
    assert french.css_first("html").attributes["lang"] == "fr"
    assert "Bac à sable" in french.css_first("header").text() and dict(r[:2] for r in table(french, "flow"))["lus"]
    verbatims("report")
    assert read(only_report(tmp_path)).css_first("html").attributes["lang"] == "en"
    verbatims("report", VERBATIMS_REPORT_LANGUAGE="fr")
    assert read(only_report(tmp_path)).css_first("html").attributes["lang"] == "fr"


def test_a_report_says_what_failed_and_what_to_do(verbatims: Command, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "shop.jsonl", [LONG])
    nobody = {"SCRAPER_MODE": "prod", "ANTHROPIC_API_KEY": "x", "ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}
    verbatims("run", "--input", "shop.jsonl", VERBATIMS_RETRY_S="0", **nobody)
    verbatims("report", SCRAPER_MODE="prod")
    page = read(only_report(tmp_path))
    [[outcome, reason, number, to_do]] = table(page, "failures")
    assert (outcome, reason, number) == ("no answer", "connection", "1") and "asks again" in to_do
    assert [row[:4] for row in table(page, "failed-records")] == [["1", "shop", "no answer", "connection"]]
    assert len(table(page, "failed-calls")) == 1 and "Sandbox" not in page.css_first("header").text()


def test_a_run_that_came_to_nothing_has_a_report(verbatims: Command, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "shop.jsonl", ["ok"])
    verbatims("scrape", "--input", "shop.jsonl")
    assert verbatims("report").code == 0
    text = read(only_report(tmp_path)).css_first("body").text()
    assert "not ended" in text and "no verbatim of this run is analysed" in text.lower()


def test_the_report_goes_with_the_words_of_a_forgotten_verbatim_and_can_be_made_again(
    verbatims: Command, tmp_path: Path
) -> None:
    verbatims("run", "--input", reviews(tmp_path), "--report")
    report = only_report(tmp_path)
    assert "Canari" in report.read_text(encoding="utf-8")
    assert "deleted: 1 report" in verbatims("forget", "shop", "r0").err
    assert not report.exists()
    verbatims("report")
    assert "Canari" not in report.read_text(encoding="utf-8") and "numéro" in report.read_text(encoding="utf-8")
    assert "deleted" not in verbatims("forget", "shop", "r0").err and report.exists()


def test_the_report_goes_when_its_words_expire(verbatims: Command, tmp_path: Path) -> None:
    verbatims("run", "--input", reviews(tmp_path), "--report")
    stranger = tmp_path / "var/reports/stranger.html"
    stranger.write_text("<p>a page of somebody else's</p>")
    assert "deleted" not in verbatims("expire", "--days", "1").err
    with closing(sqlite3.connect(tmp_path / "var/verbatims.db")) as connection, connection:
        connection.execute("UPDATE texts SET seen_on = '2020-01-01'")
    assert "deleted: 1 report" in verbatims("expire", "--days", "1").err
    assert [path.name for path in stranger.parent.iterdir()] == [stranger.name]


def test_a_verbatim_that_is_forgotten_while_its_report_is_written_is_not_in_it(
    verbatims: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = verbatims("run", "--input", reviews(tmp_path), "--json").data["run_id"]
    settings = load_settings({"STORE": f"sqlite:///{tmp_path}/var/verbatims.db"}, dotenv=None)
    drawn = writing.page

    with closing(open_store(settings.store)) as store:

        def forgetting(*arguments: object) -> str:
            made = drawn(*arguments)  # type: ignore[arg-type]
            store.erasure.forget(store.erasure.identities.of("shop", "r0"))
            return made

        monkeypatch.setattr(writing, "page", forgetting)
        path = writing.write_report(store, settings, run_id, Language.EN)
    assert "Canari" not in path.read_text(encoding="utf-8")


def test_without_the_extra_a_line_says_what_to_install_and_nothing_is_paid(
    verbatims: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    ended = verbatims("run", "--input", reviews(tmp_path), "--report")
    assert (ended.code, ended.err.count("\n")) == (2, 1) and "pip install 'verbatims[report]'" in ended.err
    assert not (tmp_path / "var").exists()


def test_a_report_reads_every_kind_of_store(verbatims: Command, tmp_path: Path, store_url: str) -> None:
    places = {"STORE": store_url, "WAREHOUSE": "sqlite:///rows.db"}
    ended = verbatims("run", "--input", reviews(tmp_path), "--json", **places)
    path = tmp_path / verbatims("report", **places).out.strip()
    assert dict(row[:2] for row in table(read(path), "flow"))["read"] == str(ended.data["scraped"])


def test_a_report_without_a_store_or_run_is_refused_in_one_line(verbatims: Command, tmp_path: Path) -> None:
    ended = verbatims("report")
    assert (ended.code, ended.err.count("\n")) == (2, 1) and "no store yet" in ended.err
    verbatims("run", "--input", reviews(tmp_path))
    ended = verbatims("report", "day-1999-01-01")
    assert (ended.code, ended.err.count("\n")) == (2, 1) and "has no run day-1999-01-01" in ended.err


def test_traces_lead_to_grafana(verbatims: Command, tmp_path: Path) -> None:
    verbatims("run", "--input", reviews(tmp_path), OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    verbatims("report", VERBATIMS_GRAFANA_URL="https://grafana.example/")
    page = read(only_report(tmp_path))
    links = {str(node.attributes["href"]) for node in page.css("#call-1 a")}
    [link] = links
    assert link.startswith("https://grafana.example/d/calls?var-trace=") and re.search("[0-9a-f]{32}", link)


def test_the_page_says_sandbox_of_a_sandbox_run_whatever_the_settings_say_now(
    verbatims: Command, tmp_path: Path
) -> None:
    verbatims("run", "--input", reviews(tmp_path))
    verbatims("report", SCRAPER_MODE="prod")
    assert "nothing was billed" in read(only_report(tmp_path)).css_first("header").text()


def test_what_is_odd_among_the_reports_hinders_no_erasing(verbatims: Command, tmp_path: Path) -> None:
    verbatims("run", "--input", reviews(tmp_path), "--report")
    report = only_report(tmp_path)
    started = report.with_name(f".{report.name}.0123abcd.part")
    started.write_bytes(report.read_bytes())  # what a killed process leaves
    (report.parent / "a.html").mkdir()
    (report.parent / "b.html").symlink_to("nowhere")
    ended = verbatims("forget", "shop", "r0")
    assert ended.code == 0 and "deleted: 2 reports" in ended.err
    assert not report.exists() and not started.exists()


def test_a_report_that_cannot_be_read_is_named_once_the_others_are_gone(verbatims: Command, tmp_path: Path) -> None:
    verbatims("run", "--input", reviews(tmp_path), "--report")
    report = only_report(tmp_path)
    # a file whose first byte nobody can read, not even root
    report.with_name("a.html").symlink_to("/proc/self/mem")
    ended = verbatims("forget", "shop", "r0")
    assert ended.code == 3 and "a.html cannot be read" in ended.err and not report.exists()


def test_the_ratio_since_the_first_run_is_that_of_all_calls(verbatims: Command, tmp_path: Path) -> None:
    verbatims("run", "--input", reviews(tmp_path))
    with closing(sqlite3.connect(tmp_path / "var/verbatims.db")) as connection, connection:
        connection.execute("INSERT INTO totals VALUES ('', 'elsewhere', 'attempts', 'refused', '', 10, 1.0)")
    ratio = verbatims("report", "--json").data["metrics"]["claude_call_success_ratio"]
    assert ratio == {"run": [{"value": 1.0}], "ever": [{"value": 0.75}]}


def test_a_report_in_whose_way_something_is_leaves_the_run_complete(verbatims: Command, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var/reports").write_text("a file")
    ended = verbatims("run", "--input", reviews(tmp_path), "--report")
    assert ended.code == 2 and "var/reports is there and is no folder" in ended.err
    assert "the run is complete, and `verbatims report" in ended.err and "to go on" not in ended.err
