"""Pages without schema.org data, read by the CSS selectors that `sources.toml` gives: bytes in, records out."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from pipeline.source import fields
from pipeline.source.address import absolute
from pipeline.source.parsers.markup import UNREADABLE, base, next_page, parsed, text_of
from pipeline.source.parsers.parsed import Options, ParsedPage, ParsedReview

_ATTRIBUTE = re.compile(r"(?P<selector>.*?)\s*::attr\((?P<name>[A-Za-z][\w:.-]*)\)", re.S)


def parse(html: bytes, url: str, options: Options) -> ParsedPage:
    """The reviews of a page. `options`: selectors by their name (review, text, id, url, rating, date, language, next),
    and `scale`, what the best rating is.

    Never raises for a page: what is wrong with it is a problem of it.
    """
    document = parsed(html)
    reviews, problems = [], list[str]()
    starts_from = base(document, url)
    for node in document.css(options["review"]):
        review = _review(node, starts_from, options)
        if isinstance(review, str):
            problems.append(review)
        else:
            reviews.append(review)
    next_url = next_page(document, url, problems, options.get("next"))
    instead = ""
    if not reviews:
        found = f'{len(problems)} found by "{options["review"]}", none with a text by "{options["text"]}"'
        instead = found if problems else f'nothing that the selector "{options["review"]}" finds'
    return ParsedPage(tuple(reviews), tuple(problems), next_url, (), UNREADABLE not in problems, instead)


def check(selector: str) -> None:
    """Raises ValueError for what is no selector."""
    css, attribute = _split(selector)
    try:
        LexborHTMLParser("<p>").css(css or "*" if attribute else css)
    except SelectolaxError:
        raise ValueError(f'"{selector}" is no CSS selector') from None


def _review(node: LexborNode, url: str, options: Options) -> ParsedReview | str:
    text = _found(node, options.get("text"))
    if not text:
        return "no text"
    return ParsedReview(
        text=text,
        external_id=fields.external_id(_found(node, options.get("id"))),
        url=absolute(_found(node, options.get("url")), url),
        rating=fields.out_of_five(_found(node, options.get("rating")), float(options.get("scale", 5))),
        language=fields.language(_found(node, options.get("language"))),
        written_at=fields.written_at(_found(node, options.get("date"))),
    )


def _found(node: LexborNode, selector: str | None) -> str | None:
    """What the first match says, or its attribute for `selector::attr(name)`; `::attr(name)` alone is of the review."""
    if selector is None:
        return None
    css, attribute = _split(selector)
    match = next(iter(node.css(css)), None) if css else node
    if match is None:
        return None
    value = match.attributes.get(attribute) if attribute else text_of(match)
    return fields.plain(value).strip() if value else None


def _split(selector: str) -> tuple[str, str | None]:
    found = _ATTRIBUTE.fullmatch(selector.strip())
    return (found["selector"].strip(), found["name"].lower()) if found else (selector.strip(), None)
