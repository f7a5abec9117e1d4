"""Each folder of tests/sources holds a page and what is read from it; folders are found by themselves."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.source import parse

ROOT = Path(__file__).parent.parent / "sources"
URL = "https://boutique.example/avis?page=1"
SCRIPT = '<script type="application/ld+json">{}</script>'
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([
        "@type", "@id", "@graph", "review", "reviewBody", "reviewRating", "ratingValue", "bestRating", "datePublished",
        "inLanguage", "identifier", "url",
    ]), inner | st.just("Review"), max_size=5),
)  # fmt: skip


@pytest.mark.parametrize("page", sorted(ROOT.glob("*/*/page.html")), ids=lambda page: "/".join(page.parts[-3:-1]))
def test_a_page_gives_what_is_expected_of_it(page: Path) -> None:
    found = json.loads(json.dumps(asdict(parse(page.read_bytes(), URL))))
    expected = page.with_name("expected.json")
    if not expected.exists():
        expected.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        pytest.fail(f"{expected.relative_to(ROOT)} was missing and has been written: review it, then run again")
    assert found == json.loads(expected.read_text(encoding="utf-8"))


@given(st.binary() | st.lists(st.sampled_from([
    b"<script type='application/ld+json'>", b"</script>", b"<!--", b"-->", b"<a rel=next href='", b"'>", b"{", b"[",
    b'"@type":', b'"Review"', b"\xff", b"<base href=//[>", b"<title>", b'"',
])).map(b"".join))  # fmt: skip
def test_any_bytes_are_a_page(html: bytes) -> None:
    parse(html, URL)


@given(JSON)
def test_any_json_is_a_page(value: object) -> None:
    for found in parse(SCRIPT.format(json.dumps(value)).encode(), URL).reviews:
        assert found.text.strip()
        assert found.rating is None or 0 <= found.rating <= 5


@pytest.mark.parametrize("piece", ["[", '{"review":', '[{"a":'])
def test_depth_is_a_problem_and_not_a_crash(piece: str) -> None:
    assert parse(SCRIPT.format(piece * 100_000).encode(), URL).problems == ("broken JSON-LD script",)


@pytest.mark.parametrize("tag", ["<div>", "<p><b id={}>", "<a rel=next ", "<script>", "<!--", "<a '"])
def test_a_page_made_to_be_slow_still_gives_its_review(tag: str) -> None:
    review = SCRIPT.format('{"@type": "Review", "reviewBody": "Bien"}')
    assert parse((review + tag * (4_000_000 // len(tag))).encode(), URL).reviews[0].text == "Bien"


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "windows-1252", "iso-8859-15"])
def test_the_charset_of_the_page_is_believed(charset: str) -> None:
    review = SCRIPT.format('{"@type": "Review", "reviewBody": "Déçu"}')
    assert parse(f'<meta charset="{charset}">{review}'.encode(charset), URL).reviews[0].text == "Déçu"
