"""Compares the records of a file with texts that the store knows: recognises those that have no id of their own, and
refuses records that would replace or repeat the texts of another file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from pipeline.errors import InputError
from pipeline.records import COPIES_FROM, IdOrigin, Review
from pipeline.store.database import Database
from pipeline.store.identity import KEYED, text_hash
from pipeline.store.predicates import LATEST
from pipeline.store.tables import texts
from pipeline.store.versions import latest

MOST_ALIKE = 5_000
"""Known texts that a page is compared with: thousands of records without a text are all alike."""


class Likeness:
    """What one reading has in common with the texts that were in the store before it."""

    def __init__(self, database: Database) -> None:
        with database.read() as connection:
            # copies within the reading itself are its own
            self._last = connection.execute(sa.select(sa.func.max(texts.c.text_id))).scalar() or 0

    def recognise(
        self, connection: sa.Connection, reviews: Mapping[str, Review], taken: Container[str]
    ) -> dict[str, Any]:
        """Verbatim id → the known text that it is, for reviews whose id is made from the content and has changed.

        `taken`: verbatims that the reading has met before. Raises InputError where an id column that nobody named
        brings other texts than the ones known under its ids, and where known texts come under other ids.
        """
        of_files = {one: review for one, review in reviews.items() if review.id_origin is not IdOrigin.SITE}
        if not of_files:
            return {}
        known = latest(connection, of_files)
        _refuse_other_texts(of_files, known)
        new = {one: review for one, review in of_files.items() if one not in known}
        alike = self._alike(connection, new.values(), without=known)
        recognised = _match(new, alike, taken)
        _refuse_other_ids(new, alike, recognised)
        return recognised

    def _alike(
        self, connection: sa.Connection, reviews: Iterable[Review], without: Container[str]
    ) -> dict[tuple[str, str], list[Any]]:
        """Known texts of the same words and source, oldest first."""
        wanted = {(review.source, text_hash(review.text)) for review in reviews}
        query = (
            sa.select(texts)
            .where(texts.c.source.in_({source for source, _ in wanted}), LATEST, texts.c.text_id <= self._last)
            .where(texts.c.text_hash.in_({words for _, words in wanted}))
            .order_by(texts.c.text_id)
            .limit(MOST_ALIKE)
        )
        found: dict[tuple[str, str], list[Any]] = defaultdict(list)
        for text in connection.execute(query) if wanted else ():
            if text.verbatim_id not in without:
                found[text.source, text.text_hash].append(text)
        return found


def _match(
    new: Mapping[str, Review], alike: Mapping[tuple[str, str], list[Any]], taken: Container[str]
) -> dict[str, Any]:
    """Long texts first: where most of them are known, the file was read before, and short ones are the same too."""
    matched: dict[str, Any] = {}
    used: set[str] = set()
    by_content = {one: review for one, review in new.items() if review.id_origin is IdOrigin.CONTENT}
    long = {one: review for one, review in by_content.items() if _is_long(review)}

    def take(one: str, review: Review, *, any_facts: bool) -> None:
        for text in alike.get((review.source, text_hash(review.text)), ()):
            free = text.external_id.startswith(KEYED) and text.verbatim_id not in used
            if free and text.verbatim_id not in taken and (any_facts or _may_be(review, text)):
                matched[one] = text
                used.add(text.verbatim_id)
                return

    for one, review in long.items():
        take(one, review, any_facts=True)
    read_before = 2 * len(matched) > len(long)
    for one, review in by_content.items():
        if one not in long:
            take(one, review, any_facts=read_before)
    return matched


def _may_be(review: Review, text: Any) -> bool:
    """Whether no fact contradicts that they are the same person's."""
    facts = ((review.rating, text.rating), (review.written_at, text.written_at), (review.url, text.url))
    return all(given is None or known is None or given == known for given, known in facts)


def _refuse_other_texts(reviews: Mapping[str, Review], known: Mapping[str, Any]) -> None:
    guessed = {one: review for one, review in reviews.items() if review.id_origin is IdOrigin.GUESSED}
    other = [one for one, text in known.items() if one in guessed and text_hash(guessed[one].text) != text.text_hash]
    same = sum(one in guessed for one in known) - len(other)
    if len(other) > same:
        source = guessed[other[0]].source
        raise InputError(
            f"{len(other)} ids of this file are known in source {source} with other texts, which these would replace; "
            "name this file's own source with --source NAME, or confirm that it has newer texts with --id-column"
        )


def _refuse_other_ids(
    new: Mapping[str, Review], alike: Mapping[tuple[str, str], list[Any]], recognised: Container[str]
) -> None:
    long = {one: review for one, review in new.items() if _is_long(review) and one not in recognised}
    known = [review for review in long.values() if (review.source, text_hash(review.text)) in alike]
    if len(known) > 1 and 2 * len(known) > len(long):
        raise InputError(
            f"{len(known)} texts of this file are known in source {known[0].source} under other ids: it was read "
            "before with another id column, or without one; name the same with --id-column, or count all of them "
            "again with --source NAME"
        )


def _is_long(review: Review) -> bool:
    return len(review.text) >= COPIES_FROM
