"""The review site can be crawled like a shop's, and contains every oddity of real reviews."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import requests
from selectolax.lexbor import LexborHTMLParser

from pipeline.sandbox import Sandbox
from pipeline.sandbox.corpus import verbatims


def test_following_next_reaches_every_review_once(sandbox: Sandbox) -> None:
    found = [review for page in _walk(sandbox) for review in _reviews(page)]
    assert [review["identifier"] for review in found] == [one.id for one in verbatims()]
    assert [review["reviewBody"] for review in found] == [one.text for one in verbatims()]


def test_link_and_anchor_have_the_same_next_page(sandbox: Sandbox) -> None:
    for page in _walk(sandbox):
        targets = [node.attributes["href"] for node in page.css('link[rel="next"], a[rel="next"]')]
        assert len(targets) in (0, 2)
        assert len(set(targets)) <= 1


def test_reviews_are_nested_in_more_than_one_way(sandbox: Sandbox) -> None:
    shapes = {tuple(sorted(_shape(script) for script in _scripts(page)))[-1] for page in _walk(sandbox)}
    assert shapes >= {"@graph", "list", "review", "reviewBody"}
    ratings = {type(review["reviewRating"]["ratingValue"]) for page in _walk(sandbox) for review in _reviews(page)}
    assert ratings == {int, str}


def test_each_page_is_marked_as_sandbox_in_text_and_header(sandbox: Sandbox) -> None:
    for path in ("/", "/?page=2", "/?page=99", "/nowhere", "/robots.txt"):
        assert requests.get(sandbox.url + path, timeout=5).headers["x-verbatims-sandbox"] == "true"
    for page in _walk(sandbox):
        assert "Sandbox: nothing here is real" in page.css_first("[role=note]").text()
        assert page.css_first("html").attributes["lang"] == "fr"


def test_a_page_beyond_the_end_is_not_found(sandbox: Sandbox) -> None:
    for number in ("0", "10", "99", "-1", "x", "²", "9" * 5000):
        assert requests.get(sandbox.url, params={"page": number}, timeout=5).status_code == 404


def test_the_address_of_a_review_shows_only_that_review(sandbox: Sandbox) -> None:
    one = next(one for one in verbatims() if one.url)
    page = LexborHTMLParser(requests.get(f"{sandbox.url}{one.url}", timeout=5).content)
    assert [review["reviewBody"] for review in _reviews(page)] == [one.text]
    assert requests.get(f"{sandbox.url}/avis/none", timeout=5).status_code == 404


def test_robots_txt_forbids_only_the_private_part(sandbox: Sandbox) -> None:
    rules = requests.get(f"{sandbox.url}/robots.txt", timeout=5).text.splitlines()
    assert rules == ["User-agent: *", "Allow: /", "Disallow: /private/"]


def test_every_known_oddity_occurs_among_the_verbatims() -> None:
    texts = [one.text for one in verbatims()]
    joined = "\n".join(texts)
    repeated = [text for text, times in Counter(texts).items() if times > 1]
    short = [one for one in verbatims() if len(one.text.split()) < 3]
    assert 0.08 <= len(short) / len(texts) <= 0.2
    assert sum(one.rating == 5 for one in short) > len(short) / 2
    assert min(map(len, repeated)) < 30 < max(map(len, repeated))
    assert max(map(len, texts)) > 20_000
    for oddity in (
        r"[\x80-\x9f]",  # cp1252 decoded as latin-1
        "Ã©",
        r"\n",
        r"[.!?][A-Z]\w+",
        "https://",
        r"\w@example\.org",
        r"06 00 00 00 00",
        "FR14 2004",
        "4111 1111",
        r"\d\d/\d\d/\d\d\d\d",
        "&eacute;|&#39;",
        "(?i)ignore les instructions",
        "(?i)ignore all previous",
        "</verbatim>",
    ):
        assert re.search(oddity, joined), oddity
    assert any(not re.search(r"\w", text) for text in texts), "emoji only"
    assert len({re.sub(r"\d", "0", one.date) for one in verbatims()}) >= 5, "formats of dates"
    assert {one.language for one in verbatims()} >= {"fr", "en", None}


def _walk(sandbox: Sandbox) -> Iterator[LexborHTMLParser]:
    path: str | None = "/"
    while path:
        page = LexborHTMLParser(requests.get(sandbox.url + path, timeout=5).content)
        yield page
        following = page.css_first('a[rel="next"]')
        path = following.attributes["href"] if following else None


def _scripts(page: LexborHTMLParser) -> list[Any]:
    return [json.loads(node.text()) for node in page.css('script[type="application/ld+json"]')]


def _shape(script: Any) -> str:
    if isinstance(script, list):
        return "list"
    return next((key for key in ("review", "@graph", "reviewBody") if key in script), "")


def _reviews(page: LexborHTMLParser) -> Iterator[dict[str, Any]]:
    for script in _scripts(page):
        yield from _inside(script)


def _inside(data: Any) -> Iterator[dict[str, Any]]:
    if isinstance(data, list):
        for one in data:
            yield from _inside(one)
    elif isinstance(data, dict):
        if "reviewBody" in data:
            yield data
        else:
            for one in data.values():
                yield from _inside(one)
