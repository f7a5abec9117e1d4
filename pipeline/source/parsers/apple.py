"""Apple's feed of customer reviews in JSON: 10 pages of 50 at most, newest first; bytes in, records out.

Seen at https://itunes.apple.com/COUNTRY/rss/customerreviews/page=N/id=APP/sortby=mostrecent/json: every value is
`{"label": …}`; `entry` is a list, a single object, or missing; the first entry may be the app itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from pipeline.source import fields
from pipeline.source.address import absolute
from pipeline.source.parsers.parsed import Options, ParsedPage, ParsedReview, names

PAGES = 10
"""What Apple gives at most; it refuses the eleventh."""

_READ = frozenset({"id", "title", "content", "im:rating", "updated", "link"})


def parse(body: bytes, url: str, options: Options) -> ParsedPage:
    """The reviews of one page of the feed. Never raises: what is wrong is a problem of the page."""
    feed = _feed(body)
    if feed is None:
        return ParsedPage((), (), instead="not Apple's feed")
    reviews, problems, left_over = list[ParsedReview](), list[str](), set[str]()
    for entry in _entries(feed):
        if "im:rating" not in entry and "im:name" in entry:
            continue  # the app itself
        review = _review(entry, url)
        if isinstance(review, str):
            problems.append(review)
        else:
            reviews.append(review)
            left_over |= set(entry) - _READ
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
    listed = entries if isinstance(entries, list) else [entries]
    return [entry if isinstance(entry, dict) else {} for entry in listed if entry is not None]


def _review(entry: Mapping[str, object], url: str) -> ParsedReview | str:
    title, content = (_words(entry.get(name)) for name in ("title", "content"))
    text = content if content.startswith(title) else f"{title}\n{content}".strip()
    if not text:
        return "no text"
    external_id = fields.external_id(_label(entry.get("id")))
    return ParsedReview(
        text=text,
        external_id=external_id,
        url=absolute(_href(entry.get("link")), url),
        rating=fields.out_of_five(_label(entry.get("im:rating"))),
        language=None,  # the country's shop is read in any language
        written_at=fields.written_at(_label(entry.get("updated"))),
    )


def _label(value: object) -> object:
    return value.get("label") if isinstance(value, dict) else value


def _words(value: object) -> str:
    label = _label(value)
    return fields.plain(label).strip() if isinstance(label, str) else ""


def _href(value: object) -> object:
    value = value[0] if isinstance(value, list) and value else value
    attributes = value.get("attributes") if isinstance(value, dict) else None
    return attributes.get("href") if isinstance(attributes, dict) else None
