"""Pages with schema.org reviews (https://schema.org/Review), as JSON-LD or as microdata: bytes in, records out."""

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
from pipeline.source.parsers.parsed import Options, ParsedPage, ParsedReview, names

_REVIEW_TYPES = frozenset({"Review", "UserReview", "EmployerReview", "CriticReview"})
_NAMING = {"@type", "@id", "@context", "identifier", "url"}
_READ = frozenset({*_NAMING, "reviewBody", "description", "reviewRating", "inLanguage", "datePublished"})
_WRAPPING = re.compile(r"\s*(?:<!--|//\s*<!\[CDATA\[|/\*\s*<!\[CDATA\[\s*\*/|<!\[CDATA\[)")
_WRAPPING_END = re.compile(r"(?://\s*)?(?:-->|\]\]>|/\*\s*\]\]>\s*\*/)\s*\Z")
_BREAK = re.compile(r"<br\s{0,9}/?>|</p>|</li>", re.I)
_MARKUP = re.compile(r"</?(?:p|b|i|u|em|strong|div|span|ul|ol|li)(?:\s[^<>]{0,200})?>", re.I)

BROKEN = "broken JSON-LD script"

Item = Mapping[str, object]


def parse(html: bytes, url: str, options: Options) -> ParsedPage:
    """Every Review of a page, wherever it is nested. Never raises: what is wrong is a problem of the page."""
    document = parsed(html)
    gathered = _Gathered(url)
    for item in _scripts(document, gathered.problems):
        gathered.take(item)
    gathered.shown_twice = gathered.texts()
    for item in microdata.items(document):
        gathered.take(item)
    next_url = next_page(document, url, gathered.problems)
    reviews, problems = tuple(gathered.reviews.values()), tuple(gathered.problems)
    instead = "" if reviews else gathered.instead()
    return ParsedPage(
        reviews, problems, next_url, names(gathered.left_over), not {BROKEN, UNREADABLE} & {*problems}, instead
    )


class _Gathered:
    """What has been found on a page so far."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.reviews: dict[object, ParsedReview] = {}
        self.problems: list[str] = []
        self.left_over: set[str] = set()
        self._others: dict[str, None] = {}
        self.shown_twice: frozenset[str] = frozenset()
        """Texts of the JSON-LD: a page often marks up the same reviews once more."""

    def take(self, item: Item) -> None:
        types = _types(item)
        if not (types & _REVIEW_TYPES or (not types and "reviewBody" in item)):
            self._others |= dict.fromkeys(sorted(types))
            return
        review = _review(item, self._url)
        if isinstance(review, str):
            self.problems.append(review)
        elif review and review.text not in self.shown_twice:
            # pages repeat a review under the same id (in the product and in the graph): the first one counts
            self.reviews.setdefault(review.external_id or len(self.reviews), review)
        if review:
            self.left_over |= set(item) - _READ

    def texts(self) -> frozenset[str]:
        return frozenset(review.text for review in self.reviews.values())

    def instead(self) -> str:
        others = names(self._others)
        return f"no Review, but {', '.join(others[:5])}" if others else "no schema.org data"


def _scripts(document: LexborHTMLParser, problems: list[str]) -> Iterator[Item]:
    """Every JSON object of every script, in the order of the page."""
    for script in document.css("script[type]"):
        if (script.attributes.get("type") or "").split(";")[0].strip().lower() != "application/ld+json":
            continue
        source = _WRAPPING_END.sub("", _WRAPPING.sub("", script.text(), count=1))
        if not source.strip():
            continue
        try:
            yield from _walk(json.loads(source, strict=False))
        except (ValueError, RecursionError):
            problems.append(BROKEN)


def _walk(value: object) -> Iterator[Item]:
    """Without recursion: depth is the page's choice."""
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
    """A review, what is wrong with it, or None for one that only points to another."""
    text = _text(item.get("reviewBody") or item.get("description"))
    if not text:
        return "no text" if set(item) - {"@type", "@id"} else None
    return ParsedReview(
        text=text,
        external_id=_external_id(item),
        url=absolute(_first(item.get("url")), url),
        rating=_rating(item.get("reviewRating")),
        language=_language(item.get("inLanguage")),
        written_at=fields.written_at(_value(item.get("datePublished"))),
    )


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _first(value: object) -> object:
    """JSON-LD lets every property be a list."""
    return next(iter(_listed(value)), None)


def _value(value: object) -> object:
    """And a typed value: `{"@type": "Date", "@value": "2026-06-30"}`."""
    value = _first(value)
    return value.get("@value") if isinstance(value, dict) else value


def _text(body: object) -> str:
    value = _value(body)
    if not isinstance(value, str):
        return ""
    return fields.plain(_MARKUP.sub("", _BREAK.sub("\n", entities.unescape(value)))).strip()


def _external_id(item: Item) -> str | None:
    """`identifier`, `@id` or `url`, whichever names this review on every page and every day.

    The first is the shop's own word; the others are addresses, which change when a site moves.
    """
    for value in (_first(item.get("identifier")), _first(item.get("@id")), _first(item.get("url"))):
        value = _first(value.get("value")) if isinstance(value, dict) else value
        # "_:b0" and "#review-1" are places on this page: another review stands there tomorrow
        if not (isinstance(value, str) and value.startswith(("_:", "#"))) and (found := fields.external_id(value)):
            return found
    return None


def _rating(value: object) -> float | None:
    """Out of five, whatever the scale; None above the best."""
    value = _first(value)
    scale = value if isinstance(value, dict) else {"ratingValue": value}
    best = fields.number(_value(scale.get("bestRating")))
    return fields.out_of_five(_value(scale.get("ratingValue")), 5.0 if best is None else best)


def _language(value: object) -> str | None:
    value = _first(value)
    if isinstance(value, dict):
        value = _first(value.get("alternateName") or value.get("name"))
    return fields.language(value)
