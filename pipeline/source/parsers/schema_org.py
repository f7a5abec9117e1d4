"""Parses pages with schema.org reviews (https://schema.org/Review), as JSON-LD or as microdata."""

from __future__ import annotations

import html as entities
import json
import re
from collections.abc import Iterator, Mapping

from selectolax.lexbor import LexborHTMLParser

from pipeline.source import fields
from pipeline.source.address import absolute
from pipeline.source.parsers import microdata
from pipeline.source.parsers.markup import UNREADABLE, next_page, parsed
from pipeline.source.parsers.parsed import NO_TEXT, Options, ParsedPage, ParsedReview, names

_REVIEW_TYPES = frozenset({"Review", "UserReview", "EmployerReview", "CriticReview"})
_IDENTITY = {"@type", "@id", "@context", "identifier", "url"}
_KNOWN_FIELDS = frozenset({*_IDENTITY, "reviewBody", "description", "reviewRating", "inLanguage", "datePublished"})
# Old content systems wrap scripts in comments or CDATA for browsers that do not know them.
_WRAPPING = re.compile(r"\s*(?:<!--|//\s*<!\[CDATA\[|/\*\s*<!\[CDATA\[\s*\*/|<!\[CDATA\[)")
_WRAPPING_END = re.compile(r"(?://\s*)?(?:-->|\]\]>|/\*\s*\]\]>\s*\*/)\s*\Z")
_BREAK = re.compile(r"<br\s{0,9}/?>|</p>|</li>", re.I)
_MARKUP = re.compile(r"</?(?:p|b|i|u|em|strong|div|span|ul|ol|li)(?:\s[^<>]{0,200})?>", re.I)

BROKEN = "broken JSON-LD script"

Item = Mapping[str, object]


def parse(html: bytes, url: str, options: Options) -> ParsedPage:
    """Every Review of a page, at any depth. Never raises: errors are problems of the page."""
    document = parsed(html)
    collected = _PageReviews(url)
    for item in _scripts(document, collected.problems):
        collected.take(item)
    # JSON-LD first: many pages mark up the same reviews again as microdata
    collected.already_read = collected.texts()
    for item in microdata.items(document):
        collected.take(item)
    next_url = next_page(document, url, collected.problems)
    reviews, problems = tuple(collected.reviews.values()), tuple(collected.problems)
    instead = "" if reviews else collected.instead()
    return ParsedPage(
        reviews, problems, next_url, names(collected.left_over), not {BROKEN, UNREADABLE} & {*problems}, instead
    )


class _PageReviews:
    """The reviews and problems of a page, collected item by item."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.reviews: dict[object, ParsedReview] = {}
        self.problems: list[str] = []
        self.left_over: set[str] = set()
        self._other_types: dict[str, None] = {}
        self.already_read: frozenset[str] = frozenset()
        """Texts of the reviews in JSON-LD."""

    def take(self, item: Item) -> None:
        types = _types(item)
        if not (types & _REVIEW_TYPES or (not types and "reviewBody" in item)):
            self._other_types |= dict.fromkeys(sorted(types))
            return
        review = _review(item, self._url)
        if isinstance(review, str):
            self.problems.append(review)
        elif review and review.text not in self.already_read:
            # a page may repeat a review under one id, in the product and in the graph: the first one counts
            same = (review.external_id, review.text, review.rating, review.written_at)
            self.reviews.setdefault(same if review.external_id else len(self.reviews), review)
        if review:
            self.left_over |= set(item) - _KNOWN_FIELDS

    def texts(self) -> frozenset[str]:
        return frozenset(review.text for review in self.reviews.values())

    def instead(self) -> str:
        others = names(self._other_types)
        return f"no Review, but {', '.join(others[:5])}" if others else "no schema.org data"


def _scripts(document: LexborHTMLParser, problems: list[str]) -> Iterator[Item]:
    """Every JSON object in every JSON-LD script, in the order of the page."""
    for script in document.css("script[type]"):
        if (script.attributes.get("type") or "").split(";")[0].strip().lower() != "application/ld+json":
            continue
        source = _WRAPPING_END.sub("", _WRAPPING.sub("", script.text(), count=1))
        if not source.strip():
            continue
        try:
            # not strict: some shops leave raw line ends in the texts
            yield from _walk(json.loads(source, strict=False))
        except (ValueError, RecursionError):
            problems.append(BROKEN)


def _walk(value: object) -> Iterator[Item]:
    """Every object inside a value. Without recursion, since the page decides the depth."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(reversed(value.values()))
        elif isinstance(value, list):
            waiting.extend(reversed(value))


def _types(item: Item) -> set[str]:
    return {re.split("[/#:]", name)[-1] for name in _listed(item.get("@type")) if isinstance(name, str)}


def _review(item: Item, url: str) -> ParsedReview | str | None:
    """A review, its problem, or None for a mere reference to another item."""
    text = _text(item.get("reviewBody") or item.get("description"))
    rating = _rating(item.get("reviewRating"))
    if not text and rating is None:
        return NO_TEXT if set(item) - {"@type", "@id"} else None
    return ParsedReview(
        text=text,
        external_id=_external_id(item),
        url=absolute(_first(item.get("url")), url),
        rating=rating,
        language=_language(item.get("inLanguage")),
        written_at=fields.written_at(_value(item.get("datePublished"))),
    )


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _first(value: object) -> object:
    """The value, or the first of a list: in JSON-LD every property may be a list."""
    return next(iter(_listed(value)), None)


def _value(value: object) -> object:
    """The plain value of a typed one such as `{"@type": "Date", "@value": "2026-06-30"}`."""
    value = _first(value)
    return value.get("@value") if isinstance(value, dict) else value


def _text(body: object) -> str:
    value = _value(body)
    if not isinstance(value, str):
        return ""
    return fields.plain(_MARKUP.sub("", _BREAK.sub("\n", entities.unescape(value)))).strip()


def _external_id(item: Item) -> str | None:
    """`identifier`, `@id` or `url`: the first that identifies this review on every page and every day.

    `identifier` comes first, since the others are addresses, which change when a site moves.
    """
    for value in (_first(item.get("identifier")), _first(item.get("@id")), _first(item.get("url"))):
        value = _first(value.get("value")) if isinstance(value, dict) else value
        # "_:b0" and "#review-1" are positions on this page, where another review may be tomorrow
        if not (isinstance(value, str) and value.startswith(("_:", "#"))) and (
            external_id := fields.external_id(value)
        ):
            return external_id
    return None


def _rating(value: object) -> float | None:
    """The rating out of five, from any scale; None above `bestRating`."""
    value = _first(value)
    scale = value if isinstance(value, dict) else {"ratingValue": value}
    # 5 is the default of schema.org
    best = fields.number(_value(scale.get("bestRating")))
    return fields.out_of_five(_value(scale.get("ratingValue")), 5.0 if best is None else best)


def _language(value: object) -> str | None:
    value = _first(value)
    if isinstance(value, dict):
        value = _first(value.get("alternateName") or value.get("name"))
    return fields.language(value)
