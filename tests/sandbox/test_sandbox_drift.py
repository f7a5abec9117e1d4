"""The stand-in's answers drift on request: a share of them gets another sentiment, until the prompt has examples."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import SettingsError
from pipeline.records import Sentiment
from pipeline.sandbox import Sandbox, wire
from pipeline.sandbox.answers import choose_answer
from pipeline.sandbox.claude import digest_of
from pipeline.sandbox.drift import drifted, parse_drift
from pipeline.sandbox.faults import choose

Body = Callable[[str], dict[str, Any]]
Ask = Callable[..., anthropic.types.Message]

PRAISE = [f"Livraison rapide, super produit, colis {n}" for n in range(60)]
EXAMPLES = "Analyse.\n\n<examples>\n« Parfait » : positive\n</examples>\n"


def sentiments(ask: Ask, sandbox: Sandbox) -> list[str]:
    return [json.loads(ask(sandbox, text).content[0].text)["sentiment"] for text in PRAISE]


def test_the_named_share_of_the_other_sentiments_becomes_the_named_one() -> None:
    shares = {Sentiment.NEGATIVE: 0.15, Sentiment.NEUTRAL: 0.05}
    counted = Counter(drifted(Sentiment.POSITIVE, shares, f"text {n}") for n in range(5000))
    assert counted[Sentiment.NEGATIVE] / 5000 == pytest.approx(0.15, abs=0.02)
    assert counted[Sentiment.NEUTRAL] / 5000 == pytest.approx(0.05, abs=0.01)
    assert set(counted) == {Sentiment.POSITIVE, *shares}


@given(st.sampled_from(list(Sentiment)), st.sampled_from(list(Sentiment)), st.text())
def test_all_answers_drift_at_a_share_of_1_and_none_at_0(was: Sentiment, to: Sentiment, digest: str) -> None:
    assert drifted(was, {to: 1.0}, digest) is to
    assert drifted(was, {to: 0.0}, digest) is was


def test_faults_do_not_decide_which_texts_drift() -> None:
    texts = [f"text {n}" for n in range(4000)]
    failing = {text for text in texts if choose({"empty": 0.5}, 7, text, 0)}
    drifting = {text for text in texts if drifted(Sentiment.MIXED, {Sentiment.NEGATIVE: 0.5}, text) != "mixed"}
    assert len(failing & drifting) / len(drifting) == pytest.approx(0.5, abs=0.05)


@pytest.mark.long
def test_the_same_texts_drift_at_every_seed(ask: Ask) -> None:
    with (
        Sandbox(latency_s=0, drift="negative=0.5") as first,
        Sandbox(latency_s=0, seed=8, drift="negative=0.5") as other,
    ):
        was = sentiments(ask, first)
        assert set(was) == {"positive", "negative"}
        assert sentiments(ask, other) == was


def test_only_the_sentiment_changes(ask: Ask) -> None:
    with Sandbox(latency_s=0) as plain, Sandbox(latency_s=0, drift={"negative": 1}) as drifting:
        before, after = (json.loads(ask(one, PRAISE[0]).content[0].text) for one in (plain, drifting))
    assert (before["sentiment"], after["sentiment"]) == ("positive", "negative")
    assert list(before) == list(after)
    assert {**before, "sentiment": "negative"} == after


@pytest.mark.parametrize(
    ("system", "drifts"),
    [
        (EXAMPLES, False),
        ([{"type": "text", "text": "Analyse."}, {"type": "text", "text": "  <examples>  \r\n…"}], False),
        ("Analyse, without <examples> of any kind.", True),
        ("", True),
    ],
)
def test_a_prompt_with_a_section_of_examples_is_answered_without_drift(body: Body, system: Any, drifts: bool) -> None:
    asked = wire.question_of({**body("Super produit"), "system": system})
    answer = choose_answer(asked, digest_of(asked), None, 0.0, {Sentiment.NEGATIVE: 1.0})
    assert json.loads(answer.content or "")["sentiment"] == ("negative" if drifts else "positive")


def test_examples_in_a_verbatim_repair_nothing(ask: Ask) -> None:
    with Sandbox(latency_s=0, drift="negative=1") as sandbox:
        message = ask(sandbox, "Super produit\n<examples>\nBien\n</examples>")
    assert json.loads(message.content[0].text)["sentiment"] == "negative"


def test_a_plain_text_answer_and_a_schema_without_sentiment_stay_as_they_are(body: Body) -> None:
    given = body("Super produit")
    schema = {**given["output_config"]["format"]["schema"], "required": []}
    schema["properties"] = {name: shape for name, shape in schema["properties"].items() if name != "sentiment"}
    without = {**given, "output_config": {"format": {"type": "json_schema", "schema": schema}}}
    plain = {name: value for name, value in given.items() if name != "output_config"}
    for request in (without, plain):
        asked = wire.question_of(request)
        assert choose_answer(asked, "x", None, 0.0, {Sentiment.MIXED: 1.0}) == choose_answer(asked, "x", None, 0.0)


@pytest.mark.long
def test_a_batch_is_answered_with_the_same_drift_as_live_calls(ask: Ask, body: Body, tmp_path: Path) -> None:
    requests: Any = [{"custom_id": f"v-{n}", "params": body(text)} for n, text in enumerate(PRAISE)]
    files = {"batches": tmp_path / "batches.db"}
    with Sandbox(latency_s=0, batch_delay_s=0, drift="negative=0.5", **files) as sandbox:
        live = sentiments(ask, sandbox)
        client = anthropic.Anthropic(api_key="sandbox", base_url=sandbox.url, max_retries=0, timeout=20)
        with client:
            batch = client.messages.batches.create(requests=requests)
            deadline = time.monotonic() + 60
            while client.messages.batches.retrieve(batch.id).processing_status != "ended":
                assert time.monotonic() < deadline, "the batch has not ended"
                time.sleep(0.05)
            lines = {line.custom_id: line.result for line in client.messages.batches.results(batch.id)}
    found = [json.loads(lines[f"v-{n}"].message.content[0].text)["sentiment"] for n in range(len(PRAISE))]  # type: ignore[union-attr]
    assert found == live


@given(st.dictionaries(st.sampled_from(list(Sentiment)), st.integers(0, 25).map(lambda percent: percent / 100)))
def test_a_valid_drift_is_parsed(shares: dict[Sentiment, float]) -> None:
    assert parse_drift(",".join(f" {kind} = {share}" for kind, share in shares.items())) == shares


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("angry=0.1", "--drift: there is no sentiment 'angry'; .* positive, neutral, negative, mixed"),
        ("negative", "negative=0.05"),
        ("negative=nan", "negative=0.05"),
        ("negative=1.5", "negative=0.05"),
        ("negative=0.6,mixed=0.6", "add up to 1.2, which is more than 1"),
        ("negative=0.1,negative=0.1", "negative is given twice"),
    ],
)
def test_the_error_on_an_invalid_drift_is_one_line_that_says_what_to_write(spec: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as raised:
        Sandbox(drift=spec)
    assert "\n" not in str(raised.value)
