"""`sources.toml`: every option, and one line with the location for every mistake."""

import json
import re
import time
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from pipeline.errors import InputError, SettingsError
from pipeline.records import IdOrigin, Review
from pipeline.source.config import load_sources
from pipeline.source.web.fetcher import Fetcher

PAGE = Path(__file__).parents[2] / "docs" / "en" / "add-a-source.md"
WEB = 'kind = "schema_org"\nurls = ["https://shop.example/"]\n'
CSS = 'kind = "css"\nurls = ["https://shop.example/"]\n'


def sources(folder: Path, text: str) -> list[str]:
    file = folder / "sources.toml"
    file.write_text(text, encoding="utf-8")
    return [source.name for source in load_sources(file, Fetcher())]


def test_the_example_in_the_docs_is_valid(tmp_path: Path) -> None:
    [example] = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "survey.csv").write_text("answer,no,score,sent,lang\nBien,1,5,2026-06-30,fr\n")
    assert sources(tmp_path, example) == list(tomllib.loads(example))


def test_the_docs_describe_every_key() -> None:
    from pipeline.source import config

    text = PAGE.read_text(encoding="utf-8")
    for model in (config._Web, config._File, config._Selectors, config._Columns):
        assert all(f"`{key}`" in text for key in model.model_fields), model


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "sources.toml: has no sources"),
        ("[shop", "sources.toml: cannot be read: "),
        ("kind = 1", 'sources.toml: "kind" is not inside a source'),
        ("[shop]\nurls = []", "sources.toml: shop.kind: must be one of schema_org"),
        ("[shop]\nkind = [1]", "sources.toml: shop.kind: must be one of"),
        ('[shop]\nkind = "schema_org"', "sources.toml: shop.urls: Field required"),
        ('[shop]\nkind = "schema_org"\nurls = []', "sources.toml: shop.urls: "),
        ('[shop]\nkind = "schema_org"\nurls = "https://x.fr"', "sources.toml: shop.urls: a list of addresses"),
        ('[shop]\nkind = "schema_org"\nurls = ["x.fr"]', "sources.toml: shop.urls: not the address of a web page"),
        (
            '[shop]\nkind = "schema_org"\nurls = ["https://u:geheim@x.fr"]',
            "shop.urls: contains a user name or password",
        ),
        (f"[shop]\n{WEB}url = 1", "sources.toml: shop.url: no such key"),
        (f"[shop]\n{WEB}pages = 0", "sources.toml: shop.pages: "),
        (f"[shop]\n{WEB}delay_s = -1", "sources.toml: shop.delay_s: "),
        (f"[shop]\n{WEB}expected = -1", "sources.toml: shop.expected: "),
        (f'[shop]\n{WEB}language = "klingonisch"', "sources.toml: shop.language: is no language"),
        (f"[shop]\n{CSS}", 'sources.toml: shop: selectors: kind = "css" needs at least selectors.review'),
        (f"[shop]\n{WEB}scale = 10", "sources.toml: shop: selectors and scale need kind"),
        (f'[shop]\n{CSS}selectors = {{review = "", text = "b"}}', 'shop.selectors.review: "" is no CSS selector'),
        (f"[shop]\n{CSS}scale = inf", "sources.toml: shop.scale: "),
        ("x = " + "[" * 20_000, "sources.toml: cannot be read: "),
        ('[shop]\nkind = "schema_org"\nurls = ["https://shop ex.fr/"]', "shop.urls: not the address of a web page"),
        (
            '[shop]\nkind = "schema_org"\nurls = ["https://x.fr/{Page}"]',
            "shop.urls: contains braces; the only placeholder is {page}",
        ),
        ('[shop]\nkind = "schema_org"\nurls = ["https://x.fr", "https://x.fr"]', "shop.urls: names an address twice"),
        (
            f'[shop]\n{WEB}selectors = {{review = "a", text = "b"}}',
            "sources.toml: shop: selectors and scale need kind",
        ),
        (f'[shop]\n{CSS}selectors = {{review = "a"}}', "sources.toml: shop.selectors.text: Field required"),
        (f'[shop]\n{CSS}selectors = {{review = "[[", text = "b"}}', 'shop.selectors.review: "[[" is no CSS selector'),
        (f'[shop]\n{CSS}selectors = {{review = "a::attr(x)", text = "b"}}', "shop.selectors.review: "),
        (
            '[app]\nkind = "apple"\nurls = ["https://x.fr/"]',
            "sources.toml: app: urls: Apple's feed is read page by page",
        ),
        ('["a@b.fr"]\nkind = "file"\npath = "x.csv"', "sources.toml: a source is named 'a@b.fr'"),
        ('["06 12 34 56 78"]\nkind = "file"\npath = "x.csv"', "sources.toml: a source is named '06 12 34 56 78'"),
        ('["a\\nb"]\nkind = "file"\npath = "x.csv"', "sources.toml: a source is named"),
        ('[survey]\nkind = "file"\npath = "nowhere.csv"', "sources.toml: survey: nowhere.csv: cannot be opened"),
        ('[survey]\nkind = "file"\npath = "../x.exe"', "sources.toml: survey: x.exe: unknown ending; these are read"),
        (
            '[survey]\nkind = "file"\npath = "x.csv"\ncolumns = {texte = "a"}',
            "sources.toml: survey.columns.texte: no such",
        ),
        ("\n".join(f'[s{i}]\nkind = "file"\npath = "x"' for i in range(101)), "sources.toml: more than 100 sources"),
    ],
)
def test_a_mistake_is_reported_in_one_line_with_its_location(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises((SettingsError, InputError)) as error:
        sources(tmp_path, text)
    message = str(error.value)
    assert said in message and "geheim" not in message and error.value.exit_code == 2
    assert len(message.splitlines()) == 1


def test_a_missing_file_is_an_error_that_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^VERBATIMS_SOURCES: there is no file .*sources\.toml: .* --input"):
        load_sources(tmp_path / "sources.toml", Fetcher())
    with pytest.raises(SettingsError, match="cannot be read"):
        load_sources(tmp_path, Fetcher())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["css", "file"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["review", "text", "id"]), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(
    ["kind", "urls", "path", "language", "expected", "delay_s", "pages", "selectors", "scale", "columns"]
), VALUES))  # fmt: skip
def test_any_table_is_a_source_or_an_error_that_names_it(table: dict[str, object]) -> None:
    from pipeline.source.config import _definition

    try:
        _definition("sources.toml", "shop", table)
    except SettingsError as error:
        assert str(error).startswith("sources.toml: shop")


