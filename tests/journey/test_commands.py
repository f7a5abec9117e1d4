"""What the commands say around a run: what is missing, what comes next, which settings are in force."""

from pathlib import Path

import pytest

from pipeline.program import next_command

from .conftest import Command, write_jsonl


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


@pytest.mark.parametrize(
    ("address", "cause"),
    [("http://127.0.0.1:9", "connection refused"), ("http://nowhere.invalid", "its host name is unknown (DNS)")],
)
def test_a_run_that_cannot_reach_claude_says_why_and_how_to_go_on(
    verbatims: Command, tmp_path: Path, address: str, cause: str
) -> None:
    write_jsonl(tmp_path / "reviews.jsonl", ["Une livraison vraiment rapide", "Le service client est aimable"])
    prod = {"SCRAPER_MODE": "prod", "ANTHROPIC_API_KEY": "x", "ANTHROPIC_BASE_URL": address, "VERBATIMS_RETRIES": "0"}
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
        ended.err.splitlines()[-1] == f"published: run {run}, 2 rows in var/verbatims.db, table verbatims_analysed_v1"
    )


def test_a_run_with_failed_records_names_them_also_with_json(verbatims: Command, tmp_path: Path) -> None:
    (tmp_path / "reviews.jsonl").write_text('{"texte": "Une livraison rapide"}\n{"texte": "coup\n')
    ended = verbatims("run", "--input", "reviews.jsonl", "--json")
    run = ended.data["run_id"]
    assert ended.code == 1
    assert f"run {run}: 1 failed (1 unreadable_record), listed by `verbatims failed --run {run}`" in ended.err
