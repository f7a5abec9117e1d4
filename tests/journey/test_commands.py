"""What the commands say around a run: what is missing, what comes next, which settings are in force."""

import argparse
import json
import re
import shlex
from pathlib import Path

import pytest

from pipeline.cli import _parser
from pipeline.program import next_command
from pipeline.settings import Settings, setting_name
from pipeline.telemetry import TEN

from .conftest import Command, Shell, write_jsonl


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
    """Behind the look at the rows and the report."""
    return said.split("\nNext:\n")[1].splitlines()[2:]


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


@pytest.mark.parametrize(
    ("address", "cause"),
    [("http://127.0.0.1:9", "connection refused"), ("http://nowhere.invalid", "its host name is unknown (DNS)")],
)
def test_a_run_that_cannot_reach_claude_says_why_and_how_to_go_on(
    verbatims: Command, tmp_path: Path, address: str, cause: str
) -> None:
    write_jsonl(tmp_path / "reviews.jsonl", ["Une livraison vraiment rapide", "Le service client est aimable"])
    prod = {"SCRAPER_MODE": "prod", "ANTHROPIC_API_KEY": "x", "ANTHROPIC_BASE_URL": address, "VERBATIMS_RETRY_S": "0"}
    ended = verbatims("run", "--input", "reviews.jsonl", **prod)
    assert ended.code == 3 and f"verbatims: Claude's API cannot be reached: {cause}" in ended.err, ended.err
    assert ended.err.splitlines()[-1] == "to go on: verbatims run --input reviews.jsonl"


def test_a_stage_that_ends_with_1_says_what_is_pending_and_what_to_run(verbatims: Command, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "reviews.jsonl", ["Une livraison vraiment rapide", "Le service client est aimable"])
    run = verbatims("scrape", "--input", "reviews.jsonl").out.strip()
    for stage, todo in (("load", "clean"), ("clean", None), ("load", "analyse"), ("publish", "analyse")):
        ended = verbatims(stage)
        said = ended.err.splitlines()[-1]
        assert ended.code == (1 if todo else 0), ended
        assert todo is None or said.startswith(
            f"run {run}: 2 pending, to be analysed by `verbatims {todo} --run {run}`"
        )
    assert [verbatims(stage).code for stage in ("analyse", "load")] == [0, 0]
    ended = verbatims("publish", "--json")
    assert (
        ended.err.splitlines()[-1] == f"published: run {run}, 2 rows in var/verbatims-warehouse.db, "
        "table verbatims_analysed_v2"
    )


def test_a_run_with_failed_records_names_them_also_with_json(verbatims: Command, tmp_path: Path) -> None:
    (tmp_path / "reviews.jsonl").write_text('{"texte": "Une livraison rapide"}\n{"texte": "coup\n')
    ended = verbatims("run", "--input", "reviews.jsonl", "--json")
    run = ended.data["run_id"]
    assert ended.code == 1
    assert f"run {run}: 1 failed (1 unreadable_record), listed by `verbatims failed --run {run}`" in ended.err


