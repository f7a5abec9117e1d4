"""Finds the columns of a file: as the settings name them, or guessed from common names and reported."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType

from pipeline.errors import InputError
from pipeline.source.fields import folded, number
from pipeline.source.files.ratings import RatingColumn

KNOWN_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "text": (
        "texte", "text", "verbatim", "verbatims", "verbatim_client", "avis", "avis_client", "avis_clients", "review",
        "review_text", "reviewtext", "review_body", "reviewbody", "review_content", "review_comment", "reviews",
        "reviews_text", "verified_reviews", "body", "content", "contenu", "comment", "comments", "comment_text",
        "commentaire", "commentaires", "commentaires_libres", "commentaire_libre", "commentaire_client", "message",
        "reponse_ouverte", "question_ouverte", "open_answer", "opinion", "opinions", "feedback", "feedback_text",
        "description", "reponse", "answer", "quote",
    ),
    "id": (
        "id", "external_id", "review_id", "reviewid", "id_avis", "avis_id", "ref_avis", "reference_avis", "verbatim_id",
        "reviews_id", "comment_id", "commentaire_id", "id_commentaire", "response_id", "id_reponse", "identifiant",
        "uuid",
    ),
    "rating": (
        "note", "rating", "stars", "score", "etoiles", "star_rating", "review_rating", "reviews_rating",
        "overall_rating", "overall", "ratingvalue", "nb_etoiles", "note_globale", "note_client", "note_sur_5",
        "note_sur_10", "note_5", "note_10", "user_rating",
    ),
    "date": (
        "review_date", "reviews_date", "date_avis", "date_de_l_avis", "date_de_depot", "date_publication",
        "date_de_publication", "datepublished", "published_at", "publishedat", "publishedatdate", "published_at_date",
        "published", "review_time", "reviewtime", "unixreviewtime", "submission_time", "date_reponse", "date",
        "written_at", "created_at", "at", "timestamp",
    ),
    "language": ("langue", "language", "lang", "locale", "inlanguage"),
    "url": ("url", "link", "lien", "review_url", "review_link", "reviewurl", "url_avis", "permalink"),
})  # fmt: skip
"""Common names of each column, without accents and case. The first one that a file has is used."""

SENTENCE = 3
"""Words that the texts of a column have on average. One with fewer is the text only if no other could be."""

Record = Mapping[str, object]
"""A record of a file: value by name of the column."""

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
    url: str | None = None


ROLES = tuple(field.name for field in fields(Columns))
"""What a column may be, besides one that is kept with the row."""


def resolve(wanted: Columns, names: Sequence[str], sample: Sequence[Record], file: str) -> Columns:
    """The columns of a file, guessed where `wanted` names none. Raises InputError for a missing column.

    The sample is the first records: a column of numbers is not guessed as the text, whatever its name.
    """
    chosen: dict[str, str | None] = {}
    named = {role: _named(name, role, names, file) for role in ROLES if (name := getattr(wanted, role)) is not None}
    free = [name for name in names if name not in named.values()]
    for role in ROLES:
        chosen[role] = named.get(role) or _guessed(role, free, sample)
    if chosen["text"] is None:
        raise InputError(f"{file}: no column looks like the text; name it with --text-column ({listed(names)})")
    _refuse_duplicates([name for name in chosen.values() if name], names, file)
    return Columns(**chosen)


def listed(names: Sequence[str]) -> str:
    """The columns of a file for an error message: names that are certainly of columns, and the number of others.

    The first line may be a record without a header, and even a single word may be a review. No record consists of
    identifiers alone: it has a text.
    """
    usual = [name for name in names if is_known_name(name)]
    header = all(name in usual or _IDENTIFIER.fullmatch(name) for name in names)
    shown = (list(names) if header else usual)[:30]
    if not shown:
        return f"{len(names)} column{'s' if len(names) != 1 else ''}, not shown since the first line may be no header"
    others = f" and {len(names) - len(shown)} more" if len(shown) < len(names) else ""
    return f"columns: {', '.join(shown)}{others}"


def shown(names: Sequence[str], what: str = "column") -> str:
    """Names for a report: those that cannot well be a person's words, and the number of others."""
    plain = [name for name in names if _IDENTIFIER.fullmatch(name) or _is_short(name)]
    others = len(names) - len(plain)
    if not plain:
        return f"{others} {what}{'s' if others != 1 else ''} not shown"
    return ", ".join(plain) + (f" and {others} more" if others else "")


def _is_short(name: str) -> bool:
    return (
        0 < len(name) <= 30
        and name.isprintable()
        and len(name.split()) <= 3
        and "@" not in name
        and not re.search(r"\d{3}", name)
    )


def _named(name: str, role: str, names: Sequence[str], file: str) -> str:
    if name in names:
        return name
    alike = [other for other in names if folded(other) == folded(name)]
    if len(alike) == 1:
        return alike[0]
    raise InputError(f'{file}: no column "{name}" for --{role}-column ({listed(names)})')


def _guessed(role: str, names: Sequence[str], sample: Sequence[Record]) -> str | None:
    by_fold: dict[str, str] = {}
    for name in names:
        by_fold.setdefault(_bare(name), name)
    found = [by_fold[known] for known in KNOWN_NAMES[role] if known in by_fold]
    if role == "rating":
        found = [name for name in found if _rates(name, sample)]
    elif role == "text":
        found = [name for name in found if not _nearly_all_numbers(name, sample)]
        # `avis` may say no more than positive or negative
        found.sort(key=lambda name: _words(name, sample) < SENTENCE)
    return found[0] if found else None


def _bare(name: str) -> str:
    """The name without accents, case and punctuation: `Note /5` is `note_5`, `reviews.text` is `reviews_text`."""
    return re.sub(r"[\W_]+", "_", folded(name)).strip("_")


def is_text_name(name: str) -> bool:
    """Whether a name is common for a column of texts."""
    return _bare(name) in KNOWN_NAMES["text"]


def is_known_name(name: str) -> bool:
    """Whether a name is common for any column."""
    return any(_bare(name) in known for known in KNOWN_NAMES.values())


def _words(name: str, sample: Sequence[Record]) -> float:
    """How many words the values have on average."""
    counts = [len(str(value).split()) for record in sample if (value := record.get(name)) not in (None, "")]
    return sum(counts) / len(counts) if counts else 0.0


def _nearly_all_numbers(name: str, sample: Sequence[Record]) -> bool:
    values = [str(value) for record in sample if (value := record.get(name)) not in (None, "")]
    numbers = sum(number(value) is not None or value in ("True", "False") for value in values)
    return bool(values) and numbers > 0.9 * len(values)


def _rates(name: str, sample: Sequence[Record]) -> bool:
    """Whether a column holds ratings: `note` is French for a rating, and English for a remark."""
    values = [value for record in sample if (value := record.get(name)) is not None and str(value).strip()]
    column = RatingColumn(name)
    for value in values:
        column.look(value)
    return 2 * sum(column.read(value) is not None for value in values) >= len(values)


def _refuse_duplicates(chosen: Sequence[str], names: Sequence[str], file: str) -> None:
    for name in chosen:
        if names.count(name) > 1:
            raise InputError(f'{file}: the column "{name}" occurs twice; rename one of them')
