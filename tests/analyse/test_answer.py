"""An answer follows the contract, or is unreadable for a named reason."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.analyse.answer import Unreadable, parse_answer, schema
from pipeline.records import Analysis, JsonError

TEXT = "La livraison est lente, mais l’emballage cadeau est très joli."
TOPICS = frozenset({"delivery", "price"})


def answer(**changes: Any) -> str:
    good = {"summary": "Livraison lente.", "sentiment": "mixed", "topics": ["delivery"], "new_topics": []}
    return json.dumps(good | changes)


def new_topic(quote: str) -> dict[str, str]:
    return {"label": "emballage cadeau", "definition": "Tout sur les cadeaux.", "quote": quote}


def test_a_good_answer_becomes_an_analysis() -> None:
    analysis = parse_answer(answer(topics=["delivery", "delivery"]), TEXT, TOPICS)
    assert (analysis.summary, analysis.sentiment, analysis.topics) == ("Livraison lente.", "mixed", ("delivery",))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("not json", JsonError.INVALID_JSON),
        (answer()[:-5], JsonError.INVALID_JSON),
        ("[]", JsonError.WRONG_SHAPE),
        (answer(sentiment="angry"), JsonError.WRONG_SHAPE),
        (answer(summary=" "), JsonError.WRONG_SHAPE),
        (answer(topics=["weather"]), JsonError.WRONG_SHAPE),
        (answer(extra=1), JsonError.WRONG_SHAPE),
        (answer(summary="long " * 5000), JsonError.WRONG_SHAPE),
        (answer(topics=["delivery"] * 201), JsonError.WRONG_SHAPE),
        (answer(new_topics=[new_topic("très joli")] * 21), JsonError.WRONG_SHAPE),
        (answer(new_topics=[new_topic("emballage de fête")]), JsonError.QUOTE_NOT_IN_TEXT),
    ],
)
def test_a_broken_answer_has_its_reason(raw: str, reason: JsonError) -> None:
    with pytest.raises(Unreadable) as error:
        parse_answer(raw, TEXT, TOPICS)
    assert error.value.reason is reason


def test_a_quote_may_differ_in_case_whitespace_and_apostrophe() -> None:
    assert parse_answer(answer(new_topics=[new_topic("L'Emballage  cadeau")]), TEXT, TOPICS).new_topics


def test_characters_that_databases_reject_are_removed() -> None:
    assert parse_answer(answer(summary="Livraison \x00lente."), TEXT, TOPICS).summary == "Livraison lente."


@given(st.text() | st.binary().map(lambda b: b.decode("latin-1")))
def test_any_answer_is_an_analysis_or_unreadable(raw: str) -> None:
    with contextlib.suppress(Unreadable):
        assert isinstance(parse_answer(raw, TEXT, TOPICS), Analysis)


def test_every_object_of_the_schema_is_closed() -> None:
    sent = schema(["delivery"])
    assert sent["additionalProperties"] is False
    assert sent["properties"]["new_topics"]["items"]["additionalProperties"] is False
    assert sent["properties"]["topics"]["items"]["enum"] == ["delivery"]
