"""What the sandbox's Claude answers to a question: content, stop reason and thinking, or a faulty answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.records import Outcome, Sentiment
from pipeline.sandbox import wire
from pipeline.sandbox.analyst import analyse, summary
from pipeline.sandbox.drift import drifted
from pipeline.sandbox.faults import Fault, draw

MIN_THINKING, MAX_THINKING = 200, 2000
"""Tokens of thinking. claude-haiku-5-5 takes some 500 for most texts, up to 2000."""

REFUSAL_CATEGORIES = ("general_harms", "cyber", None)

_THINKING_BY_EFFORT = {"low": 1 / 3, "medium": 1.0, "high": 2.0, "xhigh": 2.0, "max": 2.0}

_INVENTED_TOPIC = {
    "label": "Thème inventé",
    "definition": "Personne n'en parle.",
    "quote": "« inventé par le sandbox »",
}


@dataclass(frozen=True, slots=True)
class BilledAnswer:
    """An answer with status 200, which is billed."""

    content: str | None
    stop_reason: str
    outcome: Outcome
    thinking_tokens: int = 0
    category: str | None = None
    """Of a refusal."""

    @property
    def output_tokens(self) -> int:
        """All output tokens, thinking included."""
        return max(1, self.thinking_tokens + wire.tokens(self.content or ""))


def _thinking_tokens(asked: wire.Question, digest: str) -> int:
    """Tokens of thinking, the same for the same text.

    At medium effort half of the texts take fewer than 425, a quarter over 900.
    """
    if not asked.thinks:
        return 0
    thinking = MIN_THINKING + (MAX_THINKING - MIN_THINKING) * draw("thinking", digest) ** 3
    return round(thinking * _THINKING_BY_EFFORT[asked.effort])


def choose_answer(
    asked: wire.Question,
    digest: str,
    fault: Fault | None,
    variant: float,
    drift: Mapping[str, float] | None = None,
) -> BilledAnswer:
    """The answer to send. Thinking counts towards `max_tokens` and comes first, so it can leave no room for text.

    `digest` is that of the verbatim; `variant` from 0 to 1 chooses the way in which an answer is unreadable.
    `drift` are shares by sentiment, from `drift.parse_drift`; they do not apply to a request with examples.
    """
    thinking = _thinking_tokens(asked, digest)
    if fault is Fault.EMPTY:
        return BilledAnswer(None, "end_turn", Outcome.EMPTY, min(thinking, asked.max_tokens))
    if fault is Fault.REFUSED:
        return _refusal(min(thinking, asked.max_tokens), digest)
    room = asked.max_tokens - thinking
    content = _content(asked, digest, {} if asked.has_examples else drift or {})
    if room <= 0:
        return BilledAnswer(None, "max_tokens", Outcome.TRUNCATED, asked.max_tokens)
    if fault is Fault.TRUNCATED:
        return BilledAnswer(content[: len(content) // 2], "max_tokens", Outcome.TRUNCATED, thinking)
    if fault is Fault.UNREADABLE:
        # without a schema there is no JSON to alter, so only the first variant is possible
        broken = _unreadable(content, variant if asked.schema else 0.0)
        return BilledAnswer(broken, "end_turn", Outcome.UNREADABLE, thinking)
    if wire.tokens(content) > room:
        return BilledAnswer(content[: room * wire.CHARACTERS_PER_TOKEN], "max_tokens", Outcome.TRUNCATED, thinking)
    return BilledAnswer(content, "end_turn", Outcome.ANALYSED, thinking)


def _refusal(thinking: int, digest: str) -> BilledAnswer:
    category = REFUSAL_CATEGORIES[int(draw("refusal", digest) * len(REFUSAL_CATEGORIES))]
    return BilledAnswer(None, "refusal", Outcome.REFUSED, thinking, category)


def _content(asked: wire.Question, digest: str, drift: Mapping[str, float]) -> str:
    """JSON with the fields of the request's schema, or plain text without a schema."""
    if asked.schema is None:
        return f"(sandbox) {summary(asked.verbatim)}"
    answer = analyse(asked.verbatim, asked.topics)
    answer["sentiment"] = drifted(Sentiment(answer["sentiment"]), drift, digest).value
    unknown = set(asked.schema.get("required", [])) - set(answer)
    if unknown:
        words = f"output_config.format.schema: the sandbox has no answer for {', '.join(sorted(unknown))}"
        raise wire.Rejected(400, "invalid_request_error", words)
    return json.dumps(
        {name: answer[name] for name in asked.schema.get("properties", {}) if name in answer}, ensure_ascii=False
    )


def _unreadable(content: str, variant: float) -> str:
    """The answer broken in one of three ways: invalid JSON, another shape, a quote that is not in the text."""
    if variant < 1 / 3:
        return f"Voici l'analyse demandée :\n{content[:-1]},"
    answer = json.loads(content)
    if variant < 2 / 3:
        answer = {"analysis": answer, "sentiment": "enthousiaste"}
    else:
        answer["new_topics"] = [_INVENTED_TOPIC]
    return json.dumps(answer, ensure_ascii=False)