def test_config_shows_each_setting_and_where_it_is_from_but_no_secret(verbatims: Command, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("VERBATIMS_CONCURRENCY=8\nANTHROPIC_API_KEY=hush\n")
    given = {
        "STORE": "postgresql://me:hush@host/db",
        "WAREHOUSE": "sqlite:///rows.db",
        "ANTHROPIC_BASE_URL": "https://gateway.example/hush",
        "SCRAPER_MODE": "prod",
    }
    shown = verbatims("config", "--json", **given)
    rows = {row["name"]: (row["value"], row["from"]) for row in map(json.loads, shown.out.splitlines())}
    assert len(rows) == len(Settings.model_fields)
    assert rows["STORE"] == ("postgresql://me:***@host/db", "environment")
    assert rows["VERBATIMS_CONCURRENCY"] == ("8", ".env")
    assert rows["ANTHROPIC_API_KEY"] == ("set, hidden", ".env")
    assert rows["OTEL_EXPORTER_OTLP_HEADERS"] == ("not set", "default")
    table = verbatims("config", **given)
    assert (table.code, table.err) == (0, "") and "VERBATIMS_RETRY_S  " in table.out
    assert "hush" not in shown.out + table.out
    assert [file.name for file in tmp_path.iterdir()] == [".env"]


def test_init_writes_both_files_once_and_overwrites_nothing(verbatims: Command, tmp_path: Path) -> None:
    first = verbatims("init")
    env, sources = tmp_path / ".env", tmp_path / "sources.toml"
    assert first.code == 0 and "sources.toml" in first.err and "doctor" in first.err
    assert env.stat().st_mode & 0o777 == 0o600 and "#SCRAPER_MODE=sandbox" in env.read_text()
    assert verbatims("config").code == 0
    sources.unlink()
    again = verbatims("init")
    assert (again.code, again.err.count("\n"), sources.exists()) == (2, 1, False) and ".env" in again.err


def test_the_examples_of_sources_are_valid(verbatims: Command, tmp_path: Path) -> None:
    verbatims("init")
    file = tmp_path / "sources.toml"
    file.write_text(re.sub("^#(?! )", "", file.read_text(), flags=re.MULTILINE))
    (tmp_path / "survey.csv").write_text("no,answer,score,sent,lang\n1,Une livraison rapide,5,2026-01-01,fr\n")
    ended = verbatims("doctor", SCRAPER_MODE="prod", ANTHROPIC_API_KEY="x", ANTHROPIC_BASE_URL="http://127.0.0.1:9")
    assert "sources.toml describes shop, app, forum, survey" in ended.err


@pytest.mark.parametrize(
    ("line", "offered"), [("verbatims do", {"doctor"}), ("verbatims run --in", {"--input"}), ("verbatims xyz", set())]
)
def test_a_shell_completes_commands_and_options(shell: Shell, tmp_path: Path, line: str, offered: set[str]) -> None:
    """By the protocol of `register-python-argcomplete`."""
    answer = tmp_path / "answer"
    shell.environment |= {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "_ARGCOMPLETE_STDOUT_FILENAME": str(answer)}
    shell.environment |= {"COMP_LINE": line, "COMP_POINT": str(len(line)), "COMP_TYPE": "9"}
    ended = shell.process()
    assert (ended.out, ended.err) == ("", "")
    assert {word.strip() for word in answer.read_text().split("\n") if word} == offered
    assert not (tmp_path / "var").exists()


def test_quiet_leaves_only_data_warnings_and_errors_wherever_it_stands(verbatims: Command, tmp_path: Path) -> None:
    texts = ["Une livraison vraiment rapide", "Le service client est aimable"]
    file = write_jsonl(tmp_path / "reviews.jsonl", texts)
    before = verbatims("--quiet", "run", "--input", file.name, "--json")
    assert (before.code, before.err, before.data["loaded"]) == (0, "", 2)
    after = verbatims("scrape", "--input", file.name, "--quiet")
    assert (after.err, after.out.count("\n")) == ("", 1)
    lost = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_TIMEOUT": "0.1"}
    warned = verbatims("run", "--quiet", "--input", file.name, **lost)
    assert warned.err.startswith("telemetry: ") and warned.err.count("\n") == 1
    assert verbatims("--debug", "--quiet", "run", "--input", "missing.csv").err.count("missing.csv") >= 1
    assert "SANDBOX" in verbatims("run", "--input", file.name).err


def test_the_help_of_each_command_has_examples_that_parse_and_settings_that_exist() -> None:
    names = {setting_name(field) for field in Settings.model_fields}
    parser = _parser()
    [commands] = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for name, command in commands.choices.items():
        examples, _, settings = command.format_help().partition("examples:\n")[2].partition("\n\nsettings, ")
        assert f"verbatims {name}" in examples
        for call in re.findall(r"verbatims ([^|&>\n]*)", examples):
            parser.parse_args(shlex.split(call))
        assert set(re.findall(r"^  ([A-Z_]+)$", settings, re.MULTILINE)) <= names, name


@pytest.mark.parametrize("columns", ["40", "60", "80"])
def test_no_figure_of_the_summary_is_cut_on_a_narrow_terminal(verbatims: Command, tmp_path: Path, columns: str) -> None:
    write_jsonl(tmp_path / "reviews.jsonl", [f"La livraison numéro {n} est rapide" for n in range(12)])
    said = verbatims("run", "--input", "reviews.jsonl", COLUMNS=columns).err
    assert "…" not in said
    for metric in TEN:
        assert metric.prometheus_name in said
    # this run and ever
    assert len(re.findall(r"12 × \d\.\d{3} s", said)) == 2, said


@pytest.mark.long
@pytest.mark.parametrize("arguments", [("--help",), ("run", "--help"), ("failed",), ("config",)])
def test_a_reader_that_has_ended_is_no_error(verbatims: Command, shell: Shell, arguments: tuple[str, ...]) -> None:
    (shell.folder / "reviews.jsonl").write_text('{"texte": "coup\n{"texte": "une livraison rapide"}\n')
    verbatims("run", "--input", "reviews.jsonl")
    with shell.start(*arguments, PYTHONUNBUFFERED="") as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""


@pytest.mark.long
def test_a_terminal_without_our_characters_gets_help_summaries_and_whole_data(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "avis.jsonl").write_text('{"texte": "coup\n{"texte": "une livraison rapide"}\n', encoding="utf-8")
    shell.environment |= {"PYTHONIOENCODING": "ascii"}
    helped = shell.process("sandbox", "--help")
    assert (helped.code, helped.err) == (0, "") and "--faults KIND=SHARE,?" in helped.out
    ended = shell.process("run", "--input", "avis.jsonl")
    assert ended.code == 1 and "1 ? 0." in ended.err and "Next:" in ended.err
    shell.environment |= {"VERBATIMS_SOURCES": "réseau.toml"}
    rows = map(json.loads, shell.process("config", "--json").out.splitlines())
    assert "réseau.toml" in [row["value"] for row in rows]


def test_the_sample_can_be_analysed_at_once(verbatims: Command, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text(shell.process("sample").out, encoding="utf-8")
    ended = verbatims("run", "--input", "reviews.csv", "--json")
    assert (ended.code, ended.data["scraped"], ended.data["loaded"]) == (0, 20, 19), ended.err
