"""The contract of an answer: what Claude is asked to give, and what is accepted as given."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from pipeline.records import Analysis, JsonError, NewTopic, Sentiment

Phrase = Annotated[
    str,
    BeforeValidator(
        lambda text: text.replace("\0", "").strip() if isinstance(text, str) else text
    ),  # Postgres takes no NUL
    StringConstraints(min_length=1, max_length=20_000),
]
"""At most as long as the longest text that is analysed: no answer may grow a row without limit."""


class NewTopicAnswer(BaseModel):
    """A theme of the verbatim that no listed topic covers."""

    model_config = ConfigDict(extra="forbid")

    label: Phrase = Field(description="Two to four words naming the theme, in the verbatim's language.")
    definition: Phrase = Field(description="One sentence saying what belongs to the theme.")
    quote: Phrase = Field(description="The words of the verbatim that show it, copied exactly, at most 15 words.")


class Answer(BaseModel):
    """The analysis of one verbatim."""

    model_config = ConfigDict(extra="forbid")

    summary: Phrase = Field(
        description="One sentence of at most 30 words, in the verbatim's language, with nothing that it does not say."
    )
    sentiment: Sentiment = Field(
        description="Overall feeling: positive, negative, mixed when both are clearly there, neutral when neither is."
    )
    topics: list[str] = Field(
        max_length=200, description="Ids of the listed topics that the verbatim speaks of; empty if none."
    )
    new_topics: list[NewTopicAnswer] = Field(
        max_length=20, description="At most two themes that no listed topic covers; empty in most cases."
    )


class Unreadable(Exception):
    """The answer breaks the contract; `reason` says how."""

    def __init__(self, reason: JsonError) -> None:
        super().__init__(reason.value)
        self.reason = reason


def schema(topics: list[str]) -> dict[str, Any]:
    """The JSON schema sent with each request: `topics` as a closed list, nothing beyond the named fields.

    Structured outputs accept types, enums and required fields; every other constraint stands in a description.
    """
    base = Answer.model_json_schema()
    new_topic = base["$defs"]["NewTopicAnswer"]
    fields = base["properties"]
    return _object(
        {
            "summary": _plain(fields["summary"]),
            "sentiment": {
                "type": "string",
                "enum": [s.value for s in Sentiment],
                "description": fields["sentiment"]["description"],
            },
            "topics": {
                "type": "array",
                "items": {"type": "string", "enum": topics},
                "description": fields["topics"]["description"],
            },
            "new_topics": {
                "type": "array",
                "items": _object({name: _plain(field) for name, field in new_topic["properties"].items()}),
                "description": fields["new_topics"]["description"],
            },
        }
    )


def parse_answer(raw: str, text: str, topics: frozenset[str]) -> Analysis:
    """Validate an answer to `text`.

    Raises Unreadable: not JSON, not the contract's shape, a topic outside the list, or a quote that is
    not in the text. Quotes are compared without regard to case, blanks and kind of apostrophe.
    """
    try:
        answer = Answer.model_validate_json(raw)
    except ValidationError as error:
        invalid = any(detail["type"] == "json_invalid" for detail in error.errors(include_input=False))
        raise Unreadable(JsonError.INVALID_JSON if invalid else JsonError.WRONG_SHAPE) from None
    if not topics.issuperset(answer.topics):
        raise Unreadable(JsonError.WRONG_SHAPE)
    haystack = _comparable(text)
    if any(_comparable(topic.quote) not in haystack for topic in answer.new_topics):
        raise Unreadable(JsonError.QUOTE_NOT_IN_TEXT)
    return Analysis(
        summary=answer.summary,
        sentiment=answer.sentiment,
        topics=tuple(dict.fromkeys(answer.topics)),
        new_topics=tuple(NewTopic(t.label, t.definition, t.quote) for t in answer.new_topics),
    )


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _plain(field: dict[str, Any]) -> dict[str, Any]:
    return {"type": "string", "description": field["description"]}


def _comparable(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).replace("’", "'").casefold().split())
