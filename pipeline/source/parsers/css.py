"""Parses pages without schema.org data, by the CSS selectors in `sources.toml`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from pipeline.source import fields
from pipeline.source.address import absolute
from pipeline.source.parsers.markup import UNREADABLE, base, next_page, parsed, text_of
from pipeline.source.parsers.parsed import NO_TEXT, Options, ParsedPage, ParsedReview

_ATTRIBUTE = re.compile(r"(?P<selector>.*?)\s*::attr\((?P<name>[A-Za-z][\w:.-]*)\)", re.S)


def parse(html: bytes, url: str, options: Options) -> ParsedPage:
    """The reviews of a page. Never raises: errors are problems of the page.

    `options` has selectors by name (review, text, id, url, rating, date, language, next), and `scale`, the best rating.
    """
    document = parsed(html)
    reviews, problems = [], list[str]()
    base_url = base(document, url)
    nodes = document.css(options["review"])
    ids = frozenset(node.mem_id for node in nodes)
    for node in nodes:
        review = _review(node, ids, base_url, options)
        if isinstance(review, str):
            problems.append(review)
        else:
            reviews.append(review)
    next_url = next_page(document, url, problems, options.get("next"))
    instead = ""
    if not reviews:
        without_text = f'{len(problems)} found by "{options["review"]}", none with a text by "{options["text"]}"'
        instead = without_text if problems else f'nothing that the selector "{options["review"]}" finds'
    return ParsedPage(tuple(reviews), tuple(problems), next_url, (), UNREADABLE not in problems, instead)


def check(selector: str) -> None:
    """Raises ValueError for an invalid selector."""
    css, attribute = _split(selector)
    try:
        LexborHTMLParser("<p>").css(css or "*" if attribute else css)
    except SelectolaxError:
        raise ValueError(f'"{selector}" is no CSS selector') from None


def _review(node: LexborNode, reviews: frozenset[int], url: str, options: Options) -> ParsedReview | str:
    """`reviews` are all reviews of the page, as one may hold others, such as answers."""
    text = _text(node, reviews, options["text"])
    rating = fields.out_of_five(_select(node, options.get("rating")), float(options.get("scale", 5)))
    if not text and rating is None:
        return NO_TEXT
    return ParsedReview(
        text=text,
        external_id=fields.external_id(_select(node, options.get("id"))),
        url=absolute(_select(node, options.get("url")), url),
        rating=rating,
        language=fields.language(_select(node, options.get("language"))),
        written_at=fields.written_at(_select(node, options.get("date"))),
    )


def _text(node: LexborNode, reviews: frozenset[int], selector: str) -> str:
    """The texts of all matches, one below the other, such as advantages and drawbacks."""
    css, attribute = _split(selector)
    matches = _outermost(node, reviews, css) if css else [node]
    return "\n".join(filter(None, (_value(match, attribute) for match in matches)))


def _outermost(node: LexborNode, reviews: frozenset[int], css: str) -> Iterator[LexborNode]:
    """The matches within a review, in the order of the page, but none inside another match or another review."""
    taken = set(reviews)
    for match in node.css(css):
        around: LexborNode | None = match
        while around and around.mem_id not in taken:
            around = around.parent
        if around and around.mem_id == node.mem_id:
            taken.add(match.mem_id)
            yield match
        if match.mem_id == node.mem_id:
            return  # the review itself is the text


def _select(node: LexborNode, selector: str | None) -> str | None:
    """The text of the first match, or its attribute for `selector::attr(name)`. `::attr(name)` is of the review."""
    if selector is None:
        return None
    css, attribute = _split(selector)
    match = next(iter(node.css(css)), None) if css else node
    return None if match is None else _value(match, attribute)


def _value(node: LexborNode, attribute: str | None) -> str | None:
    value = node.attributes.get(attribute) if attribute else text_of(node)
    return fields.plain(value).strip() if value else None


def _split(selector: str) -> tuple[str, str | None]:
    match = _ATTRIBUTE.fullmatch(selector.strip())
    # lower case, since the HTML parser lowers the names of attributes
    return (match["selector"].strip(), match["name"].lower()) if match else (selector.strip(), None)
