"""What the commands say around a run: what is missing, what comes next, which settings are in force."""

from pathlib import Path

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
