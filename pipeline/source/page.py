"""One page of reviews: bytes in, records out. Pages are hostile until shown otherwise."""

from __future__ import annotations

import html as entities
import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urldefrag, urljoin, urlsplit, urlunsplit

from selectolax.lexbor import LexborHTMLParser

from pipeline.source import fields
from pipeline.source.found import Found, Page

_REVIEW_TYPES = frozenset({"Review", "UserReview", "EmployerReview"})
_WRAPPING = re.compile(r"\s*(?:<!--|//\s*<!\[CDATA\[|/\*\s*<!\[CDATA\[\s*\*/|<!\[CDATA\[)")
_WRAPPING_END = re.compile(r"(?://\s*)?(?:-->|\]\]>|/\*\s*\]\]>\s*\*/)\s*\Z")
_BREAK = re.compile(r"<br\s{0,9}/?>|</p>|</li>", re.I)
_MARKUP = re.compile(r"</?(?:p|b|i|u|em|strong|div|span|ul|ol|li)(?:\s[^<>]{0,200})?>", re.I)
_CHARSET = re.compile(rb"""<meta[^<>]{0,200}?charset\s{0,9}=\s{0,9}["']?([A-Za-z0-9_-]{1,40})""", re.I)
_SAFE_CHARSET = re.compile(r"iso-?8859-?\d{1,2}|windows-125\d|cp125\d|shift_jis|euc-jp|gbk|gb2312|big5|koi8-r", re.I)


def parse(html: bytes, url: str) -> Page:
    """Every schema.org Review of a page's JSON-LD, wherever it is nested. Never raises: what is wrong is a problem."""
    document = LexborHTMLParser("".join(_relevant(_decode(html))))
    reviews: dict[object, Found] = {}
    problems: list[str] = []
    for item in _items(document, problems):
        review = _review(item, url)
        if isinstance(review, Found):
            # pages repeat a review under the same id (in the product and in the graph): the first one counts
            reviews.setdefault(review.external_id or len(reviews), review)
        elif review:
            problems.append(review)
    next_url = _next(document, url, problems)
    return Page(tuple(reviews.values()), tuple(problems), next_url)


def _decode(html: bytes) -> str:
    try:
        return html.decode("utf-8-sig")
    except UnicodeDecodeError:
        declared = _CHARSET.search(html[:2048])
        name = declared[1].decode("ascii") if declared else "cp1252"
        # the web's "latin-1" is cp1252; other codecs of Python are slow or no charsets at all
        if not _SAFE_CHARSET.fullmatch(name) or re.fullmatch(r"iso-?8859-?1", name, re.I):
            name = "cp1252"
    try:
        return html.decode(name, "replace")
    except LookupError:
        return html.decode("cp1252", "replace")


_MARK = re.compile(r"<!--|<(script|style|textarea|title|xmp)(?=[\s/>])|<(?:link|a|base)(?=\s)", re.I)
_TAG = re.compile(r"""<(?:"[^"]*+"|'[^']*+'|[^'">])*+>""")
_MAX_TAG = 4000


def _relevant(html: str) -> Iterator[str]:
    """Only the tags that matter, in order: the parser takes quadratic time over deep nesting (32,000 `<div>` a second,
    800,000 of them some ten minutes), and formatting tags can make it build a tree far larger than the page."""
    at = 0
    while mark := _MARK.search(html, at):
        if mark.group() == "<!--":
            at = html.find("-->", mark.end()) + 3
        elif name := mark[1]:
            close = re.compile(rf"</{name}[^>]{{0,100}}>", re.I).search(html, mark.end())
            at = close.end() if close else 0
            if close and name.lower() == "script" and "json" in html[mark.start() : mark.start() + 500].lower():
                yield html[mark.start() : at]
        else:
            tag = _TAG.match(html, mark.start(), mark.start() + _MAX_TAG)
            at = tag.end() if tag else html.find(">", mark.end()) + 1
            if tag:
                yield tag.group() + ("</a>" if tag.group()[1] in "aA" else "")
        if at <= mark.start():
            return  # never closed: a browser sees nothing behind it either


