"""What the commands say around a run: what is missing, what comes next, which settings are in force."""

from pathlib import Path

import pytest

from pipeline.program import next_command

from .conftest import Command


def test_doctor_on_a_laptop_without_servers_finds_nothing_wrong_and_makes_no_database(
    verbatims: Command, tmp_path: Path
) -> None:
    ended = verbatims("doctor")
    assert ended.code == 0 and "WRONG" not in ended.err, ended.err
    assert "not set up  Collector" in ended.err and ended.err.count("not made yet; the first run makes it") == 2
    assert verbatims("doctor", WAREHOUSE="bigquery://sandbox/verbatims").code == 0
    assert list(tmp_path.iterdir()) == []


def test_doctor_names_a_configured_server_that_does_not_answer(verbatims: Command) -> None:
    ended = verbatims("doctor", VERBATIMS_TEMPO_URL="http://127.0.0.1:1")
    assert ended.code == 1 and "WRONG       Tempo        127.0.0.1:1 does not answer" in ended.err


def next_commands(said: str) -> list[str]:
    return said.split("\nNext:\n")[1].splitlines()[1:]


def test_the_next_commands_name_the_store_that_only_the_environment_names(verbatims: Command, tmp_path: Path) -> None:
    demo = verbatims("run", "--limit", "3", STORE="sqlite:///var/my demo.db", WAREHOUSE="")
    exporter, file = next_commands(demo.err)
    assert exporter.startswith("  STORE='sqlite:///var/my demo.db' verbatims exporter")
    assert file.startswith("  STORE='sqlite:///var/my demo.db' verbatims run --input")
    (tmp_path / ".env").write_text("STORE=sqlite:///var/other.db\nWAREHOUSE=sqlite:///var/rows.db\n")
    assert next_commands(verbatims("run", "--limit", "3").err)[0].startswith("  verbatims exporter")
    both = next_commands(verbatims("run", "--limit", "3", STORE="sqlite:///var/a.db", WAREHOUSE="").err)
    assert both[0].startswith("  STORE=sqlite:///var/a.db WAREHOUSE='' verbatims exporter")


def test_no_next_command_shows_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE", "postgresql://me:hush@host/db")
    monkeypatch.setenv("WAREHOUSE", "sqlite:///rows.db")
    assert next_command("failed") == "verbatims failed"
    monkeypatch.setenv("STORE", "postgresql://me@host/db")
    assert next_command("failed") == "STORE=postgresql://me@host/db WAREHOUSE=sqlite:///rows.db verbatims failed"
