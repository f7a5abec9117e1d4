"""Every page that people look at, in a real browser: light, dark, on a phone, by keyboard, in print."""

from __future__ import annotations

from pathlib import Path

import pytest

from .browser import Seen, look

pytestmark = pytest.mark.pages

FAULTY = """<!doctype html><html><head><title>x</title><style>a { outline: none !important; color: #ddd }</style></head>
<body><img src="missing.png"><a href="#x">pale</a><div style="width: 900px">wide</div></body></html>"""


def test_axe_finds_no_violation(seen: list[Seen]) -> None:
    assert [(page.address, one) for page in seen for one in page.violations] == []


def test_no_page_scrolls_sideways_on_a_phone(seen: list[Seen]) -> None:
    assert [(page.address, page.narrow) for page in seen if page.narrow["sideways"] > 0 or page.narrow["wide"]] == []


def test_no_page_asks_for_anything_but_itself(seen: list[Seen]) -> None:
    asked = {(page.address, url) for page in seen for url in page.requests if url != page.address}
    assert {one for one in asked if not one[1].startswith("data:")} == set()


def test_the_tab_key_follows_the_page_and_its_place_is_seen(seen: list[Seen]) -> None:
    for page in seen:
        # behind the last stop the browser begins anew, at the body
        turn = next((n for n, stop in enumerate(page.tabs) if stop["what"].startswith("<body")), len(page.tabs))
        places = [stop["at"] for stop in page.tabs[:turn]]
        assert places and places == sorted(set(places)), page.address
        assert [stop for stop in page.tabs[:turn] if not stop["seen"]] == [], page.address


def test_every_page_can_be_printed(seen: list[Seen]) -> None:
    assert [page.address for page in seen if page.pdfBytes < 5_000] == []


def test_a_page_with_faults_is_found_out(tmp_path: Path) -> None:
    """Else all of the above might hold whatever a page is like."""
    faulty = tmp_path / "faulty.html"
    faulty.write_text(FAULTY)
    [page] = look([faulty])
    rules = {one["rule"] for one in page.violations}
    assert {"image-alt", "html-has-lang", "color-contrast", "page-has-heading-one"} <= rules
    assert page.narrow["sideways"] > 500 and page.narrow["wide"]
    assert any("missing.png" in url for url in page.requests)
    assert page.tabs and not page.tabs[0]["seen"]
