"""A feed with the reviews of the site, in Apple's format of customer reviews and with its peculiarities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from pipeline.sandbox.corpus import Verbatim
from pipeline.sandbox.site import unless_cached

PATH = "/fr/rss/customerreviews/page={page}/id=1/sortby=mostrecent/json"
"""The path of Apple's addresses."""

PAGE_SIZE, PAGES = 50, 10
"""The limits of Apple's feed."""


class Feed:
    """Serves reviews page by page, newest first."""

    def __init__(self, verbatims: Sequence[Verbatim]) -> None:
        self._verbatims = verbatims

    def routes(self) -> list[web.RouteDef]:
        """The route of the pages."""
        return [web.get(PATH.replace("{page}", "{page:[0-9]{1,4}}"), self.page)]

    async def page(self, request: web.Request) -> web.Response:
        """A page of the feed. After the last review it has no `entry`; after the last page the status is 400."""
        number = int(request.match_info["page"])
        if not 1 <= number <= PAGES:
            return web.Response(status=400, text="CustomerReviews RSS page depth is limited to 10")
        shown = self._verbatims[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
        return unless_cached(request, web.json_response({"feed": _feed(number, shown)}))


def _feed(number: int, shown: Sequence[Verbatim]) -> dict[str, Any]:
    author = {"name": _label("verbatims sandbox: nothing here is real"), "uri": _label("")}
    feed: dict[str, Any] = {"author": author, "title": _label("iTunes Store: Customer Reviews"), "id": _label("1")}
    # like Apple: page 1 begins with the app itself, and a single entry is not in a list
    entries = [_app(), *map(_entry, shown)] if number == 1 else list(map(_entry, shown))
    if entries:
        feed["entry"] = entries[0] if len(entries) == 1 else entries
    return feed


def _app() -> dict[str, Any]:
    return {"im:name": _label("Application inventée"), "id": _label("1"), "title": _label("Application inventée")}


def _entry(one: Verbatim) -> dict[str, Any]:
    return {
        "author": {"name": _label("Client du bac à sable"), "uri": _label("")},
        "updated": _label(one.date),
        "im:rating": _label(str(one.rating)),
        "im:version": _label("1.0"),
        "id": _label(one.id),
        "title": _label(""),
        "content": {**_label(one.text), "attributes": {"type": "text"}},
        "im:voteSum": _label("0"),
    }


def _label(value: str) -> dict[str, Any]:
    return {"label": value}
