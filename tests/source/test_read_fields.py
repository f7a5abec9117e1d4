"""What a field means is read, or is None."""

import pytest

from pipeline.source import fields


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("2024-11-03", "2024-11-03"),
        ("2024-11-03T10:00:00Z", "2024-11-03T10:00:00+00:00"),
        ("2024-11-03 10:00", "2024-11-03T10:00:00"),
        ("31/12/2024", "2024-12-31"),
        ("12/31/2024 10:00", "2024-12-31"),
        ("05.05.2024", "2024-05-05"),
        ("03/04/2024", None),
        ("31/31/2024", None),
        ("2024-02-30", None),
        ("0001-01-01", None),
        ("hier", None),
        (20241103, None),
        (None, None),
    ],
)
def test_dates_are_iso_or_unambiguous(given: object, read: str | None) -> None:
    assert fields.written_at(given) == read


@pytest.mark.parametrize(
    ("given", "read"),
    [(4, 4.0), ("4,5", 4.5), (" 3.5 ", 3.5), ("", None), ("quatre", None), (-1, None), (1000, None), (True, None),
     (float("nan"), None), (10**400, None), ("1e5", None)],
)  # fmt: skip
def test_ratings_are_numbers_in_a_sane_range(given: object, read: float | None) -> None:
    assert fields.rating(given) == read


@pytest.mark.parametrize(
    ("given", "read"),
    [("fr-FR", "fr"), ("FR", "fr"), ("pt_BR", "pt"), ("Français", "fr"), ("anglais", "en"), ("xx", None), (5, None)],
)
def test_languages_are_codes_or_known_names(given: object, read: str | None) -> None:
    assert fields.language(given) == read


@pytest.mark.parametrize(
    ("given", "read"), [(12, "12"), (12.0, "12"), (" a ", "a"), ("", None), (None, None), (True, None), ([1], None)]
)
def test_ids_are_strings_or_missing(given: object, read: str | None) -> None:
    assert fields.external_id(given) == read
