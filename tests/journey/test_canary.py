"""No word of a customer and no secret is in any output, whatever the input and whatever goes wrong.

Shown may be: names of files, columns and sources, and settings that are no secrets.
"""

import io
import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from otlp_receiver import Receiver
from pytest_httpserver import HTTPServer

from pipeline.cli import main
from pipeline.errors import TransientError

from . import canary
from .canary import NUMBER, WORD, damaged, leaks
from .conftest import OURS, Ended, query, write_jsonl
from .recorder import Recorder

Call = Callable[..., Ended]

KEY = {"ANTHROPIC_API_KEY": "sk-ant-0123"}
PROD = {**KEY, "SCRAPER_MODE": "prod", "VERBATIMS_RETRY_S": "0"}
PROPERTY: Any = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    # no shrinking: it took five minutes, and the example found says enough
    "phases": [Phase.explicit, Phase.reuse, Phase.generate],
}


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """The command in this process, and everything that it says: its logs too."""
    monkeypatch.chdir(tmp_path)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    # the test's own servers log what they are asked
    monkeypatch.setattr(logging.getLogger("werkzeug"), "level", logging.ERROR)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def call(*arguments: str, stdin: bytes = b"", **environment: str) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        log = logging.StreamHandler(err)
        log.setLevel(logging.INFO)
        logging.root.addHandler(log)
        try:
            with (
                mock.patch.dict(os.environ, {**kept, **environment}, clear=True),
                mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin))),
                redirect_stdout(out),
                redirect_stderr(err),
            ):
                code = main([*arguments])
        finally:
            logging.root.removeHandler(log)
        return Ended(code, out.getvalue(), err.getvalue())

    yield call
    for number, handler in handlers.items():
        signal.signal(number, handler)


def check(ended: Ended) -> Ended:
    assert not leaks(ended.out + ended.err), ended
    return ended


def check_failed(ended: Ended) -> None:
    """The list of failed records names each by its id, which is what it is for."""
    failures = [{**json.loads(line), "external_id": None} for line in ended.out.splitlines()]
    assert not leaks(json.dumps(failures) + ended.err), ended


def check_sent(receiver: Receiver) -> None:
    assert not leaks("".join(str(request) for request in [*receiver.traces, *receiver.metrics]))
    receiver.traces.clear()
    receiver.metrics.clear()


OPTIONS = st.lists(
    st.sampled_from(["--debug", "--json", "--text-column=avis", "--text-column=texte", "--id-column=id", "--limit=2"]),
    max_size=3,
    unique=True,
)
FILES = st.one_of(
    st.tuples(st.sampled_from(["reviews.jsonl", "reviews.ndjson", "-"]), damaged(canary.JSONL)),
    st.tuples(st.sampled_from(["reviews.csv", "reviews.tsv", "-"]), damaged(canary.CSV)),
)


@settings(max_examples=60, **PROPERTY)
@given(FILES, OPTIONS)
@example(("reviews.csv", f"jean_{WORD},Nul et cher,1\n{WORD},Nul,2\n".encode()), [])
def test_reading_any_file_shows_none_of_it(call: Call, file: tuple[str, bytes], options: list[str]) -> None:
    name, content = file
    Path(name if name != "-" else "unused").write_bytes(content)
    ended = check(call("run", "--input", name, "--dry-run", *options, stdin=content))
    assert ended.code in (0, 2) and "unexpected" not in ended.err, ended.err


