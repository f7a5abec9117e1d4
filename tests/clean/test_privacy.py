"""Personal data is masked; other numbers are kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.clean import mask, prepare
from pipeline.records import Review

PIECES = st.lists(
    st.sampled_from([
        "06 12 34 56 78", "0612345679", "+33612345678", "4111 1111 1111 1111", "FR7630006000011234567890189", "a@b.fr",
        "(+33) 6 12 34 56 78", "33612345678", "06 12\n34 56 78", "0 6 1 2 3 4 5 6 7 8", "06–12–34–56–78", "commande ",
        "4111.1111.1111.1111", "IBANFR76.3000.6000.0112.3456.7890.189", "a at gmail.com", "a @b.fr", "a@2x.png",
    "0 805 204 805", "01 70 772 372", "+44 20.7946.0958",
        "０６ １２３４５６７８", "＋３３", "ｊ＠ｂ．ｆｒ", *"　．－，", *" .-/@+0a8[]%'\n(_X",
    ])
).map("".join)  # fmt: skip

SLOW = [
    "0 6 ", "06\n12\n", "06–12–", "(+33) ", "33", "0033 ", "IBANFR76", "FR76.", "4444.", "commande ", "commande 0",
    "a @", "a at ", "a at gmail", "@2x.", "a_", "0", "+1", "/0612345678", "=%2B33", "\u200d", "a\u200d",
    "０６　", "＋", "ａ＠", "0 805 204 805 ", "0 805 204 80 ", "+44 20.7946.", "(0",
]  # fmt: skip


@given(st.text(), st.emails(), st.text())
def test_every_email_is_masked_whatever_surrounds_it(before: str, email: str, after: str) -> None:
    assert email not in mask(f"{before}{email}{after}")


@given(st.text() | PIECES)
def test_masking_twice_changes_nothing(text: str) -> None:
    assert mask(mask(text)) == mask(text)


@pytest.mark.parametrize("text", [
    "06 12 34 56 78", "06.12.34.56.78", "06-12-34-56-78", "0612345678", "06 1234 5678", "+33 6 12 34 56 78",
    "+33612345678", "+33 (0)6 12 34 56 78", "0033 6 12 34 56 78", "+49 170 1234567", "+1 (555) 123-4567",
    "06\u00a012\u00a034\u00a056\u00a078", "(+33) 6 12 34 56 78", "(+33)612345678", "33612345678", "33 6 12 34 56 78",
    "00 33 6 12 34 56 78", "+33 06 12 34 56 78", "+33 6–12–34–56–78", "06–12–34–56–78",
    "06\u201112\u201134\u201156\u201178",
    "06\u201012\u201034\u201056\u201078", "06 − 12 − 34 − 56 − 78", "0 6 1 2 3 4 5 6 7 8", "0-6-1-2-3-4-5-6-7-8",
    "06 12\n34 56 78", "06.12.\n34.56.78", "+33 6 12\n34 56 78",
    "0 805 204 805", "0820 53 81 23", "01 70 772 372", "01.70.772.372", "+44 20.7946.0958",
])  # fmt: skip
def test_phone_numbers_are_masked(text: str) -> None:
    assert mask(f"Tél : {text}, merci") == "Tél : [phone], merci"


@pytest.mark.parametrize("text", [
    "FR76 3000 6000 0112 3456 7890 189", "FR7630006000011234567890189", "fr76 3000 6000 0112 3456 7890 189",
    "BE68 5390 0754 7034", "DE89370400440532013000", "FR76.3000.6000.0112.3456.7890.189",
    "FR76 3000 6000 0112\n3456 7890 189", "FR76–3000–6000–0112–3456–7890–189",
])  # fmt: skip
def test_ibans_are_masked_up_to_the_next_word(text: str) -> None:
    assert mask(f"mon {text} merci") == "mon [iban] merci"


@pytest.mark.parametrize(("text", "masked"), [
    ("IBANFR76 3000 6000 0112 3456 7890 189", "IBAN[iban]"), ("user_0612345678", "user_[phone]"),
    ("tel-0612345678", "tel-[phone]"), ("tel:0612345678", "tel:[phone]"), ("Tel0612345678", "Tel[phone]"),
    ("commande 06 12 34 56 78", "commande [phone]"), ("mon n° 0612345678", "mon n° [phone]"),
])  # fmt: skip
def test_a_word_before_a_number_does_not_hide_it(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(("text", "masked"), [
    ("０６ １２ ３４ ５６ ７８", "[phone]"), ("０６－１２－３４－５６－７８", "[phone]"),
    ("＋３３　６　１２　３４　５６　７８", "[phone]"), ("４１１１１１１１１１１１１１１１", "[card]"),
    ("jean＠exemple．fr", "[email]"), ("ｊｅａｎ＠ｅｘｅｍｐｌｅ．ｆｒ", "[email]"),
    ("ＦＲ76 3000 6000 0112 3456 7890 189", "[iban]"),
])  # fmt: skip
@pytest.mark.parametrize("length", [0, 100_000])
def test_full_width_characters_do_not_hide_personal_data(text: str, masked: str, length: int) -> None:
    assert prepare(Review("s", "1", "a " * (length // 2) + f"<{text}>", 1)).text.endswith(f"<{masked}>")


def test_full_width_characters_are_kept_where_they_hide_nothing() -> None:
    text = "すごい！０６年，良い。"
    assert (mask(text), mask(f"{text}a@b.fr")) == (text, f"{text}[email]")


@pytest.mark.parametrize("text", [
    "4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005", "3782 822463 10005", "4111.1111.1111.1111",
    "4111–1111–1111–1111", "4111 1111\n1111 1111",
])  # fmt: skip
def test_card_numbers_are_masked_and_the_following_text_is_kept(text: str) -> None:
    assert mask(f"carte {text} 12/27") == "carte [card] 12/27"


@pytest.mark.parametrize("text", [
    "jean (at) exemple.fr", "jean [at] exemple [dot] fr", "jean@ exemple.fr", "jean arobase exemple.fr", "jean@gmail",
    "jean at gmail.com", "jean at gmail dot com", "jean @gmail.com", "jean @ gmail.com", "jean.dupont @exemple.fr",
])  # fmt: skip
def test_emails_spelt_out_are_masked(text: str) -> None:
    assert mask(f"écrire : {text}") == "écrire : [email]"


@pytest.mark.parametrize("text", [
    "12,50 €", "1 299,00 €", "le 01/02/2024 à 10:30", "le 01-02-2024 10:30", "01 02 2024 10h", "2020 2021 2022 2023",
    "version 12.4.1.3", "10000 pas", "1 000 000 000 000 pas", "commande 123456789", "commande CMD-0612345678",
    "commande 20240102030405", "note 4/5", "score 3-2", "merci @garmin !", "de 06h12 à 07h30", "4111 1111 1111 1112",
    "FR76 3000 6000 0112 3456 7890 188", "+1234567.89 €", "192.168.1.1",
    "commande 0123456789", "Commande n° : 0612345678", "order #0123456789", "réf. 0123456789", "facture n°0123456789",
    "dossier 33612345678", "commande 1234567890", "le colis 6123456789", "0 1 2 3 4 5 6 7 8 9 10",
    "0-1-2-3-4-5-6-7-8-9",
    "ISBN 0-306-40615-2", "0.123456789", "EAN 0 805204 805123", "00 20 40 60 80 100", "CMD-0 820 538 123",
    "0 805 204 €", "commande 01 70 772 372", "01 02 03 2024 10:30", "0 10 20 30 40 50 60", "version 0.12.345.6789",
    "01\n02\n03\n04\n05\n06", "photo@2x.png", "voir photo-1@3x.webp.", "look at fitbit.com", "je suis chez orange.fr",
])  # fmt: skip
def test_other_numbers_are_kept(text: str) -> None:
    assert mask(text) == text


@pytest.mark.long
@pytest.mark.parametrize("piece", ["a", "@", "a@b.", "4444 ", "FR76 ", "06 12 ", "+1 (1) ", "a (at) ", *SLOW])
def test_a_megabyte_built_to_be_slow_is_masked(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    prepare(Review("s", "1", text, 1, url=text))


def test_a_review_is_repaired_before_it_is_masked() -> None:
    hidden = Review(
        "s", "1", "écrire à jean&#64;exem\u200bple.fr svp", 1, url="https://x.fr/avis?mail=jean@exemple.fr&n=2"
    )
    ready = prepare(hidden)
    assert (ready.text, ready.url) == ("écrire à [email] svp", "https://x.fr/avis?mail=[email]&n=2")


@pytest.mark.parametrize(
    "hidden", ["\u200b", "\u200c", "\u200d", "\u2060", "\u061c", "\u034f", "\ufe0f", "\u200d\u200c"]
)
@pytest.mark.parametrize("length", [0, 100_000])
def test_invisible_characters_do_not_hide_personal_data(hidden: str, length: int) -> None:
    text = "a " * (length // 2) + hidden.join("06 12 34 56 78").join("<>") + hidden.join("jean@exemple.fr")
    assert prepare(Review("s", "1", text, 1)).text.endswith("<[phone]>[email]")


@pytest.mark.parametrize("external_id", [
    "0612345678", "0123456789", "33612345678", "0033612345678", "+33612345678", "4111111111111111", "user_0612345678",
    "USER_0612345678", "commande-0612345678", "avis-jean@x.fr-3", "tel:0612345678", "06\u200d12345678",
    "０６１２３４５６７８", "06-12-34-56-78", "FR7630006000011234567890189",
])  # fmt: skip
def test_an_id_that_holds_personal_data_becomes_a_hash(external_id: str) -> None:
    assert prepare(Review("s", external_id, "texte", 1)).external_id.startswith("sha256:")


@pytest.mark.parametrize("external_id", [
    "10987654321", "123456789", "1234567890", "9876543210", "0000000042", "0012345678901", "20240102030405",
    "4111111111111112", "minibar-garmin-fr-0612", "gp:AOqpTOGk0612345", "5f0612345678901234abcdef",
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
])  # fmt: skip
def test_other_ids_are_kept(external_id: str) -> None:
    assert prepare(Review("s", external_id, "texte", 1)).external_id == external_id


@pytest.mark.parametrize(("url", "masked"), [
    ("https://x.fr/avis?tel=0612345678", "https://x.fr/avis?tel=[phone]"),
    ("https://x.fr/avis?tel=%2B33612345678&n=2", "https://x.fr/avis?tel=[phone]&n=2"),
    ("https://x.fr/avis?tel=+33612345678#a", "https://x.fr/avis?tel=[phone]#a"),
    ("https://x.fr/avis?tel=06%2012%2034%2056%2078", "https://x.fr/avis?tel=[phone]"),
    ("https://x.fr/u/0612345678/avis", "https://x.fr/u/[phone]/avis"),
    ("https://x.fr/u/4111111111111111", "https://x.fr/u/[card]"),
    ("https://x.fr/u/FR7630006000011234567890189?a=b", "https://x.fr/u/[iban]?a=b"),
    ("https://x.fr/?m=jean%40exemple.fr", "https://x.fr/?m=[email]"),
])  # fmt: skip
def test_a_part_of_an_address_that_is_personal_data_is_masked(url: str, masked: str) -> None:
    assert prepare(Review("s", "1", "texte", 1, url=url)).url == masked


@pytest.mark.parametrize("url", [
    "https://x.fr/avis/1234567890123", "https://x.fr/avis/0012345678901?page=10987654321", "https://x.fr/p@2x.png",
    "https://x.fr/2024/01/02/03/04/avis-0612345678-b", "https://x.fr/a%2Fb?c=d+e",
])  # fmt: skip
def test_the_rest_of_an_address_is_kept(url: str) -> None:
    assert prepare(Review("s", "1", "texte", 1, url=url)).url == url


def test_the_source_is_masked() -> None:
    assert prepare(Review("contact_0612345678 jean@x.fr", "1", "texte", 1)).source == "contact_[phone] [email]"


def test_the_language_of_the_source_overrides_the_guess() -> None:
    text = "Cette application est vraiment très pratique"
    assert prepare(Review("s", "1", text, 1, language="de")).language == "de"
    assert prepare(Review("s", "1", text, 1)).language == "fr"
