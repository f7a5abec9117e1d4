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


def numbered(found: list[Review]) -> list[Review]:
    return [replace(review, position=n) for n, review in enumerate(found, 1)]


def read(url: str, *readings: list[Review]) -> list[tuple[Any, ...]]:
    """The latest texts after each reading in a run of its own: text, rating and extra."""
    with closing(open_store(url)) as store:
        for reading in readings:
            known = store.texts.compare(reading)
            list(store.texts.add(store.runs.start("sandbox", "shop.csv"), reading, known))
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


def test_the_same_words_of_other_people_stay_apart(store_url: str) -> None:
    jan = reviews("Super", written_at="2026-01-05")
    feb = reviews("Super", written_at="2026-02-05")
    assert len(read(store_url, jan, feb)) == 2
    stock = "Rien à signaler, tout est parfait merci"
    jan = reviews(stock, LONG.format(1), rating=5.0, written_at="2026-01-10")
    feb = reviews(stock, LONG.format(2), LONG.format(3), rating=1.0, written_at="2026-02-10")
    assert [rating for text, rating, _ in read(store_url, jan, feb) if text == stock] == [5.0, 1.0]
    assert len(read(store_url, reviews(stock, stock, stock, LONG.format(4), rating=3.0))) == 11, "no other id column"


@pytest.mark.parametrize("origin", [IdOrigin.NAMED, IdOrigin.SITE])
def test_an_edit_replaces_where_ids_are_sure_and_is_refused_where_they_are_guessed(
    store_url: str, origin: IdOrigin
) -> None:
    first = reviews(LONG.format(1), LONG.format(2), origin=origin)
    second = reviews(LONG.format(3), LONG.format(4), origin=origin)
    guessed = [replace(review, id_origin=IdOrigin.GUESSED) for review in reviews("Autre chose", origin=origin)]
    read(store_url, first)
    with pytest.raises(InputError, match="1 id of this file known in source shop with other texts"):
        read(store_url, guessed)
    assert [text for text, _, _ in read(store_url, second)] == [LONG.format(3), LONG.format(4)]


def test_known_texts_under_other_ids_are_refused_for_files_and_taken_from_sites(store_url: str) -> None:
    texts = [LONG.format(n) for n in range(4)]
    read(store_url, reviews(*texts))
    renamed = reviews(*texts, origin=IdOrigin.NAMED)
    with pytest.raises(InputError, match="4 texts of this file known in source shop under other ids"):
        read(store_url, renamed)
    assert len(read(store_url, [replace(review, id_origin=IdOrigin.SITE) for review in renamed])) == 8


@pytest.mark.long
def test_a_refused_file_changes_nothing_however_late_its_other_texts_come(store_url: str) -> None:
    many = reviews(*(LONG.format(n) for n in range(1200)), origin=IdOrigin.GUESSED)
    other = [replace(review, text=LONG.format(5000 + n)) if n < 200 else review for n, review in enumerate(many)]
    before = read(store_url, many)
    with pytest.raises(InputError, match="200 ids of this file"):
        read(store_url, other)
    assert read(store_url) == before
    edited = [replace(review, text="Une correction de ce texte") if n < 9 else review for n, review in enumerate(many)]
    assert [text for text, _, _ in read(store_url, edited)].count("Une correction de ce texte") == 9


def test_a_record_takes_no_verbatim_that_another_record_has_by_its_id(store_url: str) -> None:
    """An export with the newest first: the new record comes pages before the known one."""
    said = "Le même texte exact, écrit par deux personnes"
    first = reviews(*(LONG.format(n) for n in range(600)), rating=4.0) + reviews(said, rating=5.0)
    again = [*reviews(said, rating=1.0), *first]
    found = read(store_url, numbered(first), numbered(again))
    assert len(found) == 602 and [rating for text, rating, _ in found if text == said] == [5.0, 1.0]


@pytest.mark.long
def test_thousands_of_equal_texts_are_each_recognised_once(store_url: str) -> None:
    words = ["Super"] * 5200 + [LONG.format(n) for n in range(50)]
    assert len(read(store_url, reviews(*words), reviews(*words, written_at="2026-01-05"))) == 5250


def test_what_was_forgotten_stays_forgotten_under_the_ids_that_later_readings_gave_it(store_url: str) -> None:
    bare = reviews("Mon dossier 123 perdu", LONG.format(1), LONG.format(2))
    more = reviews("Mon dossier 123 perdu", LONG.format(1), LONG.format(2), written_at="2026-01-10")
    read(store_url, bare, more)
    with closing(open_store(store_url)) as store:
        store.erasure.forget(store.erasure.identities.of("shop", bare[0].external_id))
    assert [text for text, _, _ in read(store_url, more, bare)] == [LONG.format(1), LONG.format(2)]


def test_a_blank_cell_takes_no_text_away_and_other_columns_are_added_up(store_url: str) -> None:
    first = reviews(LONG.format(1), origin=IdOrigin.NAMED, extra={"shop": "Lyon"})
    blank = [replace(first[0], text="", extra={"pays": "FR"})]
    assert read(store_url, first, blank) == [(LONG.format(1), None, '{"pays": "FR", "shop": "Lyon"}')]


def test_an_edited_text_keeps_the_facts_that_the_reading_lacks(store_url: str) -> None:
    first = reviews(LONG.format(1), origin=IdOrigin.NAMED, rating=4.0, extra={"shop": "Lyon"})
    edited = reviews(LONG.format(2), origin=IdOrigin.NAMED)
    assert read(store_url, first, edited) == [(LONG.format(2), 4.0, '{"shop": "Lyon"}')]


def test_short_but_different_texts_tell_that_a_file_was_read_before(store_url: str) -> None:
    texts = [f"Un avis court {n}" for n in range(30)]
    read(store_url, reviews(*texts))
    with pytest.raises(InputError, match="30 texts of this file known in source shop under other ids"):
        read(store_url, reviews(*texts, origin=IdOrigin.NAMED))
