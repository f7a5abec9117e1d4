"""The checks of a table, in every registered warehouse."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta

import pytest

from load.places import Place, many
from pipeline.load import check

TODAY = date(2026, 1, 6)  # the day after the newest of `many`


def messages(
    place: Place,
    run: str = "r1",
    expected: int = 0,
    refused: int = 0,
    ever: int | None = None,
    read: int | None = None,
    today: date = TODAY,
) -> dict[str, str]:
    """The findings for a run: check name → level and message."""
    with closing(place.open()) as warehouse:
        counts = {
            "made": expected,
            "read": expected if read is None else read,
            "refused": refused,
            "ever": expected if ever is None else ever,
        }
        findings = check(warehouse, run, counts, today)
    return {found.check.name: f"{found.check.level}: {found.said.partition(': ')[2]}" for found in findings}


def test_correct_rows_pass_every_check(place: Place) -> None:
    place.load(many(60))
    assert messages(place, expected=60) == {}


def test_a_run_without_rows_passes_every_check(place: Place) -> None:
    place.load([])
    assert messages(place) == {}


def test_missing_rows_fail(place: Place) -> None:
    place.load(many(60))
    found = messages(place, expected=61, ever=60)["rows_of_the_run"]
    assert found.startswith("fail: 60 of the 61 verbatims that the run analysed are there; `verbatims load --run ID`")


def test_missing_rows_of_other_runs_warn_and_an_empty_warehouse_fails(place: Place) -> None:
    place.load([])
    assert messages(place, run="r2", ever=60)["not_empty"].startswith(
        "fail: the table is empty, and should have 60 rows"
    )
    place.load(many(59))
    found = messages(place, run="r2", ever=60)
    assert found.keys() == {"rows_of_all_runs"} and found["rows_of_all_runs"].startswith("warn: 59 of the 60 rows")


@pytest.mark.parametrize(
    ("read", "refused", "level"),
    [(60, 1, "warn"), (60, 9, "warn"), (60, 10, "fail"), (1000, 10, "warn"), (1000, 11, "fail")],
)
def test_any_refused_row_is_told_and_more_than_one_in_a_hundred_fail(
    place: Place, read: int, refused: int, level: str
) -> None:
    place.load(many(60))
    [said] = messages(place, expected=60, read=read, refused=refused).values()
    assert said.startswith(f"{level}: {refused} of the {read} rows were refused")


def test_a_text_without_a_summary_fails_unless_it_is_erased(place: Place) -> None:
    erased, bare, *rest = many(60)
    place.load([replace(erased, text=None, summary=None), replace(bare, summary=None), *rest])
    assert messages(place, expected=60)["no_value_missing"].startswith("fail: 1 rows of the run lack a value")


@pytest.mark.parametrize("change", ["summary = ''", "sentiment = NULL", "source = NULL"])
def test_a_missing_required_value_fails(bigquery: Place, change: str) -> None:
    """Only in BigQuery: SQLite's constraints reject nulls."""
    bigquery.load(many(60))
    with closing(sqlite3.connect(bigquery.file)) as connection, connection:
        connection.execute(f'UPDATE "{bigquery.table}" SET {change} WHERE verbatim_id IN (?, ?)', ("v7", "v8"))
    assert messages(bigquery, expected=60)["no_value_missing"].startswith("fail: 2 rows of the run lack a value")


def test_two_rows_of_one_verbatim_fail(bigquery: Place) -> None:
    """Only in BigQuery, which has no primary key."""
    bigquery.load(many(60))
    with closing(sqlite3.connect(bigquery.file)) as connection, connection:
        connection.execute(
            f'INSERT INTO "{bigquery.table}" SELECT * FROM "{bigquery.table}" WHERE verbatim_id = ?', ("v7",)
        )
    found = messages(bigquery, expected=60)["one_row_per_verbatim"]
    assert found.startswith("fail: 1 verbatims have more than one row, such as v7")


def test_rows_without_a_language_warn(place: Place) -> None:
    place.load(many(60, language=None))
    assert messages(place, expected=60)["language_known"].startswith("warn: the language of 60 of the run's 60 rows")


def test_old_rows_warn(place: Place) -> None:
    place.load(many(60))
    found = messages(place, expected=60, today=TODAY + timedelta(days=7))
    assert found["freshness"].startswith("warn: the newest verbatim was first seen on 2026-01-05")
