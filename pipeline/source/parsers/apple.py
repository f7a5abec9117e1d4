"""Parses Apple's feed of customer reviews in JSON: at most 10 pages of 50, newest first.

The format, as seen at https://itunes.apple.com/COUNTRY/rss/customerreviews/page=N/id=APP/sortby=mostrecent/json:
every value is `{"label": …}`; `entry` is a list, a single object, or missing; the first entry may be the app itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from pipeline.source import fields
from pipeline.source.address import absolute
from pipeline.source.parsers.parsed import NO_TEXT, Options, ParsedPage, ParsedReview, names

PAGES = 10
"""Apple answers 400 for the eleventh page."""

_KNOWN_FIELDS = frozenset({"id", "title", "content", "im:rating", "updated", "link"})


def parse(body: bytes, url: str, options: Options) -> ParsedPage:
    """The reviews of one page of the feed. Never raises: errors are problems of the page."""
    feed = _feed(body)
    if feed is None:
        return ParsedPage((), (), instead="not Apple's feed")
    reviews, problems, left_over = list[ParsedReview](), list[str](), set[str]()
    for entry in _entries(feed):
        if "im:rating" not in entry and "im:name" in entry:
            continue  # page 1 begins with an entry for the app itself
        review = _review(entry, url)
        if isinstance(review, str):
            problems.append(review)
        else:
            reviews.append(review)
            left_over |= set(entry) - _KNOWN_FIELDS
    return ParsedPage(
        tuple(reviews), tuple(problems), None, names(left_over), instead="" if reviews else "a feed without reviews"
    )


def _feed(body: bytes) -> Mapping[str, object] | None:
    try:
        document = json.loads(body.decode("utf-8-sig", "replace"), strict=False)
    except (ValueError, RecursionError):
        return None
    feed = document.get("feed") if isinstance(document, dict) else None
    return feed if isinstance(feed, dict) else None


def _entries(feed: Mapping[str, object]) -> list[Mapping[str, object]]:
    entries = feed.get("entry")
    listed = entries if isinstance(entries, list) else [entries]  # a single entry is not in a list
    return [entry if isinstance(entry, dict) else {} for entry in listed if entry is not None]


def _review(entry: Mapping[str, object], url: str) -> ParsedReview | str:
    title, content = (_text(entry.get(name)) for name in ("title", "content"))
    # a title that only repeats the beginning of the text adds nothing
    text = content if content.startswith(title) else f"{title}\n{content}".strip()
    rating = fields.out_of_five(_label(entry.get("im:rating")))
    if not text and rating is None:
        return NO_TEXT
    external_id = fields.external_id(_label(entry.get("id")))
    return ParsedReview(
        text=text,
        external_id=external_id,
        url=absolute(_href(entry.get("link")), url),
        rating=rating,
        language=None,  # the shop of a country has reviews in any language
        written_at=fields.written_at(_label(entry.get("updated"))),
    )


def _label(value: object) -> object:
    return value.get("label") if isinstance(value, dict) else value


def _text(value: object) -> str:
    label = _label(value)
    return fields.plain(label).strip() if isinstance(label, str) else ""


def _href(value: object) -> object:
    value = value[0] if isinstance(value, list) and value else value
    attributes = value.get("attributes") if isinstance(value, dict) else None
    return attributes.get("href") if isinstance(attributes, dict) else None
