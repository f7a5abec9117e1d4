"""The request: its content, its key and its cost."""

import json
import re
import unicodedata
from hashlib import sha256
from pathlib import Path

import pytest
from genai_prices import Usage, calc_price
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.analyse.analyser import Analyser, define
from pipeline.analyse.bound import WorstCase
from pipeline.analyse.price import USUAL, Price, Tokens
from pipeline.analyse.topics import load_topics
from pipeline.errors import SettingsError

TOPICS = load_topics(None)


def analyser(model: str = "sandbox", max_tokens: int = 1024, topics: int = 99, thinking: str = "disabled") -> Analyser:
    return Analyser(define(model, TOPICS[:topics], thinking), max_tokens)


def test_the_key_depends_on_everything_that_is_sent() -> None:
    keys = {
        analyser().key("a"),
        analyser().key("b"),
        analyser(model="claude-haiku-5-5").key("a"),
        analyser(max_tokens=99).key("a"),
        analyser(topics=3).key("a"),
        analyser(thinking="adaptive").key("a"),
    }
    assert len(keys) == 6
    assert analyser().key("a") == analyser().key("a")


def test_answers_stored_before_requests_had_a_thinking_mode_keep_their_key() -> None:
    request = analyser().request("a")
    del request["thinking"]
    [message] = request.pop("messages")
    sent = json.dumps(request, sort_keys=True) + message["content"]
    assert analyser().key("a") == sha256(sent.encode()).hexdigest()


def test_analysers_with_different_answers_are_different_analysers() -> None:
    others = {analyser().record, analyser("claude-haiku-5-5").record, analyser(topics=3).record}
    others.add(analyser(thinking="adaptive").record)
    assert len({record.fingerprint for record in others}) == 4
    assert analyser(max_tokens=99).record == analyser().record


@given(st.text())
def test_no_verbatim_can_close_its_delimiters(text: str) -> None:
    marks = (
        "</verbatim>",
        "</VERBATIM >",
        "< / verbatim>",
        "\uff1c/verbatim\uff1e",
        "<\u200b/\u00adverbatim>",
        "<\n/verbatim>",
    )
    for hostile in (text, *(f"{text}{mark}{text}" for mark in marks)):
        content = analyser().request(hostile)["messages"][0]["content"]
        inside = content.removeprefix("<verbatim>\n").removesuffix("\n</verbatim>")
        seen = re.sub(r"[\s\u00ad\u200b-\u200f\u2060\ufeff/]", "", unicodedata.normalize("NFKC", inside)).lower()
        assert "<verbatim" not in seen


def test_instructions_name_each_topic_in_both_languages() -> None:
    system = analyser().request("x")["system"][0]
    assert all(
        topic.id in system["text"] and topic.fr in system["text"] and topic.en in system["text"] for topic in TOPICS
    )
    assert system["cache_control"] == {"type": "ephemeral"}


IN, OUT = (
    Price("claude-haiku-5-5", None, None).usd(tokens) / 1_000
    for tokens in (Tokens(1_000, 0, 0, 0), Tokens(0, 0, 0, 1_000))
)
"""USD per token."""

USAGES = {
    "plain": ({"input_tokens": 1000, "output_tokens": 100}, 1000 * IN + 100 * OUT),
    # writing to the prompt cache costs 1.25 times the base price, reading 0.1 times
    "cached": (
        {
            "input_tokens": 500,
            "cache_creation_input_tokens": 200,
            "cache_read_input_tokens": 300,
            "output_tokens": 100,
        },
        500 * IN + 200 * 1.25 * IN + 300 * 0.1 * IN + 100 * OUT,
    ),
    "read alone": ({"input_tokens": 0, "cache_read_input_tokens": 1300, "output_tokens": 1}, 1300 * 0.1 * IN + OUT),
    # thinking is part of the output tokens, and paid as they are
    "thinking": (
        {"input_tokens": 10, "output_tokens": 600, "output_tokens_details": {"thinking_tokens": 500}},
        10 * IN + 600 * OUT,
    ),
    "absent fields": ({"input_tokens": 7, "cache_read_input_tokens": None}, 7 * IN),
}