@settings(max_examples=8, **PROPERTY)
@given(FILES, canary.ANSWERS, canary.WORDS, st.sampled_from([200, 200, 200, 400, 401, 429, 500]))
def test_a_run_shows_nothing_of_its_records_and_answers(
    call: Call,
    recorder: Recorder,
    receiver: Receiver,
    file: tuple[str, bytes],
    answer: bytes,
    said: str,
    status: int,
) -> None:
    name, content = file
    Path(name if name != "-" else "unused").write_bytes(content)
    recorder.odd, recorder.odd_word, recorder.status, recorder.refusal = answer, WORD, status, said
    environment = {**PROD, "ANTHROPIC_BASE_URL": recorder.url, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
    check(call("run", "--input", name, "--debug", stdin=content, **environment))
    check_failed(call("failed", "--debug", **environment))
    check_sent(receiver)


def test_a_trace_shows_where_but_no_message_of_a_foreign_error(call: Call, tmp_path: Path) -> None:
    """A library may quote a value: Postgres does of a row that a constraint refuses."""
    write_jsonl(tmp_path / "reviews.jsonl", ["La livraison est très rapide"])

    def fail(*_: object) -> None:
        try:
            json.loads(WORD)
        except ValueError as error:
            error.add_note(WORD)
            raise ExceptionGroup(WORD, [KeyError(WORD)]) from LookupError(WORD, error)

    with mock.patch("pipeline.dry_run.estimate", fail):
        ended = check(call("run", "--input", "reviews.jsonl", "--dry-run", "--debug"))
    assert ended.code == 3 and ended.err.count("Traceback") == 2
    assert "in fail\n" in ended.err and "LookupError\n" in ended.err and "ExceptionGroup\n" in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("shop", WORD),
        ("shop", WORD, "--debug"),
        ("shop", WORD, NUMBER),
        ("shop", f"-{WORD}"),
        ("shop", f"--{WORD}=1"),
        ("shop", f"--debug={WORD}"),
        (WORD,),
        (f"shop\0{WORD}", f"\n{WORD}"),
    ],
)
def test_who_is_to_be_forgotten_is_not_shown(call: Call, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert check(call("forget", *arguments)).code == 2
    (tmp_path / "shop.jsonl").write_text(json.dumps({"id": WORD, "texte": "La livraison est très rapide"}))
    call("scrape", "--input", "shop.jsonl")
    with mock.patch("pipeline.retention.erase_file", side_effect=TransientError("in use")):
        ended = check(call("forget", *arguments))
    known = arguments[:2] == ("shop", WORD) and NUMBER not in arguments
    assert ended.code == (3 if known else 2)
    assert ("to go on: verbatims forget SOURCE EXTERNAL_ID\n" in ended.err) == known


def test_a_row_that_warehouse_or_store_refuses_is_not_shown(call: Call, tmp_path: Path) -> None:
    """A trigger may build its message from the row, and Postgres quotes a row that a constraint refuses."""
    write_jsonl(tmp_path / "reviews.jsonl", ["La livraison est très rapide"])
    assert call("run", "--input", "reviews.jsonl").code == 0
    write_jsonl(tmp_path / "reviews.jsonl", [f"La livraison est très rapide, {WORD}"])
    trigger = "CREATE TRIGGER {0} BEFORE INSERT ON {0} BEGIN SELECT RAISE(ABORT, 'no " + WORD + "'); END"
    store = tmp_path / "var/verbatims.db"
    query(store.with_name("verbatims-warehouse.db"), trigger.format("verbatims_analysed_v2"))
    assert check(call("run", "--input", "reviews.jsonl", "--id-column", "id", "--debug")).code == 1
    check(call("failed"))
    query(store, trigger.format("texts"))
    write_jsonl(tmp_path / "reviews.jsonl", [f"Une autre livraison, {WORD}"])
    ended = check(call("run", "--input", "reviews.jsonl", "--id-column", "id", "--debug"))
    assert ended.code == 3 and "IntegrityError" in ended.err


@pytest.mark.long
def test_a_full_disk_shows_nothing_of_what_was_written(call: Call, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "reviews.jsonl", [f"La livraison {number} {WORD * 1500}" for number in range(60)])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, before[1]))
    try:
        ended = check(call("run", "--input", "reviews.jsonl", "--debug", VERBATIMS_STORE_PATIENCE_S="0"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert ended.code == 3 and "Traceback" in ended.err, ended


def page(rows: bytes) -> bytes:
    """A page with these records as reviews of schema.org, and a text besides."""
    return b'<p>%s</p><script type="application/ld+json">[%s]</script>' % (WORD.encode(), rows.replace(b"\n", b","))


REVIEWS = canary.JSONL.map(
    lambda rows: rows.replace(b"{", b'{"@type": "Review", ').replace(b'"texte"', b'"reviewBody"')
)


@settings(max_examples=6, **PROPERTY)
@given(damaged(REVIEWS.map(page)), st.sampled_from([200, 200, 403, 404, 302]))
def test_a_site_shows_nothing_of_its_pages(
    call: Call, recorder: Recorder, httpserver: HTTPServer, tmp_path: Path, body: bytes, status: int
) -> None:
    httpserver.clear()
    elsewhere = {"Location": f"http://127.0.0.1:1/?word={WORD}"}
    httpserver.expect_request("/avis").respond_with_data(body, status, elsewhere, content_type="text/html")
    httpserver.expect_request("/robots.txt").respond_with_data(f"# {WORD}")
    address = httpserver.url_for(f"/avis?token={WORD}")
    (tmp_path / "sources.toml").write_text(f'[shop]\nkind = "schema_org"\ndelay_s = 0\nurls = ["{address}"]\n')
    environment = {**PROD, "VERBATIMS_PRIVATE_ADDRESSES": "true", "ANTHROPIC_BASE_URL": recorder.url}
    check(call("run", "--dry-run", "--debug", **environment))


SOURCES = f"""[shop]
kind = "schema_org"
language = "{WORD}"
expected = 1
urls = ["https://me:{WORD}@127.0.0.1:1/avis?token={WORD}"]
"""
TOPICS = f"""topics:
- id: delivery
  fr: "{WORD}"
  en: !!int {NUMBER}x
"""


@settings(max_examples=25, **PROPERTY)
@given(damaged(st.just(SOURCES.encode())), damaged(st.just(TOPICS.encode())), canary.WORDS)
@example(sources=SOURCES.encode(), topics=b"topics:\n- id: delivery\n  en: !!int", word=NUMBER)
@example(sources=SOURCES.encode() + b"\xeb", topics=TOPICS.encode(), word=WORD)
def test_damaged_settings_are_not_shown(call: Call, tmp_path: Path, sources: bytes, topics: bytes, word: str) -> None:
    """The sources are refused or, where the damage hides user and password, blocked: nothing is sent."""
    (tmp_path / "sources.toml").write_bytes(sources)
    (tmp_path / "topics.yaml").write_bytes(topics)
    (tmp_path / ".env").write_bytes(f"ANTHROPIC_API_KEY={word}\n".encode("utf-8", "surrogatepass"))
    for more in ({}, {**KEY, "VERBATIMS_TOPICS": "topics.yaml"}, KEY):
        ended = check(call("run", "--dry-run", "--debug", SCRAPER_MODE="prod", **more))
        assert "unexpected" not in ended.err, ended.err
