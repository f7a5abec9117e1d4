"""Repair is idempotent and keeps the words of a text."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.clean import repair

NASTY = st.text() | st.text(alphabet="&amp;#38xltg é\u00c3\u00a9\x80\x92\u200b\r\n\t\u2028\x00;Ａ＆\ud800")


@given(NASTY)
@example("&amp;" * 9 + "eacute;")
@example("&#38;" * 3 + "#38;lt;")
@example("＆amp;")
def test_repairing_twice_changes_nothing(text: str) -> None:
    assert repair(repair(text)) == repair(text)


@given(NASTY)
def test_a_repaired_text_can_be_stored(text: str) -> None:
    repaired = repair(text)
    repaired.encode("utf-8")
    assert not any(ord(character) < 32 and character != "\n" for character in repaired)


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("DÃ©Ã§u par lâ€™appli", "Déçu par l’appli"),
        ("l\x92appli co\xfbte 5 \x80", "l’appli coûte 5 €"),
        ("Tr&egrave;s bien &amp; rapide", "Très bien & rapide"),
        ("R&D, AT&T, &amplitude", "R&D, AT&T, &amplitude"),
        ("  un   mot\t là  \n\n\n\n suite\r\nfin ", "un mot là\n\nsuite\nfin"),
        ("e\u0301te\u0301", "été"),
        ("je\u200ban\x00", "jean"),
        ("👩\u200d💻 génial", "👩\u200d💻 génial"),
        ("je\u200dan a\u200c 1", "jean a 1"),
        ("すごい！（良い）， Ａ１", "すごい！（良い）， Ａ１"),
        ("می\u200cخواهم ❤\ufe0f 1\ufe0f\u20e3", "می\u200cخواهم ❤\ufe0f 1\ufe0f\u20e3"),
    ],
)
def test_only_damage_is_repaired(text: str, repaired: str) -> None:
    assert repair(text) == repaired
