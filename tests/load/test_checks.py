"""What the checks of a table find, in every warehouse of the registry."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta

import pytest

from load.places import Place, many
from pipeline.load import check
from pipeline.records import Row

TODAY = date(2026, 1, 6)  # the day behind the newest of `many`


def told(place: Place, run: str = "r1", expected: int = 0, today: date = TODAY) -> dict[str, str]:
    """What is found for a run, as level and words by the name of the check."""
    with closing(place.open()) as warehouse:
        findings = check(warehouse, run, expected, today)
    return {found.check.name: f"{found.check.level}: {found.said.partition(': ')[2]}" for found in findings}


def test_all_is_well_with_rows_that_are_as_they_should_be(place: Place) -> None:
    place.load(many(60))
    assert told(place, expected=60) == {}


def test_nothing_is_wrong_with_a_run_that_had_nothing_to_do(place: Place) -> None:
    place.load([])
    assert told(place) == {}


def test_rows_that_are_missing_fail(place: Place) -> None:
    place.load(many(60))
    found = told(place, expected=61)
    assert found == {"rows_of_the_run": "fail: 60 of the 61 verbatims that the run analysed are there; load it again"}


def test_a_text_without_its_summary_fails_and_an_erased_one_does_not(place: Place) -> None:
    erased, bare, *rest = many(60)
    place.load([replace(erased, text=None, summary=None), replace(bare, summary=None), *rest])
    assert told(place, expected=60) == {"a_text_has_its_summary": "fail: 1 rows of the run have a text and no summary"}


def test_two_rows_of_one_verbatim_fail(bigquery: Place) -> None:
    """SQLite's own key keeps them out; BigQuery has none."""
    bigquery.load(many(60))
    with closing(sqlite3.connect(bigquery.file)) as connection, connection:
        connection.execute(
            f'INSERT INTO "{bigquery.table}" SELECT * FROM "{bigquery.table}" WHERE verbatim_id = ?', ("v7",)
        )
    found = told(bigquery, expected=60)["one_row_per_verbatim"]
    assert found.startswith("fail: 1 verbatims have more than one row, such as v7")


def mixed(run: str, count: int, negative: int) -> Iterator[Row]:
    for number, row in enumerate(many(count)):
        sentiment = "negative" if number < negative else "positive"
        yield replace(row, verbatim_id=f"{run}-{number}", run_id=run, sentiment=sentiment)


@pytest.mark.parametrize(
    ("before", "now", "warned"),
    [((200, 20), (50, 30), True), ((200, 20), (50, 10), False), ((199, 19), (50, 50), False)],
)
def test_another_mix_of_sentiments_warns_once_there_is_enough_to_compare(
    place: Place, before: tuple[int, int], now: tuple[int, int], warned: bool
) -> None:
    place.load(list(mixed("r0", *before)), list(mixed("r1", *now)))
    found = told(place, expected=50)
    assert set(found) == ({"sentiment_mix"} if warned else set())
    if warned:
        assert (
            "warn: " in found["sentiment_mix"]
            and "60 % of the run's rows are negative, 10 % of" in found["sentiment_mix"]
        )


def test_rows_without_a_language_warn(place: Place) -> None:
    place.load(many(60, language=None))
    assert told(place, expected=60)["language_known"].startswith("warn: the language of 60 of the run's 60 rows")


def test_old_rows_warn(place: Place) -> None:
    place.load(many(60))
    found = told(place, expected=60, today=TODAY + timedelta(days=1))
    assert found["freshness"].startswith("warn: the newest verbatim was first seen on 2026-01-05")
