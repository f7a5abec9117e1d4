"""What a whole column decides: how its dates and ratings are written."""

import pytest

from pipeline.errors import InputError
from pipeline.source.files.dates import DateColumn
from pipeline.source.files.ratings import RatingColumn


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("31-Jul-18", "2018-07-31"),
        ("30 nov. 2023 à 14:05", "2023-11-30T14:05:00"),
        ("May 23, 2025 04:15 PM", "2025-05-23T16:15:00"),
        ("Thu Dec 12 2019 10:11:12 GMT-0800 (Pacific Standard Time)", "2019-12-12T10:11:12-08:00"),
        ("2020.07.23", "2020-07-23"),
        ("2020/07/23", "2020-07-23"),
        ("2 mars 2025", "2025-03-02"),
        ("02.03.2025", "2025-03-02"),
        ("1700000000", "2023-11-14T22:13:20+00:00"),
        (1700000000123, "2023-11-14T22:13:20+00:00"),
        ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00+00:00"),
        ("202503121030", None),
        ("123456789", None),
        ("2700000000", None),
        ("25-03-12", None),
        ("25/03/12", "2012-03-25"),
        ("25.03.12", "2012-03-25"),
        ("2090-01-01", None),
        ("13/04/2090", None),
        ("31/12/2024 14:00 +02:00", "2024-12-31T14:00:00+02:00"),
        ("31/12/2024 14:00 -0800", "2024-12-31T14:00:00-08:00"),
        ("31/12/2024 14:00 GMT+2", "2024-12-31T14:00:00+02:00"),
        ("31/12/2024 14:00 UTC", "2024-12-31T14:00:00+00:00"),
        ("31/12/2024 14:00 (GMT+2)", "2024-12-31T14:00:00+02:00"),
        ("31/12/2024 14:00-18:00", "2024-12-31"),
        ("31/12/2024 10:00-12:00", "2024-12-31"),
        ("31/12/2024 10h00 à 12h00", "2024-12-31"),
        ("2024-12-31 10:00-12:00", "2024-12-31"),
        ("2024-12-31T14:00:00-18:00", "2024-12-31"),
        ("31/12/2024 14:00 -1800", "2024-12-31"),
        ("31/12/2024 14:00 GMT+22", "2024-12-31"),
        ("31/12/2024 2:00 PM PST", "2024-12-31"),
        ("31 Dec 2024 14:00 CET", "2024-12-31"),
        ("Thu Dec 12 10:11:12 PST 2019", "2019-12-12"),
        ("31/12/2024 14:00 (heure de Paris)", "2024-12-31"),
        ("31/12/2024 14:00 Europe/Paris", "2024-12-31"),
        ("03/04/2024", None),
        ("mars 2025", None),
        ("hier", None),
        ("31/02/2024", None),
        ("4,5", None),
    ],
)
def test_dates_are_read_without_guessing(written: str | int, read: str | None) -> None:
    column = DateColumn()
    column.look(written)
    assert column.read(written) == read


@pytest.mark.parametrize(
    ("column", "third_of_april"),
    [
        (["03/04/2024 10:00", "13/04/2024 10:00"], "2024-04-03T10:00:00"),
        (["03/04/2024 10:00", "04/13/2024 10:00"], "2024-03-04T10:00:00"),
        (["03/04/2024 10:00", "13/04/2024 10:00", "04/13/2024 10:00"], None),
        (["03/04/2024 10:00", "32/04/2024", "99/99/2024", "13-04-24", "13/00/2024"], None),
    ],
)
def test_the_whole_column_decides_whether_the_day_comes_first(column: list[str], third_of_april: str | None) -> None:
    dates = DateColumn()
    for value in column:
        dates.look(value)
    assert dates.read(column[0]) == third_of_april


def test_a_stated_format_overrides_everything() -> None:
    assert DateColumn("%m/%d/%Y").read("13/04/2024") is None
    assert DateColumn("%d/%m/%Y %H:%M").read("03/04/2024 10:00") == "2024-04-03T10:00:00"
    for wrong in ("day first", "%d/%M/%Y", "%d/%Y", "%d/%m"):
        with pytest.raises(InputError, match="--date-format"):
            DateColumn(wrong)


@pytest.mark.parametrize(
    ("values", "out_of_five"),
    [
        (["4.0/5.0", "4 ★", "8/10", "4/5", "80 %", "★★★★", "4 étoiles", "4.0 out of 5 stars", "4,0"], [4.0] * 9),
        (["8", "9"], [4.0, 4.5]),
        (["16", "12"], [4.0, 3.0]),
        (["80", "100"], [4.0, 5.0]),
        (["5", "2,5", "abc", "-1"], [5.0, 2.5, None, None]),
        (["4"] * 11 + ["45"], [4.0] * 11 + [None]),
        (["4"] * 10 + ["45", "15"], [1.0] * 10 + [None, 3.75]),
        (["4"] * 11 + ["8"], [2.0] * 11 + [4.0]),
        (["8"] * 60 + ["100"], [4.0] * 60 + [None]),
        (["called 2 times, angry", "livré en 2 jours", "4 / 5 / 3", ">3", "4" + " " * 40 + "de"], [None] * 5),
        (["4 sur 5 étoiles", "Note : 4/5", "4 von 5 Sterne", "4 pts"], [4.0] * 4),
    ],
)
def test_the_column_decides_on_the_scale_of_ratings(values: list[str], out_of_five: list[float | None]) -> None:
    column = RatingColumn()
    for value in values:
        column.look(value)
    assert [column.read(value) for value in values] == out_of_five


def test_a_stated_scale_or_the_name_of_the_column_comes_first() -> None:
    for name in ("Note /20", "note_sur_20", "note_20", "rating_out_of_20", "score_20", "Note (von 20)", "Étoiles 20"):
        assert RatingColumn(name).read("4") == 1.0
    for name in ("avis_20", "note_2024", "note_201", "magasin 20"):
        assert RatingColumn(name).read("4") == 4.0
    assert RatingColumn("note", scale=10).read("4") == 2.0