def _items(document: LexborHTMLParser, problems: list[str]) -> Iterator[Mapping[str, object]]:
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
            problems.append("broken JSON-LD script")


def _walk(value: object) -> Iterator[Mapping[str, object]]:
    """Without recursion: depth is the page's choice."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(reversed(value.values()))
        elif isinstance(value, list):
            waiting.extend(reversed(value))


def _review(item: Mapping[str, object], url: str) -> Found | str | None:
    """A review, what is wrong with it, or None for an object that is no review or only points to one."""
    types = item.get("@type")
    names = {re.split("[/#:]", name)[-1] for name in _listed(types) if isinstance(name, str)}
    if not (names & _REVIEW_TYPES or (not names and "reviewBody" in item)):
        return None
    body = item.get("reviewBody") or item.get("description")
    text = _text(body)
    if not text:
        return "no text" if set(item) - {"@type", "@id"} else None
    return Found(
        text=text,
        external_id=_external_id(item),
        url=_absolute(item.get("url"), url),
        rating=_rating(item.get("reviewRating")),
        language=_language(item.get("inLanguage")),
        written_at=fields.written_at(_first(item.get("datePublished"))),
    )


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _first(value: object) -> object:
    """JSON-LD lets every property be a list."""
    return next(iter(_listed(value)), None)


def _text(body: object) -> str:
    body = _first(body)
    value = body.get("@value") if isinstance(body, dict) else body
    if not isinstance(value, str):
        return ""
    return fields.plain(_MARKUP.sub("", _BREAK.sub("\n", entities.unescape(value)))).strip()


def _external_id(item: Mapping[str, object]) -> str | None:
    """`identifier`, `@id` or `url`, whichever names this review on every page and every day.

    The first is the shop's own word; the others are addresses, which change when a site moves.
    """
    for value in (_first(item.get("identifier")), _first(item.get("@id")), _first(item.get("url"))):
        value = value.get("value") if isinstance(value, dict) else value
        # "_:b0" and "#review-1" are places on this page: another review stands there tomorrow
        if not (isinstance(value, str) and value.startswith(("_:", "#"))) and (found := fields.external_id(value)):
            return found
    return None


def _rating(value: object) -> float | None:
    """Out of five, whatever the scale; None above the best."""
    value = _first(value)
    scale = value if isinstance(value, dict) else {"ratingValue": value}
    given, best = fields.number(_first(scale.get("ratingValue"))), fields.number(_first(scale.get("bestRating")))
    best = 5.0 if best is None else best
    if given is None or best <= 0 or not 0 <= given <= best:
        return None
    return given if best == 5 else round(given * 5 / best, 2)


def _language(value: object) -> str | None:
    value = _first(value)
    if isinstance(value, dict):
        value = value.get("alternateName") or value.get("name")
    return fields.language(value)


def _next(document: LexborHTMLParser, url: str, problems: list[str]) -> str | None:
    base = next((node.attributes.get("href") for node in document.css("base[href]")), None)
    for node in document.css("link[rel], a[rel]"):
        href = node.attributes.get("href")
        if href and "next" in (node.attributes.get("rel") or "").lower().split():
            found = _absolute(href, _absolute(base, url) or url)
            if found is None:
                problems.append("next link cannot be read")
            return found
    return None


def _absolute(href: object, url: str) -> str | None:
    """An http address without fragment and without user and password, or None."""
    if not isinstance(href, str) or not href.strip() or len(href) > 2000:
        return None
    try:
        parts = urlsplit(urldefrag(urljoin(url, fields.plain(href.strip()))).url)
        host = parts.netloc.rpartition("@")[2]
        known = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:
        return None
    return urlunsplit(parts._replace(netloc=host)) if known else None
