"""A prod run reads the sources of `sources.toml`, and the next run only what is new."""

import json
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from pipeline.sandbox import Sandbox
from pipeline.sandbox.feed import PATH

from .conftest import Command, Shell, query
from .recorder import Recorder

PROD = {"SCRAPER_MODE": "prod", "ANTHROPIC_API_KEY": "sk-ant-real-0123456789"}
SHOP, APP = (
    '[shop]\nkind = "schema_org"\nurls = ["{url}/"]\nlanguage = "fr"\ndelay_s = 0\n',
    '[app]\nkind = "apple"\nurls = ["{url}' + PATH + '"]\nlanguage = "fr"\ndelay_s = 0\nexpected = 50\n',
)


def describe(folder: Path, url: str, *sources: str) -> None:
    text = "".join(source.replace("{url}", url) for source in sources)
    (folder / "sources.toml").write_text(text, encoding="utf-8")


def test_the_second_run_on_a_site_and_a_feed_fetches_only_what_is_new(
    verbatims: Command, recorder: Recorder, tmp_path: Path
) -> None:
    settings = {"ANTHROPIC_BASE_URL": recorder.url, "VERBATIMS_PRIVATE_ADDRESSES": "true", **PROD}
    with Sandbox(published=100) as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        describe(tmp_path, sandbox.url, SHOP, APP)
        first = verbatims("run", "--json", **settings).data
    assert first["scraped"] == 200 and first["failed"] == {} and first["loaded"] == 200 - sum(first["skipped"].values())
    asked = len(recorder.requests)
    with Sandbox(port=port, published=120) as sandbox:
        dry = verbatims("run", "--dry-run", "--json", **settings).data
        second = verbatims("run", "--json", **settings).data
        third = verbatims("run", "--json", **settings).data
    # two pages each: the one with the twenty new reviews, and the first page without new ones
    assert (second["scraped"], third["scraped"]) == (2 * 40 + 2 * 50, 0)
    assert dry["scraped"] == second["scraped"] and dry["would_ask"] >= len(recorder.requests) - asked > 0
    assert query(tmp_path / "var/verbatims.db", "SELECT source, pages, fresh FROM crawls ORDER BY crawl_id") == [
        *(("shop", 3, 100), ("app", 4, 100)),
        *(("shop", 2, 20), ("app", 2, 20)),
        *(("shop", 1, 0), ("app", 1, 0)),
    ]
    assert query(tmp_path / "var/verbatims.db", "SELECT source, count(*) FROM texts GROUP BY 1 ORDER BY 1") == [
        ("app", 120),
        ("shop", 120),
    ]
    assert all(call["model"] == "claude-haiku-5-5" for call in recorder.requests)


def test_the_same_command_repeats_a_run_after_claude_rejected_the_key(
    verbatims: Command, recorder: Recorder, tmp_path: Path
) -> None:
    settings = {"ANTHROPIC_BASE_URL": recorder.url, "VERBATIMS_PRIVATE_ADDRESSES": "true", **PROD}
    with Sandbox(published=80) as sandbox:
        describe(tmp_path, sandbox.url, SHOP)
        recorder.status = 401
        assert verbatims("run", "--json", **settings).code == 2
        recorder.status = 200
        ended = verbatims("run", "--json", **settings).data
    assert ended["scraped"] == 80 and ended["loaded"] == 80 - sum(ended["skipped"].values()) > 0


def test_too_few_records_stop_the_run_before_any_request_or_load(
    verbatims: Command, recorder: Recorder, tmp_path: Path
) -> None:
    settings = {"ANTHROPIC_BASE_URL": recorder.url, "VERBATIMS_PRIVATE_ADDRESSES": "true", **PROD}
    with Sandbox(published=49) as sandbox:
        describe(tmp_path, sandbox.url, SHOP, APP)
        ended = verbatims("run", "--json", **settings)
    assert ended.code == 2 and recorder.requests == []
    assert "source app: " in ended.err and "49 review(s) on 3 page(s), where 50 are expected" in ended.err
    assert query(tmp_path / "var/verbatims.db", "SELECT count(*) FROM texts WHERE source = 'shop'") == [(49,)]


def test_an_empty_feed_is_a_failure(verbatims: Command, recorder: Recorder, tmp_path: Path) -> None:
    settings = {"ANTHROPIC_BASE_URL": recorder.url, "VERBATIMS_PRIVATE_ADDRESSES": "true", **PROD}
    with Sandbox(published=0) as sandbox:
        describe(tmp_path, sandbox.url, APP.replace("expected = 50\n", ""))
        ended = verbatims("run", **settings)
    assert ended.code == 2 and "no review(s) on 2 page(s) (a feed without reviews)" in ended.err


@pytest.mark.parametrize("text", [None, "", '[shop]\nkind = "shop"', "[shop"])
def test_a_mistake_in_the_sources_ends_the_run_in_one_line_before_anything_is_written(
    verbatims: Command, tmp_path: Path, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "sources.toml").write_text(text)
    ended = verbatims("run", **PROD)
    assert ended.code == 2 and len(ended.err.splitlines()) == 1 and "sources.toml" in ended.err
    assert not (tmp_path / "var").exists()
    assert "sources" in verbatims("doctor", **PROD).err


def test_private_addresses_are_rejected_by_default(
    verbatims: Command, recorder: Recorder, httpserver: HTTPServer, tmp_path: Path
) -> None:
    describe(tmp_path, recorder.url, SHOP)
    ended = verbatims("run", ANTHROPIC_BASE_URL=recorder.url, **PROD)
    assert ended.code == 2 and "lies in a private network; VERBATIMS_PRIVATE_ADDRESSES=true" in ended.err
    assert httpserver.log == []


@pytest.mark.long
def test_ctrl_c_during_a_crawl_ends_cleanly_and_the_same_command_resumes(shell: Shell, recorder: Recorder) -> None:
    import signal

    shell.environment = {"ANTHROPIC_BASE_URL": recorder.url, "VERBATIMS_PRIVATE_ADDRESSES": "true", **PROD}
    with Sandbox(published=80) as sandbox:
        describe(shell.folder, sandbox.url, SHOP.replace("delay_s = 0", "delay_s = 1"))
        process = shell.start("run", "--json")
        assert process.stderr is not None
        while not process.stderr.readline().startswith("reading"):
            pass
        process.send_signal(signal.SIGINT)
        ended = shell.end(process)
        assert ended.code == 130 and "to go on: " in ended.err and "Traceback" not in ended.err
        describe(shell.folder, sandbox.url, SHOP)
        again = shell.process("run", "--json")
    assert json.loads(again.out)["scraped"] == 80