def test_a_file_source_sets_the_source_and_the_default_language_of_its_rows(tmp_path: Path) -> None:
    (tmp_path / "avis.csv").write_text("texte,id,source\nTrès bien,1,autre\n", encoding="utf-8")
    (tmp_path / "sources.toml").write_text('[survey]\nkind = "file"\npath = "avis.csv"\nlanguage = "fr"')
    [survey] = load_sources(tmp_path / "sources.toml", Fetcher())
    [review] = survey.reviews()
    assert (review.source, review.external_id, review.language) == ("survey", "1", "fr")  # type: ignore[union-attr]


def test_fewer_records_than_expected_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "avis.csv").write_text("texte,id\nTrès bien,1\n,2\n", encoding="utf-8")
    (tmp_path / "sources.toml").write_text('[survey]\nkind = "file"\npath = "avis.csv"\nexpected = 2')
    [survey] = load_sources(tmp_path / "sources.toml", Fetcher())
    with pytest.raises(InputError, match=r"^avis\.csv: holds 1 verbatims, where 2 are expected$"):
        list(survey.reviews())


EVERYTHING = """
[forum]
kind = "css"
urls = ["{url}/forum?p={page}"]
delay_s = 7
pages = 2
scale = 10
language = "en"
selectors = {review = "li", text = "p", id = "::attr(id)", rating = "b", date = "time::attr(datetime)"}

[app]
kind = "apple"
urls = ["{url}/app/{page}"]
delay_s = 0

[survey]
kind = "file"
path = "survey.csv"
columns = {text = "b", id = "n", rating = "r"}
"""


def test_every_option_of_the_file_is_applied(
    tmp_path: Path, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forum(request: Request) -> Response:
        number = request.args["p"]
        return Response(f"<li id=f{number}><p>Page {number}</p><b>8</b><time datetime=2026-06-30>hier</time></li>")

    def app(request: Request) -> Response:
        number = int(request.path.rpartition("/")[2])
        entry = {"im:rating": {"label": "4"}, "id": {"label": f"a{number}"}, "content": {"label": f"Avis {number}"}}
        return Response(json.dumps({"feed": {"entry": [entry]}}))

    httpserver.expect_request("/robots.txt").respond_with_data("", 404)
    httpserver.expect_request("/forum").respond_with_handler(forum)
    httpserver.expect_request(re.compile("/app/.*")).respond_with_handler(app)
    waited: list[float] = []
    monkeypatch.setattr(
        "pipeline.source.web.fetcher.time", SimpleNamespace(sleep=waited.append, monotonic=time.monotonic)
    )
    (tmp_path / "survey.csv").write_text("a,b,n,r\nnon,oui,1,8\n", encoding="utf-8")
    url = httpserver.url_for("").rstrip("/")
    (tmp_path / "sources.toml").write_text(EVERYTHING.replace("{url}", url), encoding="utf-8")
    fetcher = Fetcher(private=True)
    read_ = [[*source.reviews()] for source in load_sources(tmp_path / "sources.toml", fetcher)]
    forum_, app_, survey = read_
    assert forum_ == [
        Review("forum", "f1", "Page 1", 1, None, 4.0, "en", "2026-06-30"),
        Review("forum", "f2", "Page 2", 2, None, 4.0, "en", "2026-06-30"),
    ]
    assert [one.external_id for one in app_] == [f"a{number}" for number in range(1, 11)], "Apple's ten pages"
    survey_1 = Review("survey", "1", "oui", 2, None, 4.0, extra={"a": "non"}, id_origin=IdOrigin.NAMED)
    assert survey == [survey_1], "eight of ten"
    assert len(waited) == 1 and 6 < waited[0] <= 7
