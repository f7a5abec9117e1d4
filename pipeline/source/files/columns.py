"""Finds the columns of a file: as the settings name them, or guessed from common names and reported."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType

from pipeline.errors import InputError
from pipeline.source.fields import folded

KNOWN_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "text": (
        "texte", "text", "verbatim", "verbatims", "avis", "review", "review_text", "reviewbody", "review_body", "body",
        "content", "contenu", "comment", "comments", "commentaire", "commentaires", "message", "feedback",
        "description", "reponse", "answer",
    ),
    "id": ("id", "external_id", "review_id", "reviewid", "id_avis", "avis_id", "verbatim_id", "identifiant", "uuid"),
    "rating": ("note", "rating", "stars", "score", "etoiles", "star_rating", "ratingvalue", "nb_etoiles"),
    "date": (
        "date", "written_at", "created_at", "date_publication", "date_de_publication", "datepublished",
        "published_at", "date_avis", "review_date", "at", "timestamp",
    ),
    "language": ("langue", "language", "lang", "locale", "inlanguage"),
})  # fmt: skip
"""Common names of each column, without accents and case. The first one that a file has is used."""

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9]{0,19}(_[A-Za-z0-9]{1,19}){1,4}")
"""Words joined by _: no review is written so, but the name of a person may be."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of columns. `resolve` guesses those that are None, and leaves None where no column fits."""

    text: str | None = None
    id: str | None = None
    rating: str | None = None
    date: str | None = None
    language: str | None = None


def resolve(wanted: Columns, names: Sequence[str], file: str) -> tuple[Columns, list[str]]:
    """The columns of a file, and a sentence for each guess. Raises InputError for a missing column."""
    chosen: dict[str, str | None] = {}
    guesses = []
    for role in (field.name for field in fields(Columns)):
        named = getattr(wanted, role)
        chosen[role] = _named(named, role, names, file) if named is not None else _guessed(role, names)
        if named is None:
            guesses += _sentence(role, chosen[role])
    if chosen["text"] is None:
        raise InputError(f"{file}: no column looks like the text; name it with --text-column ({listed(names)})")
    _refuse_duplicates([name for name in chosen.values() if name], names, file)
    return Columns(**chosen), guesses


def listed(names: Sequence[str]) -> str:
    """The columns of a file for an error message: names that are certainly of columns, and the number of others.

    The first line may be a record without a header, and even a single word may be a review. No record consists of
    identifiers alone: it has a text.
    """
    common = {name for known in KNOWN_NAMES.values() for name in known}
    usual = [name for name in names if folded(name) in common]
    header = all(name in usual or _IDENTIFIER.fullmatch(name) for name in names)
    shown = (list(names) if header else usual)[:30]
    if not shown:
        return f"{len(names)} column{'s' if len(names) != 1 else ''}, not shown since the first line may be no header"
    others = f" and {len(names) - len(shown)} more" if len(shown) < len(names) else ""
    return f"columns: {', '.join(shown)}{others}"


def _named(name: str, role: str, names: Sequence[str], file: str) -> str:
    if name in names:
        return name
    alike = [other for other in names if folded(other) == folded(name)]
    if len(alike) == 1:
        return alike[0]
    raise InputError(f'{file}: no column "{name}" for --{role}-column ({listed(names)})')


def _guessed(role: str, names: Sequence[str]) -> str | None:
    by_fold: dict[str, str] = {}
    for name in names:
        by_fold.setdefault(folded(name), name)
    return next((by_fold[known] for known in KNOWN_NAMES[role] if known in by_fold), None)


def _sentence(role: str, name: str | None) -> list[str]:
    if name is not None:
        return [f'{role} column: "{name}" (guessed; --{role}-column to change)']
    return ["no id column: ids are made from the content (--id-column to name one)"] if role == "id" else []


def _refuse_duplicates(chosen: Sequence[str], names: Sequence[str], file: str) -> None:
    for name in chosen:
        if names.count(name) > 1:
            raise InputError(f'{file}: the column "{name}" occurs twice; rename one of them')
