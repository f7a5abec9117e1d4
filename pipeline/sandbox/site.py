"""The review site of the sandbox: numbered pages with schema.org reviews, nested in five ways seen on real shops."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from typing import Any

from aiohttp import web

from pipeline.sandbox.corpus import Verbatim, verbatims

PAGE_SIZE = 40

ORIGIN = "https://boutique.example"
"""The address of the invented shop in its data. Independent of the port, so that reviews keep their ids."""

ROBOTS = "User-agent: *\nAllow: /\nDisallow: /private/\n"

_BANNER = "Bac à sable de verbatims : boutique, produits et avis sont inventés. Sandbox: nothing here is real."
_CONTEXT = "https://schema.org"
_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:0 auto;padding:1rem;color:#1b1b1b;background:#fff}"
    "[role=note]{background:#7a0019;color:#fff;padding:.5rem 1rem}"
    "article{border-top:1px solid #767676;padding:.5rem 0;overflow-wrap:anywhere}"
    ".avis{white-space:pre-line}a{color:#0b4f9e}"
)


class Site:
    """The site of a shop, newest reviews first. `published` limits it to that many of the oldest reviews."""

    def __init__(self, published: int | None = None) -> None:
        everything = verbatims()
        self.verbatims = everything if published is None else everything[len(everything) - published :]

    def routes(self) -> list[web.RouteDef]:
        """All routes of the site."""
        return [
            web.get("/", self.page),
            web.get("/avis/{id}", self.review),
            web.get("/robots.txt", robots),
            web.get("/private/{rest:.*}", private),
        ]

    async def page(self, request: web.Request) -> web.Response:
        """`/` and `/?page=N`; 404 for a page number that does not exist."""
        number = request.query.get("page", "1")
        if not (number.isascii() and number.isdigit() and 1 <= int(number[:9]) <= _pages(self.verbatims)):
            return _missing("Page introuvable", "Cette page n'existe pas.")
        return unless_cached(request, _html(_page(self.verbatims, int(number))))

    async def review(self, request: web.Request) -> web.Response:
        """`/avis/ID`: the page of one review."""
        found = next((one for one in self.verbatims if one.url == request.path), None)
        if found is None:
            return _missing("Avis introuvable", "Cet avis n'existe pas.")
        body = _article(found) + '<p><a href="/">Tous les avis</a></p>'
        return _html(_document("Un avis", body, _script(_review(found, 0))))


async def robots(request: web.Request) -> web.Response:
    """`/robots.txt`: everything except /private/ is allowed."""
    return web.Response(text=ROBOTS)


async def private(request: web.Request) -> web.Response:
    """`/private/…`: a page that robots.txt disallows."""
    return _html(_document("Espace privé", "<p>robots.txt demande de ne pas lire cette page.</p>"))


def unless_cached(request: web.Request, response: web.Response) -> web.Response:
    """The response with an ETag of its content, or 304 if the client has it already (RFC 9110, 13.1.2)."""
    assert isinstance(response.body, bytes)
    response.etag = hashlib.sha256(response.body).hexdigest()[:32]
    known = [tag.value for tag in request.if_none_match or ()]
    if response.etag and response.etag.value in known:
        return web.Response(status=304, headers={"ETag": response.headers["ETag"]})
    return response


def _pages(published: Sequence[Verbatim]) -> int:
    return -(-len(published) // PAGE_SIZE)


@lru_cache(maxsize=64)
def _page(published: tuple[Verbatim, ...], number: int) -> str:
    shown, last = published[(number - 1) * PAGE_SIZE : number * PAGE_SIZE], _pages(published)
    title = f"Avis clients, page {number} sur {last}"
    head = "".join(_script(data) for data in _nested(number, shown)) + _links(number, last)
    return _document(title, "".join(map(_article, shown)) + _navigation(number, last), head)


def _nested(number: int, shown: tuple[Verbatim, ...]) -> list[Any]:
    """The contents of a page's scripts. Pages take turns in five ways to nest reviews."""
    reviews = [_review(one, number + at) for at, one in enumerate(shown)]
    shop = {"@type": "Organization", "name": "Boutique du bac à sable", "url": f"{ORIGIN}/"}
    match number % 5:
        case 1:
            return [{"@context": _CONTEXT, **shop}, reviews]
        case 2:
            return [{"@context": _CONTEXT, "@graph": [shop, {"@type": "WebPage", "url": f"{ORIGIN}/"}, *reviews]}]
        case 3:
            return [_product("Montre connectée", reviews)]
        case 4:
            return [{"@context": _CONTEXT, **one} for one in reviews]
        case _:
            half = len(reviews) // 2
            graph = {"@context": _CONTEXT, "@graph": [shop, _product("Application mobile", reviews[1:half])]}
            return [_product("Bracelet", reviews[0]), graph, reviews[half:]]


def _product(name: str, reviews: Any) -> dict[str, Any]:
    return {"@context": _CONTEXT, "@type": "Product", "name": name, "review": reviews}


def _review(one: Verbatim, variant: int) -> dict[str, Any]:
    # real sites write ratings as numbers or texts, and types as texts or lists
    value: int | str = (one.rating, str(one.rating), f"{one.rating}.0")[variant % 3]
    data: dict[str, Any] = {
        "@type": "Review" if variant % 4 else ["Review"],
        "@id": f"{ORIGIN}/#{one.id}",
        "identifier": one.id,
        "author": {"@type": "Person", "name": "Client du bac à sable"},
        "datePublished": one.date,
        "reviewBody": one.text,
        "reviewRating": {"@type": "Rating", "ratingValue": value, "bestRating": "5", "worstRating": 1},
    }
    if one.language:
        data["inLanguage"] = one.language
    if one.url:
        data["url"] = ORIGIN + one.url
    return data


def _script(data: Any) -> str:
    # "<" is written as \u003c, since a review that contains "</script>" must not end the script
    written = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    return f'<script type="application/ld+json">{written}</script>\n'


def _links(number: int, last: int) -> str:
    links = [f'<link rel="canonical" href="/?page={number}">\n']
    if number > 1:
        links.append(f'<link rel="prev" href="/?page={number - 1}">\n')
    if number < last:
        links.append(f'<link rel="next" href="/?page={number + 1}">\n')
    return "".join(links)


def _navigation(number: int, last: int) -> str:
    before = f'<a rel="prev" href="/?page={number - 1}">Page précédente</a> ' if number > 1 else ""
    after = f'<a rel="next" href="/?page={number + 1}">Page suivante</a>' if number < last else ""
    return f'<nav aria-label="Pages">{before}{after}</nav>'


def _article(one: Verbatim) -> str:
    language = f' lang="{escape(one.language)}"' if one.language not in (None, "fr") else ""
    link = f' <a href="{escape(one.url)}">Lien vers l\'avis {one.id}</a>' if one.url else ""
    return (
        f'<article id="{one.id}"><h2>Note : {one.rating} sur 5</h2>'
        f'<p class="avis"{language}>{escape(one.text)}</p><p>Publié : {escape(one.date)}{link}</p></article>\n'
    )


def _document(title: str, body: str, head: str = "") -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="fr">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{_STYLE}</style>\n{head}</head>\n"
        f'<body>\n<p role="note">{_BANNER}</p>\n<main>\n<h1>{escape(title)}</h1>\n{body}</main>\n</body>\n</html>\n'
    )


def _missing(title: str, words: str) -> web.Response:
    return _html(_document(title, f"<p>{words}</p>"), status=404)


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")
