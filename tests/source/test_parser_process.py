"""A page built to be slow or large is bounded by the limits."""

import json
import resource
import subprocess
from pathlib import Path

import pytest

from pipeline.errors import InputError, TransientError
from pipeline.source.parsers.parsed import ParsedPage
from pipeline.source.parsers.process import Limits, ParserProcess

URL = "https://boutique.example/avis?token=geheim"
REVIEW = b'<script type="application/ld+json">{"@type": "Review", "reviewBody": "Bien"}</script>'
SIZE = 4_900_000
LIMITS = Limits(cpu_s=2)


def parse(
    kind: str, body: bytes, url: str, options: dict[str, str] | None = None, limits: Limits = LIMITS
) -> ParsedPage:
    with ParserProcess(kind, options or {}, limits) as parser:
        return parser.parse(body, url)


@pytest.mark.long
@pytest.mark.parametrize(
    "piece",
    [
        b"<p><b id=x>", b"<a rel=next ", b"<script>", b"<!--", b"<a '", b"<table><tr><td>", b"<font>", b"<svg><math>",
        b"<select><option>", b"<li itemscope itemprop=review itemtype=Review>", b"<b>",
    ],
)  # fmt: skip
def test_a_page_built_to_be_slow_still_gives_its_review(piece: bytes) -> None:
    """With the default limits: on a busy machine the slowest took more than two seconds."""
    page = parse("schema_org", REVIEW + piece * (SIZE // len(piece)), URL, limits=Limits())
    assert page.reviews[0].text == "Bien"


@pytest.mark.long
@pytest.mark.parametrize(
    "body",
    [b"<div>" * (SIZE // 5), b"<p " + b" ".join(b"a%d=1" % number for number in range(500_000)) + b">"],
    ids=["depth", "attributes"],
)
def test_a_page_beyond_the_time_limit_is_an_input_error_and_is_stopped(body: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with pytest.raises(InputError, match="a page that cannot be parsed within 2 s") as error:
        parse("schema_org", REVIEW + body, URL, limits=LIMITS)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 4
    assert "geheim" not in str(error.value)


@pytest.mark.long
def test_a_selector_of_quadratic_cost_is_bounded() -> None:
    options = {"review": "p:nth-last-child(2n)", "text": "p"}
    with pytest.raises(InputError, match="cannot be parsed"):
        parse("css", b"<p>" * 1_000_000, URL, options, LIMITS)


@pytest.mark.parametrize("megabytes", [40, 60])
def test_a_page_beyond_the_memory_limit_is_an_input_error(megabytes: int) -> None:
    with pytest.raises(InputError, match=f"cannot be parsed within 2 s and {megabytes} MB"):
        parse("schema_org", REVIEW * (SIZE // len(REVIEW)), URL, limits=Limits(2, memory=megabytes << 20))


def test_an_error_of_the_parser_is_not_reported_as_an_error_of_the_page() -> None:
    with pytest.raises(
        TransientError, match=r"^https://boutique\.example/avis\?token=\*\*\*: could not be parsed: .* KeyError$"
    ):
        parse("no such kind", b"", URL)


@pytest.mark.long
def test_the_limits_apply_per_page_and_a_page_beyond_them_affects_no_other() -> None:
    usual = b"<div itemscope itemtype=Review><p itemprop=reviewBody>Bien</p></div>" * 5_000
    with ParserProcess("schema_org", limits=Limits(cpu_s=1)) as parser:
        for _ in range(10):  # beyond the limit together, each far below it
            assert len(parser.parse(usual, URL).reviews) == 5_000
        with pytest.raises(InputError):
            parser.parse(b"<div>" * (SIZE // 5), URL)
        assert parser.parse(REVIEW, URL).reviews[0].text == "Bien"


def test_the_wall_clock_limit_stops_a_page_within_the_cpu_limit() -> None:
    with pytest.raises(InputError, match="cannot be parsed"):
        parse("schema_org", b"<div>" * (SIZE // 5), URL, limits=Limits(cpu_s=1000, wall_s=0.5))


def test_the_parser_process_has_no_secrets_in_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "geheim")
    with ParserProcess("schema_org") as parser:
        parser.parse(REVIEW, URL)
        assert parser._process is not None
        given = Path(f"/proc/{parser._process.pid}/environ").read_bytes()
    assert b"PYTHONPATH" in given and b"geheim" not in given


def test_closing_the_parser_ends_its_process() -> None:
    with ParserProcess("schema_org") as parser:
        parser.parse(REVIEW, URL)
        process = parser._process
    assert process is not None and process.poll() == 0


def test_texts_of_nested_elements_are_bounded_in_total() -> None:
    """Each nested element contains the whole text."""
    body = b"<div class=r>" * 200 + b"Bien " * 12_000
    page = parse("css", body, URL, {"review": ".r", "text": ".r"})
    assert sum(len(found.text) for found in page.reviews) <= 10_000_000 and len(page.reviews) > 100
    assert page.problems[-1].endswith("texts of more than 100,000 characters, or too many of them")


def test_an_interrupt_kills_the_parser_without_waiting() -> None:
    parser = ParserProcess("schema_org", limits=Limits(cpu_s=1000))
    with pytest.raises(KeyboardInterrupt), parser:
        process = parser._process = parser._start()
        assert process.stdin is not None
        body = b"<div>" * (SIZE // 5)
        process.stdin.write(json.dumps({"url": URL, "bytes": len(body)}).encode() + b"\n" + body)
        process.stdin.flush()
        raise KeyboardInterrupt
    assert process.poll() == -9


def test_an_error_of_a_parser_is_named_without_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even by its last line, where it has several."""
    script = (
        "import sys; from pipeline.source.parsers import process\n"
        "def fail(*_): raise LookupError('no\\nkanari7f3a')\n"
        "process.PARSERS = {'schema_org': fail}; process.main()"
    )
    popen = subprocess.Popen
    monkeypatch.setattr(
        subprocess, "Popen", lambda command, **more: popen([command[0], "-c", script, command[-1]], **more)
    )
    with pytest.raises(TransientError, match="ended with LookupError") as error:
        parse("schema_org", REVIEW, URL)
    assert "kanari7f3a" not in str(error.value)
