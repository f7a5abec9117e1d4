"""Personal data is masked; other numbers are kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.clean import mask, prepare
from pipeline.records import Review

PIECES = st.lists(
    st.sampled_from([
        "06 12 34 56 78", "0612345679", "+33612345678", "4111 1111 1111 1111", "FR7630006000011234567890189", "a@b.fr",
        *" .-/@+0a8[]%'",
    ])
).map("".join)  # fmt: skip


@given(st.text(), st.emails(), st.text())
def test_every_email_is_masked_whatever_surrounds_it(before: str, email: str, after: str) -> None:
    assert email not in mask(f"{before}{email}{after}")


@given(st.text() | PIECES)
def test_masking_twice_changes_nothing(text: str) -> None:
    assert mask(mask(text)) == mask(text)


@pytest.mark.parametrize("text", [
    "06 12 34 56 78", "06.12.34.56.78", "06-12-34-56-78", "0612345678", "06 1234 5678", "+33 6 12 34 56 78",
    "+33612345678", "+33 (0)6 12 34 56 78", "0033 6 12 34 56 78", "+49 170 1234567", "+1 (555) 123-4567",
    "06\u00a012\u00a034\u00a056\u00a078",
])  # fmt: skip
def test_phone_numbers_are_masked(text: str) -> None:
    assert mask(f"Tél : {text}, merci") == "Tél : [phone], merci"


@pytest.mark.parametrize("text", [
    "FR76 3000 6000 0112 3456 7890 189", "FR7630006000011234567890189", "fr76 3000 6000 0112 3456 7890 189",
    "BE68 5390 0754 7034", "DE89370400440532013000",
])  # fmt: skip
def test_ibans_are_masked_up_to_the_next_word(text: str) -> None:
    assert mask(f"mon {text} merci") == "mon [iban] merci"


@pytest.mark.parametrize("text", ["4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005", "3782 822463 10005"])
def test_card_numbers_are_masked_and_the_following_text_is_kept(text: str) -> None:
    assert mask(f"carte {text} 12/27") == "carte [card] 12/27"


@pytest.mark.parametrize("text", [
    "jean (at) exemple.fr", "jean [at] exemple [dot] fr", "jean@ exemple.fr", "jean arobase exemple.fr", "jean@gmail",
])  # fmt: skip
def test_emails_spelt_out_are_masked(text: str) -> None:
    assert mask(f"écrire : {text}") == "écrire : [email]"


@pytest.mark.parametrize("text", [
    "12,50 €", "1 299,00 €", "le 01/02/2024 à 10:30", "le 01-02-2024 10:30", "01 02 2024 10h", "2020 2021 2022 2023",
    "version 12.4.1.3", "10000 pas", "1 000 000 000 000 pas", "commande 123456789", "commande CMD-0612345678",
    "commande 20240102030405", "note 4/5", "score 3-2", "merci @garmin !", "de 06h12 à 07h30", "4111 1111 1111 1112",
    "FR76 3000 6000 0112 3456 7890 188", "+1234567.89 €", "192.168.1.1",
])  # fmt: skip
def test_other_numbers_are_kept(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize("piece", ["a", "@", "a@b.", "4444 ", "FR76 ", "06 12 ", "+1 (1) ", "a (at) "])
def test_a_megabyte_built_to_be_slow_is_masked(piece: str) -> None:
    mask(piece * (1_000_000 // len(piece)))


def test_a_review_is_repaired_before_it_is_masked() -> None:
    hidden = Review(
        "s", "1", "écrire à jean&#64;exem\u200bple.fr svp", 1, url="https://x.fr/avis?mail=jean@exemple.fr&n=2"
    )
    ready = prepare(hidden)
    assert (ready.text, ready.url) == ("écrire à [email] svp", "https://x.fr/avis?mail=[email]&n=2")


def test_the_language_of_the_source_overrides_the_guess() -> None:
    text = "Cette application est vraiment très pratique"
    assert prepare(Review("s", "1", text, 1, language="de")).language == "de"
    assert prepare(Review("s", "1", text, 1)).language == "fr"