@pytest.mark.parametrize("batch", [False, True], ids=["live", "batch"])
@pytest.mark.parametrize("kind", USAGES)
def test_what_an_answer_costs(kind: str, batch: bool) -> None:
    usage, live_usd = USAGES[kind]
    tokens = Tokens.of(usage)
    whole, for_input = Price("claude-haiku-5-5", None, None, batch=batch).whole_and_input(tokens)
    share = 0.5 if batch else 1.0
    assert whole == pytest.approx(live_usd * share)
    assert for_input == pytest.approx((live_usd - tokens.output * OUT) * share)
    own = Price("claude-unheard-of", 2.0, 10.0, batch=batch).whole_and_input(tokens)
    expected = (tokens.input * 2 + tokens.output * 10) / 1e6, tokens.input * 2 / 1e6
    assert own == pytest.approx(tuple(usd * share for usd in expected))


@given(st.text(max_size=500), st.sampled_from([1, 4]))
def test_no_request_can_cost_more_than_its_worst_case(text: str, room: int) -> None:
    """A token is a byte or longer, and an answer ends at max_tokens."""
    asked = analyser()
    sent = json.dumps(asked.request(text, room), ensure_ascii=False).encode("utf-8", "surrogatepass")
    most = asked.most_tokens(text, room)
    assert most.input >= len(text.encode("utf-8", "surrogatepass")) + 1000 and most.output == 1024 * room
    assert most.input >= len(asked.request(text)["system"][0]["text"].encode()) and most.input <= len(sent) + 1200
    price = Price("claude-haiku-5-5", None, None)
    assert WorstCase(asked, price).usd(text, room) >= price.usd(Tokens(0, most.input, 0, most.output))


COUNTS = st.integers(0, 300_000)
PRICES = {
    (model, batch): Price(model, None, None, batch=batch)
    for model in ("claude-haiku-5-5", "claude-sonnet-4-5", "claude-haiku-4-5")
    for batch in (False, True)
}


@given(st.builds(Tokens, COUNTS, COUNTS, COUNTS, COUNTS), st.sampled_from(sorted(PRICES)))
@example(Tokens(USUAL, 0, 0, USUAL), ("claude-haiku-5-5", False))
@example(Tokens(200_000, 1, 0, 0), ("claude-sonnet-4-5", True))
def test_a_price_is_that_of_the_list_whatever_the_size(tokens: Tokens, which: tuple[str, bool]) -> None:
    usage = Usage(
        input_tokens=tokens.input,
        cache_write_tokens=tokens.cache_write,
        cache_read_tokens=tokens.cache_read,
        output_tokens=tokens.output,
    )
    model, batch = which
    context = {"processing": "batch"} if batch else None
    listed = calc_price(usage, model, provider_id="anthropic", price_context=context)
    expected = float(listed.total_price), float(listed.input_price)
    assert PRICES[which].whole_and_input(tokens) == expected


def test_an_unknown_model_needs_a_price_in_the_settings() -> None:
    with pytest.raises(SettingsError, match="VERBATIMS_MODEL"):
        Price("claude-unheard-of", None, None)
    assert Price("claude-unheard-of", 2.0, 10.0).usd(Tokens(1_000_000, 0, 0, 100_000)) == pytest.approx(3.0)


@pytest.mark.parametrize(
    "content",
    [
        "topics: []",
        "topics: x",
        "- a",
        "topics: [{id: A, fr: x, en: y}]",
        "topics: [{id: a, fr: x}]",
        "topics: [{id: a, fr: x, en: y}, {id: a, fr: x, en: y}]",
        "topics: [",
    ],
)
def test_an_invalid_reference_base_is_reported_in_one_line(tmp_path: Path, content: str) -> None:
    file = tmp_path / "topics.yaml"
    file.write_text(content)
    with pytest.raises(SettingsError) as error:
        load_topics(file)
    assert str(error.value).startswith(f"VERBATIMS_TOPICS: {file}") and "\n" not in str(error.value)
