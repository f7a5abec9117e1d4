"""What a second reading of a source does to the texts that the store knows, on both kinds of stores."""

from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from pipeline.errors import InputError
from pipeline.records import IdOrigin, Review
from pipeline.source.fields import ContentIds
from pipeline.store import open_store
from pipeline.store.database import Database

LONG = "La livraison était très rapide, colis {}"


def reviews(*texts: str, origin: IdOrigin = IdOrigin.CONTENT, **facts: Any) -> list[Review]:
    ids = ContentIds()
    return [
        Review(
            "shop",
            ids.give("shop", text, facts.get("rating"), facts.get("written_at"), None)
            if origin is IdOrigin.CONTENT
            else f"{n}",
            text,
            n,
            id_origin=origin,
            **facts,
        )
        for n, text in enumerate(texts, 1)
    ]


def read(url: str, *readings: list[Review]) -> list[tuple[Any, ...]]:
    """The latest texts after each reading in a run of its own: text, rating and extra."""
    with closing(open_store(url)) as store:
        for reading in readings:
            list(store.texts.add(store.runs.start("sandbox", "shop.csv"), reading))
    query = sa.text("SELECT text, rating, extra FROM texts WHERE NOT superseded ORDER BY text, text_id")
    with closing(Database(url)) as database, database.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_a_text_without_an_id_keeps_its_row_when_its_facts_change(store_url: str) -> None:
    first = reviews(LONG.format(1), LONG.format(2), "Super")
    second = reviews(LONG.format(1), LONG.format(2), "Super", rating=4.0, extra={"shop": "Lyon"})
    kept = '{"shop": "Lyon"}'
    assert read(store_url, first, second, second, first) == [
        (LONG.format(1), 4.0, kept),
        (LONG.format(2), 4.0, kept),
        ("Super", 4.0, kept),
    ]


def test_short_texts_of_other_people_stay_apart_unless_the_file_was_read_before(store_url: str) -> None:
    """A correction of all dates or scales changes every fact; the long texts tell that it is the same file."""
    jan = reviews("Super", written_at="2026-01-05")
    feb = reviews("Super", written_at="2026-02-05")
    assert len(read(store_url, jan, feb)) == 2
    file = reviews(LONG.format(1), "Bof", rating=8.0)
    corrected = reviews(LONG.format(1), "Bof", rating=4.0)
    assert [(text, rating) for text, rating, _ in read(store_url, file, corrected)] == [
        ("Bof", 4.0), (LONG.format(1), 4.0), ("Super", None), ("Super", None)
    ]  # fmt: skip


@pytest.mark.parametrize("origin", [IdOrigin.NAMED, IdOrigin.SITE])
def test_an_edit_replaces_where_ids_are_sure_and_is_refused_where_they_are_guessed(
    store_url: str, origin: IdOrigin
) -> None:
    first = reviews(LONG.format(1), LONG.format(2), origin=origin)
    second = reviews(LONG.format(3), LONG.format(4), origin=origin)
    guessed = [replace(review, id_origin=IdOrigin.GUESSED) for review in reviews("Autre chose", origin=origin)]
    read(store_url, first)
    with pytest.raises(InputError, match="1 ids of this file are known in source shop with other texts"):
        read(store_url, guessed)
    assert [text for text, _, _ in read(store_url, second)] == [LONG.format(3), LONG.format(4)]
    mostly_same = [replace(review, id_origin=IdOrigin.GUESSED) for review in second]
    mostly_same[0] = replace(mostly_same[0], text="Une correction")
    assert len(read(store_url, [*mostly_same, replace(mostly_same[1], external_id="9", position=3)])) == 3


def test_known_texts_under_other_ids_are_refused_for_files_and_taken_from_sites(store_url: str) -> None:
    texts = [LONG.format(n) for n in range(4)]
    read(store_url, reviews(*texts))
    renamed = reviews(*texts, origin=IdOrigin.NAMED)
    with pytest.raises(InputError, match="4 texts of this file are known in source shop under other ids"):
        read(store_url, renamed)
    assert len(read(store_url, [replace(review, id_origin=IdOrigin.SITE) for review in renamed])) == 8
