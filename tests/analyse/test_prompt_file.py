"""A prompt of the user's own: what is accepted, and which analysers it makes."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.analyse.analyser import Analyser, define
from pipeline.analyse.prompt import VERSION, load_prompt
from pipeline.analyse.topics import load_topics
from pipeline.analyser_series import series_of
from pipeline.errors import SettingsError
from pipeline.records import AnalyserRecord, Topic

TOPICS = load_topics(None)


def series(record: AnalyserRecord) -> str:
    return series_of(record.fingerprint, record.definition)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"No place for the list.", "must hold {topics} once"),
        (b"{topics} and {topics}", "must hold {topics} once"),
        (b"{topics} \xff", "cannot be read (UnicodeDecodeError)"),
        (b"{topics}" + b"x" * 60_000, "more than 50,000 characters"),
    ],
)
def test_a_file_that_is_no_prompt_is_told_in_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "mine.md").write_bytes(content)
    with pytest.raises(SettingsError, match=r"^VERBATIMS_PROMPT: .*mine\.md") as found:
        load_prompt(tmp_path / "mine.md")
    assert said in str(found.value) and "\n" not in str(found.value)


def test_the_version_of_a_prompt_changes_with_its_words(tmp_path: Path) -> None:
    file = tmp_path / "My prompt.md"
    file.write_text("Analyse.\n{topics}\n", encoding="utf-8")
    first = load_prompt(file)
    file.write_text("Analyse well.\n{topics}\n", encoding="utf-8-sig")  # as Notepad saves it
    second = load_prompt(file)
    assert first.version.startswith("my_prompt-") and second.version.startswith("my_prompt-")
    assert first.version != second.version != VERSION
    asked = Analyser(define("sandbox", TOPICS, prompt=second), 1024).request("Très bien")
    assert asked["system"][0]["text"].startswith("Analyse well.\n- delivery — ")


def test_analysers_that_differ_in_their_topics_are_one_series() -> None:
    first = define("sandbox", TOPICS)
    more = define("sandbox", (*TOPICS, Topic("dark_mode", "Mode sombre : l'écran", "Dark mode: the screen")))
    assert first.fingerprint != more.fingerprint and series(first) == series(more)


def test_another_model_prompt_or_way_of_thinking_is_another_series(tmp_path: Path) -> None:
    (tmp_path / "mine.md").write_text("Analyse.\n{topics}\n", encoding="utf-8")
    made = [
        define("sandbox", TOPICS),
        define("other", TOPICS),
        define("sandbox", TOPICS, "adaptive"),
        define("sandbox", TOPICS, effort="low"),
        define("sandbox", TOPICS, prompt=load_prompt(tmp_path / "mine.md")),
    ]
    assert len({series(one) for one in made}) == len(made)


def test_an_analyser_whose_definition_is_not_known_is_a_series_of_its_own() -> None:
    record = define("sandbox", TOPICS)
    assert series(replace(record, fingerprint="before:1", definition="{}")) == "before:1"
