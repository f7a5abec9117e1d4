"""Both languages say the same, and no word is missing or idle."""

import re
from pathlib import Path
from string import Formatter

import pytest

from pipeline.records import JsonError, Length, LoadError, Outcome, Sentiment, Signal, SkipReason
from pipeline.report.bins import Period
from pipeline.report.words import Language, Words, entries
from pipeline.store.counts import ERASED, UNREADABLE_RECORD
from pipeline.store.failures import LOAD_REFUSED

FOLDER = Path(__file__).parents[2] / "pipeline" / "report"
NAMED = re.compile(r"""\bw\(\s*["'](\w+)["']""")


def filled(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("name", entries())
def test_each_text_is_there_in_both_languages_with_the_same_blanks(name: str) -> None:
    texts = entries()[name]
    assert texts.keys() == {language.value for language in Language} and all(texts.values())
    assert filled(texts["en"]) == filled(texts["fr"])


def test_every_text_is_used_and_every_used_one_is_there() -> None:
    code = "".join(file.read_text(encoding="utf-8") for file in FOLDER.iterdir() if file.suffix in (".py", ".html"))
    listed = set(re.findall(r"""["'](\w+)["']""", code))
    assert set(NAMED.findall(code)) <= entries().keys()
    built = re.compile(r"(outcome|do|period|length|counted|signal)_\w+")
    closed = {one.value for one in (*Sentiment, *SkipReason, *JsonError, *LoadError)} | {
        "duplicate_id",
        "forgotten",
        "withdrawn",
    }
    assert {name for name in entries() if name not in listed | closed and not built.fullmatch(name)} == set()


def test_every_value_of_a_closed_set_has_its_words() -> None:
    w = Words(Language.FR)
    failed = {one.value for one in Outcome} - {Outcome.ANALYSED} | {UNREADABLE_RECORD, LOAD_REFUSED, ERASED}
    for outcome in failed:
        assert w(f"outcome_{outcome}") and w(f"do_{outcome}")
    for one in (*Sentiment, *SkipReason, *JsonError, *LoadError):
        assert w(one.value)
    assert all(w(f"length_{one}") for one in Length)
    assert all(w(f"signal_{one}") for one in Signal)
    assert all(w(f"period_{period}") for period in Period)


def test_numbers_are_written_as_each_language_writes_them() -> None:
    english, french = Words(Language.EN), Words(Language.FR)
    assert (english.number(1234567.5, 1), french.number(1234567.5, 1)) == ("1,234,567.5", "1\u202f234\u202f567,5")
    assert (english.usd(0.04), french.usd(0.04), english.usd(1234.5)) == ("$0.0400", "0,0400\u00a0$", "$1,234.50")
    assert (english.share(1, 8), french.share(1, 8), french.share(0, 0)) == ("12.5\u00a0%", "12,5\u00a0%", "–")
    assert (english.seconds(0.25), french.seconds(0.25), french.seconds(8)) == (
        "0.25\u00a0s",
        "0,25\u00a0s",
        "8\u00a0s",
    )
