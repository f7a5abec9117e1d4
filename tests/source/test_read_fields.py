"""A field is parsed to its value, or to None."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
def test_ratings_are_numbers_in_a_valid_range(given: object, read: float | None) -> None:
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


@pytest.mark.parametrize(
    ("said", "best", "rating"),
    [
        (4, 5, 4.0), ("4", 5, 4.0), ("4,5", 5, 4.5), ("8", 10, 4.0), ("4/5", 10, 4.0), ("8/10", 5, 4.0),
        ("Note : 4 sur 5", 5, 4.0), ("4.5 out of 5 stars", 5, 4.5), ("5 étoiles sur 5", 5, 5.0), ("4 stars", 5, 4.0),
        ("80 %", 5, 4.0), ("width: 90%", 5, 4.5), ("★★★★☆", 5, 4.0), ("★★★★★★★", 10, 3.5), ("Note: 3,5", 5, 3.5),
        ("6", 5, None), (-1, 5, None), ("-1", 5, None), ("Rating: -1", 5, None), ("-4/5", 5, None), ("-20 %", 5, None),
        ("☆☆☆☆☆", 5, None), ("★★★★½", 5, None), ("4½", 5, None), ("le 3 mars 4", 5, None), ("1/2/2026", 5, None),
        ("1.5k", 5, None), ("4 out of 5, 8/10", 5, None), ("1,234/5", 5, None), (True, 5, None), (None, 5, None),
        ("", 5, None), (float("nan"), 5, None), ("4", 0, None),
    ],
)  # fmt: skip
def test_a_rating_is_converted_to_five_or_is_none(said: object, best: float, rating: float | None) -> None:
    assert fields.out_of_five(said, best) == rating


ZONES = st.sampled_from(
    [("Z", "+00:00"), (" UTC", "+00:00"), ("+0200", "+02:00"), (" +02:00", "+02:00"), ("-05", "-05:00")]
)


@given(st.datetimes(datetime(1970, 1, 1), datetime(2099, 12, 31)), ZONES, st.booleans(), st.sampled_from("T t"))
def test_every_form_of_iso_date_is_parsed(when: datetime, zone: tuple[str, str], basic: bool, between: str) -> None:
    when = when.replace(microsecond=0)
    day, clock = (f"{when:%Y%m%d}", f"{when:%H%M%S}") if basic else (f"{when:%Y-%m-%d}", f"{when:%H:%M:%S}")
    iso = when.date().isoformat()
    for form in (day, f"{when:%G-W%V-%u}", f"{when:%GW%V%u}", f"{when:%Y-%j}"):
        assert fields.written_at(form) == iso
    assert fields.written_at(f"{day}{between}{clock}{zone[0]}") == f"{iso}T{when:%H:%M:%S}{zone[1]}"


@pytest.mark.parametrize(
    "said",
    ["2026-06", "2026", "2026-366", "2026-06-31", "2026-06-30T25:00", "2026-06-30T10.30", "2026-06-30 10:30-11:30x",
     "31/12/2025 99h99", "03/04/2026", "12345678", "2026-06-30T", "hier", "٢٠٢٦-٠٦-٣٠", "1969-12-31", "2100-01-01"],
)  # fmt: skip
def test_an_invalid_or_ambiguous_date_is_none(said: str) -> None:
    assert fields.written_at(said) is None
