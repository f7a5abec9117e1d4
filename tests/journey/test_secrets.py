"""An invalid setting that holds a secret is never shown by any command, even with --debug."""

from pathlib import Path

import pytest

from .conftest import Command, write_jsonl

SECRET = "hush"
COMMANDS = (("run", "--input", "reviews.jsonl"), ("doctor",), ("failed",))

PROD = {"SCRAPER_MODE": "prod", "ANTHROPIC_API_KEY": "sk-ant-0123", "VERBATIMS_RETRY_S": "0"}
KEYS = [
    "hush hush", "hush\n", "\nhush", "hüsh-hush", "\thush", " hush", "Bearer hush", "hush\r", "hush\x7f", "“hush”",
]  # fmt: skip
HEADERS = [
    "hush", "hush hush", "=hush", "authorization:Bearer hush", "authorization=Bearer hush,hush", "author ization=hush",
    "authorization=hüsh-hush", "authorization=hush\nx: hush", ";hush", "authorization=%0Ahush", '{"a": "hush"}',
    "authorization=hush%", "authorization=hush,", "x=1,,y=hush",
]  # fmt: skip
STORES = [
    "postgresql://me:p@hush@127.0.0.1:1/db", "postgresql://me:hush/p@127.0.0.1:1/db", "postgresql://me:p@127.0.0.1/hush@x",
    "postgresql://me:p?hush@127.0.0.1:1/db", "postgresql://me:p#hush@127.0.0.1:1/db", "postgresql://me:hush%@127.0.0.1:1/db",
    "postgresql://me:hush@127.0.0.1:1", "postgres://me:hush@127.0.0.1:1/db", "postgresql+psycopg://me:hush@127.0.0.1/db",
    "postgresql://me:hush@[::1/db", "postgresql://me:p@127.0.0.1:hush/db", "postgresql:/me:hush@127.0.0.1/db",
    "me:hush@127.0.0.1/db", "postgresql://me:hush hush@127.0.0.1:1/db", "postgresql://127.0.0.1/db?user=me&password=hush",
    "postgresql://127.0.0.1/db?user=me&p%61ssword=hush", "postgresql://127.0.0.1/db?PASSWORD=hush",
    "postgresql://127.0.0.1/db?pass=hush", "postgresql://127.0.0.1/db?word=hush", "postgresql://me:x%00hush@127.0.0.1/db",
    "postgresql://me:@hush@127.0.0.1:1/db", "postgresql://me:p[hush]@127.0.0.1:1/db", "postgresql://me:hush@127.0.0.1:1/db\n",
]  # fmt: skip
ADDRESSES = [
    "http://127.0.0.1:1/?key=hush", "http://127.0.0.1:1/#hush", "http://me:hush@127.0.0.1:1", "127.0.0.1:1/hush",
    "http://hush hush", "http://127.0.0.1:hush/", "ftp://127.0.0.1/hush", "http:///hush", "http://127.0.0.1:1/a?b=hush",
    "http://127.0.0.1:1/hush\n", "http://127.0.0.1:1/v1/hush", "http://hush..b/", "http://127.0.0.1:1;hush/", "http://[hush]/",
]  # fmt: skip


def check(verbatims: Command, setting: str, value: str, **environment: str) -> None:
    """Assert that every command rejects it in one line that names the setting."""
    for command in COMMANDS:
        for debug in ((), ("--debug",)):
            ended = verbatims(*command, *debug, **{**environment, setting: value})
            assert ended.code == 2, (command, ended.err)
            assert SECRET not in (ended.out + ended.err).lower(), (command, debug)
            assert ended.err.splitlines()[-1].startswith(f"verbatims: {setting}: ")
            assert debug or ended.err.count("\n") == 1


@pytest.fixture(autouse=True)
def file(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "reviews.jsonl", ["La livraison est très rapide"])


@pytest.mark.parametrize("value", KEYS)
def test_an_invalid_key_is_not_shown(verbatims: Command, value: str) -> None:
    check(verbatims, "ANTHROPIC_API_KEY", value, SCRAPER_MODE="prod")


@pytest.mark.parametrize("value", HEADERS)
def test_invalid_headers_are_not_shown(verbatims: Command, value: str) -> None:
    check(verbatims, "OTEL_EXPORTER_OTLP_HEADERS", value, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1")


@pytest.mark.parametrize("value", STORES)
def test_an_unescaped_store_password_is_not_shown(verbatims: Command, value: str) -> None:
    check(verbatims, "STORE", value, WAREHOUSE="sqlite:///rows.db")


@pytest.mark.parametrize("value", ADDRESSES)
def test_an_invalid_address_is_not_shown(verbatims: Command, value: str) -> None:
    check(verbatims, "ANTHROPIC_BASE_URL", value)


def test_the_path_of_an_address_is_not_shown(verbatims: Command) -> None:
    """A gateway's path may identify a customer or grant access."""
    address = "http://127.0.0.1:1/v1/hush/gateway"
    for command in (("run", "--input", "reviews.jsonl"), ("doctor",)):
        ended = verbatims(*command, "--debug", ANTHROPIC_BASE_URL=address, VERBATIMS_GRAFANA_URL=address, **PROD)
        assert ended.code and "127.0.0.1:1" in ended.err and SECRET not in ended.out + ended.err


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_METRICS_HEADERS"])
def test_the_sdks_own_header_variable_is_ignored(verbatims: Command, name: str) -> None:
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "0.1",
        name: SECRET,
    }
    ended = verbatims("run", "--input", "reviews.jsonl", **environment)
    assert ended.code == 0 and "did not reach" in ended.err and SECRET not in ended.err


@pytest.mark.parametrize("word", ["hush", "password", "d"])
def test_a_rejected_password_is_neither_shown_nor_revealed_by_redaction(
    verbatims: Command, postgres: str, word: str
) -> None:
    """The rest of the message is unchanged: a word redacted from it would reveal the password."""
    address = postgres.removeprefix("postgresql://postgres@")
    store = f"postgresql://nobody:{word}@{address}/nowhere?application_name=hush&options=-csearch_path%3Dhush"
    ended = verbatims("failed", STORE=store, WAREHOUSE="sqlite:///rows.db")
    assert ended.code == 2 and 'role "nobody" does not exist' in ended.err and SECRET not in ended.err
