"""Each folder of tests/sources holds a page and the expected result; new folders are found automatically.

`source.toml` next to the cases of a site gives its kind and options, unless it is schema.org.
"""

import json
import tomllib
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.source.parsers.parsed import ParsedPage
from pipeline.source.parsers.process import PARSERS

ROOT = Path(__file__).parent.parent / "sources"
CASES = sorted(page.parent for page in ROOT.glob("*/*/page.*"))
URL = "https://boutique.example/avis?page=1"
SCRIPT = '<script type="application/ld+json">{}</script>'
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([
        "@type", "@id", "@graph", "@value", "review", "reviewBody", "reviewRating", "ratingValue", "bestRating",
        "datePublished", "inLanguage", "identifier", "url", "feed", "entry", "im:rating", "im:name", "label", "content",
        "title", "id", "updated", "link", "attributes", "href",
    ]), inner | st.just("Review"), max_size=5),
)  # fmt: skip


def described(site: Path) -> tuple[str, dict[str, str]]:
    file = site / "source.toml"
    table = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return table.get("kind", "schema_org"), table.get("options", {})


def read(case: Path, mutate: bytes | None = None) -> ParsedPage:
    [page] = case.glob("page.*")
    kind, options = described(case.parent)
    return PARSERS[kind](page.read_bytes() if mutate is None else mutate, URL, options)


def assert_valid(page: ParsedPage) -> None:
    """Assert what holds for the result of every page."""
    for found in page.reviews:
        assert (found.text.strip() or found.rating is not None) and "\0" not in found.text
        found.text.encode()  # no lone surrogate
        assert found.rating is None or 0 <= found.rating <= 5
        assert found.written_at is None or "1970" <= found.written_at[:4] < "2100"
        assert found.url is None or found.url.startswith(("http://", "https://"))
        assert found.external_id is None or 0 < len(found.external_id) <= 200
    assert all(problem and len(problem) < 100 for problem in page.problems)
    assert page.reviews or page.problems or page.instead, "a page without reviews names what it contains instead"


@pytest.mark.parametrize("case", CASES, ids=lambda case: "/".join(case.parts[-2:]))
def test_a_page_gives_its_expected_result(case: Path) -> None:
    found = json.loads(json.dumps(asdict(read(case))))
    expected = case / "expected.json"
    if not expected.exists():
        expected.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        pytest.fail(f"{expected.relative_to(ROOT)} was missing and has been written: review it, then run again")
    assert found == json.loads(expected.read_text(encoding="utf-8"))


@given(st.data())
def test_a_mutated_page_still_gives_records_or_problems(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(CASES))
    [page] = case.glob("page.*")
    body = bytearray(page.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(body)))
        to = data.draw(st.integers(at, min(len(body), at + 200)))
        body[at:to] = data.draw(st.sampled_from([b"", bytes(body[at:to]) * 2, body[:100]]) | st.binary(max_size=8))
    assert_valid(read(case, bytes(body)))


@given(st.sampled_from(CASES), st.binary() | st.lists(st.sampled_from([
    b"<script type='application/ld+json'>", b"</script>", b"<!--", b"-->", b"<a rel=next href='", b"'>", b"{", b"[",
    b'"@type":', b'"Review"', b"\xff", b"<base href=//[>", b"<title>", b'"', b"<div itemscope itemtype=Review>",
    b"<p itemprop=reviewBody>", b"<li class=avis>", b"<p class=corps>", b"\0", b"Bien", b"&#0;&#xd800;",
])).map(b"".join))  # fmt: skip
def test_any_bytes_give_a_valid_result(case: Path, body: bytes) -> None:
    assert_valid(read(case, body))


@given(JSON)
def test_any_json_gives_a_valid_result(value: object) -> None:
    written = json.dumps(value)
    assert_valid(PARSERS["schema_org"](SCRIPT.format(written.replace("<", "\\u003c")).encode(), URL, {}))
    assert_valid(PARSERS["apple"](written.encode(), URL, {}))


@pytest.mark.parametrize("piece", ["[", '{"review":', '[{"a":'])
def test_deep_nesting_is_a_problem_and_not_a_crash(piece: str) -> None:
    page = PARSERS["schema_org"](SCRIPT.format(piece * 100_000).encode(), URL, {})
    assert page.problems == ("broken JSON-LD script",)
    assert PARSERS["apple"]((piece * 100_000).encode(), URL, {}).instead == "not Apple's feed"


def test_nested_items_give_one_review() -> None:
    html = "<div itemscope itemtype=Review itemprop=review>" * 200 + "<p itemprop=reviewBody>Bien</p>"
    assert [found.text for found in PARSERS["schema_org"](html.encode(), URL, {}).reviews] == ["Bien"]


@pytest.mark.parametrize(("review", "text"), [
    ("<p class=corps>Bien</p> <i>par Jean</i> <p class=corps>Cher</p>", "Bien\nCher"),
    ("<div class=corps>Bien <p class=corps>mais cher</p></div>", "Bien\nmais cher"),
    ("<p class=corps>Bien</p><div class=avis><p class=corps>Merci !</p></div>", "Bien"),
    ("<p class=corps></p><p class=corps>Bien</p>", "Bien"),
])  # fmt: skip
def test_every_match_of_the_text_is_read_once(review: str, text: str) -> None:
    options = {"review": ".avis", "text": ".corps", "id": "i"}
    assert PARSERS["css"](f"<div class=avis>{review}</div>".encode(), URL, options).reviews[0].text == text


@pytest.mark.parametrize("text", [".avis", "::attr(data-text)"])
def test_the_review_itself_may_be_the_text(text: str) -> None:
    body = b"<p class=avis data-text=Bien>Bien</p>"
    assert PARSERS["css"](body, URL, {"review": ".avis", "text": text}).reviews[0].text == "Bien"


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "windows-1252", "iso-8859-15"])
def test_the_charset_of_the_page_is_used(charset: str) -> None:
    review = SCRIPT.format('{"@type": "Review", "reviewBody": "Déçu"}')
    page = PARSERS["schema_org"](f'<meta charset="{charset}">{review}'.encode(charset), URL, {})
    assert page.reviews[0].text == "Déçu"


def test_a_key_that_may_be_personal_text_is_not_shown() -> None:
    review = SCRIPT.format('{"@type": "Review", "reviewBody": "Bien", "Mon avis : nul": 1, "author": "x", "a b": 2}')
    assert PARSERS["schema_org"](review.encode(), URL, {}).left_over == ("author",)
