"""The reasons to skip a text, and the guessed language."""

import pytest

from pipeline.clean import guess, reason
from pipeline.records import SkipReason


@pytest.mark.parametrize("text", ["Super", "Très bien", "👍 👍 👍 👍", "Top !!! 👍", "... - !"])
def test_under_three_words_is_too_short_and_emoji_are_not_words(text: str) -> None:
    assert reason(text, duplicate=True) is SkipReason.TOO_SHORT


def test_stars_without_a_text_have_a_reason_of_their_own() -> None:
    assert reason("", duplicate=True) is SkipReason.NO_TEXT


def test_three_words_are_enough() -> None:
    assert reason("ne marche plus", duplicate=False) is None


@pytest.mark.parametrize("text", [
    "电池不耐用", "すぐに電池が切れる", "時計が同期しません", "แบตหมดเร็วมาก", "ແບັດໝົດໄວຫຼາຍ", "ថ្មឆាប់អស់ណាស់",
    "ဘက်ထရီအရမ်းကုန်မြန်တယ်", "배터리가 너무 빨리 닳아요",
])  # fmt: skip
def test_a_text_in_a_script_without_blanks_is_long_enough(text: str) -> None:
    assert reason(text, duplicate=False) is None


@pytest.mark.parametrize("text", ["很好", "非常好用", "最高です", "ดีมาก", "ດີຫຼາຍ", "ល្អណាស់", "！！！。。。、、"])
def test_a_few_letters_of_a_script_without_blanks_are_too_short(text: str) -> None:
    assert reason(text, duplicate=False) is SkipReason.TOO_SHORT


def test_a_text_of_exactly_the_maximum_length_passes() -> None:
    assert reason(("mot " * 6000)[:20_000], duplicate=False) is None
    assert reason(("mot " * 6000)[:20_001], duplicate=False) is SkipReason.TOO_LONG


def test_only_longer_texts_are_duplicates() -> None:
    short, long = "Une très bonne application 123", "Une très bonne application 1234"
    assert (len(short), reason(short, duplicate=True)) == (30, None)
    assert (reason(long, duplicate=True), reason(long, duplicate=False)) == (SkipReason.DUPLICATE, None)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Cette application est vraiment très pratique", "fr"),
        ("The watch never syncs with my phone anymore", "en"),
        ("Très bien", None),
        ("", None),
        ("👍" * 40, None),
    ],
)
def test_a_language_is_guessed_only_for_long_enough_texts(text: str, language: str | None) -> None:
    assert guess(text) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Remmen gick sönder efter två veckor", "sv"),
        ("Baterie se vybíjí příliš rychle", "cs"),
        ("Bateria se descarcă mult prea repede", "ro"),
        ("Батарея розряджається занадто швидко", "uk"),
        ("배터리가 너무 빨리 닳아요", "ko"),
        ("Η μπαταρία τελειώνει πολύ γρήγορα", "el"),
        ("Baterainya cepat sekali habis", "id"),
    ],
)
def test_a_rarer_language_does_not_pass_as_a_common_one(text: str, language: str) -> None:
    assert guess(text) == language


@pytest.mark.parametrize(("text", "language"), [("电池不耐用", "zh"), ("電池が弱い", "ja"), ("แบตหมดเร็ว", "th")])
def test_five_letters_of_a_dense_script_are_enough(text: str, language: str) -> None:
    assert guess(text) == language
