"""What becomes of texts: attempts, answers, analyses, and which analysis of a text is the current one.

Everything here is written for a group: a handful of statements, however many verbatims it has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache, lru_cache
from typing import Any

import sqlalchemy as sa

from pipeline.claiming import CompletedRequest
from pipeline.events import VerbatimAnalysed
from pipeline.records import AnalyserRecord, Analysis, Ask, Attempt, Length, Sentiment
from pipeline.store.database import Database, insert_ignoring, insert_of
from pipeline.store.deliveries import raise_due
from pipeline.store.predicates import GOOD
from pipeline.store.tables import analyses, answers, attempts, texts
from pipeline.store.totals import BATCHED, Tally, Total

UNKNOWN = "unknown"
"""The language of a verbatim of which neither its source nor its text tells one."""


def lock_texts(connection: sa.Connection, ids: Sequence[int]) -> dict[int, Any]:
    """Texts for the rest of the transaction, by number; everybody locks them in this order."""
    found = connection.execute(_LOCKED, {"ids": list(ids)}) if ids else ()
    return {text.text_id: text for text in found}


# statements of a commit are built once: for a group of 35 building them took as long as running them
_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_LOCKED = (
    sa.select(texts.c.text_id, texts.c.verbatim_id, texts.c.current, texts.c.erased)
    .where(texts.c.text_id.in_(_IDS))
    .order_by(texts.c.text_id)
    # FOR NO KEY UPDATE: inserting a row that refers to a text must not wait for it
    .with_for_update(key_share=True)
)
_KNOWN = (
    sa.select(answers)
    .where(answers.c.request_key.in_(sa.bindparam("keys", expanding=True)))
    .order_by(answers.c.request_key)
    # FOR KEY SHARE: erasure, which deletes answers, waits; others who refer to them do not
    .with_for_update(read=True, key_share=True)
)
_MADE_CURRENT = (
    sa.update(texts)
    .where(texts.c.text_id.in_(_IDS), texts.c.current.is_(None))
    .where(analyses.c.text_id == texts.c.text_id, analyses.c.analyser == sa.bindparam("by"), analyses.c.outcome == GOOD)
    .values(current=analyses.c.analysis_id)
    .returning(texts.c.text_id, texts.c.verbatim_id, texts.c.source, texts.c.characters, texts.c.language)
)


@cache
def _keeping_the_first_good(dialect: str) -> Any:
    """An INSERT of analyses: an analyser's first good answer stays, and replaces a failure."""
    statement = insert_of(dialect, analyses)
    given = statement.excluded
    changed = {"outcome": given.outcome, "request_key": given.request_key, "run_id": given.run_id}
    heals = (analyses.c.outcome != GOOD) & (given.outcome == GOOD)
    return statement.on_conflict_do_update(index_elements=["text_id", "analyser"], set_=changed, where=heals)


class Analyses:
    """The analyses that one run makes with one analyser."""

    def __init__(
        self, database: Database, run_id: str, analyser: AnalyserRecord, *, counts: bool, purpose: str | None = None
    ) -> None:
        """`counts`: a good analysis becomes the current one of a text that has none. In a re-analysis it does not.

        `purpose`: as in runs.
        """
        self._database = database
        self._run_id = run_id
        self._analyser = analyser
        self._counts = counts
        self._purpose = purpose

    def add(
        self, connection: sa.Connection, ended: Sequence[CompletedRequest], batch: str | None = None
    ) -> dict[int, VerbatimAnalysed]:
        """Store ended requests, of a batch or asked live; returns, by text, what is now analysed for the first time."""
        if not ended:
            return {}
        locked = lock_texts(connection, [one.ask.text_id for one in ended])
        erased = {text_id for text_id, found in locked.items() if found.erased}
        # first what was paid: it counts whatever becomes of the answers
        self._add_attempts(connection, ended, erased, batch)
        kept = [one for one in ended if one.ask.text_id not in erased]
        good = [one for one in kept if one.attempts[-1].analysis is not None]
        known = self._add_answers(connection, good)
        told = self.settle(connection, [one.ask for one in good], known, tally_of(ended, live=batch is None))
        if len(told) < len(good):
            self._drop_unused(connection, known)
        self.close(
            connection,
            [
                (one.ask.text_id, one.attempts[-1].outcome.value)
                for one in kept
                if one.final and one.attempts[-1].analysis is None
            ],
        )
        return told

    def stored_before(
        self, connection: sa.Connection, ended: Sequence[CompletedRequest]
    ) -> dict[int, VerbatimAnalysed | None]:
        """Those that are stored already, as where no word came of a commit: text → what `add` returned of it."""
        sent = {one.ask.text_id: _instant(one.attempts[-1]) for one in ended}
        stored = self._sent_before(connection, ended)
        answered = (
            sa.select(texts.c.text_id, texts.c.source, texts.c.characters, texts.c.language)
            .add_columns(answers.c.sentiment, answers.c.topics, answers.c.new_topics, answers.c.analysed_at)
            .join(analyses, analyses.c.analysis_id == texts.c.current)
            .join(answers, answers.c.request_key == analyses.c.request_key)
            .where(texts.c.text_id.in_(stored))
        )
        told = {
            found.text_id: count(Tally(), found, found)
            for found in connection.execute(answered)
            if found.analysed_at == sent[found.text_id]
        }
        return {text_id: told.get(text_id) for text_id in stored}

    def _sent_before(self, connection: sa.Connection, ended: Sequence[CompletedRequest]) -> set[int]:
        """Texts of these whose attempts are stored."""
        sent = {one.ask.text_id: _instant(one.attempts[-1]) for one in ended}
        query = sa.select(attempts.c.text_id, attempts.c.sent_at).where(attempts.c.text_id.in_(sent))
        return {found.text_id for found in connection.execute(query) if sent[found.text_id] == found.sent_at}

    def settle(
        self, connection: sa.Connection, asks: Sequence[Ask], known: Mapping[str, Any], tally: Tally | None = None
    ) -> dict[int, VerbatimAnalysed]:
        """Give texts, locked by the caller, the good answers to their requests; `tally` is written with it."""
        tally = tally or Tally()
        by_text = {ask.text_id: known[ask.request_key] for ask in asks}
        self._insert(connection, [(text_id, GOOD, answer.request_key) for text_id, answer in by_text.items()])
        moved = self._make_current(connection, list(by_text)) if by_text and self._counts else []
        told = {found.text_id: count(tally, found, by_text[found.text_id]) for found in moved}
        raise_due(self._database, connection, [found.verbatim_id for found in moved])
        tally.write(connection, self._run_id, self._database.process)
        return told

    def close(self, connection: sa.Connection, failed: Sequence[tuple[int, str]]) -> None:
        """Note outcomes that stand without an answer: (text, outcome)."""
        self._insert(connection, [(text_id, outcome, None) for text_id, outcome in failed])

    def known_answers(self, connection: sa.Connection, keys: set[str]) -> dict[str, Any]:
        """Good answers to these requests, locked against erasure until this transaction has referred to them."""
        found = connection.execute(_KNOWN, {"keys": list(keys)}) if keys else ()
        return {answer.request_key: answer for answer in found}

    def _make_current(self, connection: sa.Connection, ids: Sequence[int]) -> Sequence[Any]:
        """The one statement that decides which transaction counts a verbatim as analysed."""
        return connection.execute(_MADE_CURRENT, {"ids": list(ids), "by": self._analyser.fingerprint}).all()

    def _insert(self, connection: sa.Connection, rows: Sequence[tuple[int, str, str | None]]) -> None:
        made = {"analyser": self._analyser.fingerprint, "run_id": self._run_id}
        if rows:
            connection.execute(
                _keeping_the_first_good(connection.dialect.name),
                [
                    {"text_id": text_id, "outcome": outcome, "request_key": key, **made}
                    for text_id, outcome, key in rows
                ],
            )

    def _add_attempts(
        self, connection: sa.Connection, ended: Sequence[CompletedRequest], erased: set[int], batch: str | None
    ) -> None:
        """What was paid counts; of a text that was erased meanwhile, what was answered may not be kept."""
        rows = [self._attempt(one, attempt) | {"batch": batch} for one in ended for attempt in one.attempts]
        gone = {"raw": None, "request_key": None}
        connection.execute(sa.insert(attempts), [row | gone if row["text_id"] in erased else row for row in rows])

    def _add_answers(self, connection: sa.Connection, good: Sequence[CompletedRequest]) -> dict[str, Any]:
        """The answers that count: where another process was quicker, its own."""
        if not good:
            return {}
        # sorted: two groups that share keys take their locks in one order
        rows = [self._answer(one, one.attempts[-1]) for one in sorted(good, key=lambda one: one.ask.request_key)]
        known: dict[str, Any] = {}
        while missing := [row for row in rows if row["request_key"] not in known]:
            # an erasure may delete a shared answer while this transaction waits for it: then it is inserted anew
            connection.execute(insert_ignoring(connection, answers), missing)
            known |= self.known_answers(connection, {row["request_key"] for row in missing})
        return known

    def _drop_unused(self, connection: sa.Connection, known: Mapping[str, Any]) -> None:
        """No answer stays that no analysis refers to: erasure would not find it."""
        unused = ~sa.exists().where(analyses.c.request_key == answers.c.request_key)
        connection.execute(sa.delete(answers).where(answers.c.request_key.in_(sorted(known)), unused))

    def _attempt(self, ended: CompletedRequest, attempt: Attempt) -> dict[str, Any]:
        return {
            "run_id": self._run_id,
            "text_id": ended.ask.text_id,
            "analyser": self._analyser.fingerprint,
            "request_key": ended.ask.request_key,
            "outcome": attempt.outcome.value,
            "json_error": attempt.json_error.value if attempt.json_error else None,
            "error": attempt.error,
            "model": attempt.model,
            "input_tokens": attempt.input_tokens,
            "output_tokens": attempt.output_tokens,
            "cached_tokens": attempt.cached_tokens,
            "thinking_tokens": attempt.thinking_tokens,
            "cost_usd": attempt.cost_usd,
            "sent_at": _instant(attempt),
            "duration_s": attempt.duration_s,
            "retried": ",".join(attempt.retried) or None,
            "raw": attempt.raw,
            "trace_id": ended.trace_id,
            "waited_s": attempt.waited_s,
            "maybe_usd": attempt.maybe_usd,
            "refusal": attempt.refusal,
            "purpose": self._purpose,
        }

    def _answer(self, ended: CompletedRequest, attempt: Attempt) -> dict[str, Any]:
        analysis = attempt.analysis
        assert isinstance(analysis, Analysis)
        return {
            "request_key": ended.ask.request_key,
            "run_id": self._run_id,
            "text_id": ended.ask.text_id,
            "summary": analysis.summary,
            "sentiment": analysis.sentiment.value,
            "topics": json.dumps(analysis.topics),
            "new_topics": json.dumps([asdict(topic) for topic in analysis.new_topics], ensure_ascii=False),
            "model": attempt.model,
            "prompt_version": self._analyser.prompt_version,
            "trace_id": ended.trace_id,
            "analysed_at": _instant(attempt),
        }


def _instant(attempt: Attempt) -> str:
    return attempt.sent_at.isoformat(timespec="microseconds")


def tally_of(ended: Sequence[CompletedRequest], *, live: bool = True) -> Tally:
    """What these attempts add to the totals. Only those that were asked live say how long a call takes."""
    tally = Tally()
    for source, attempt in ((one.ask.source, attempt) for one in ended for attempt in one.attempts):
        tally.add(Total.ATTEMPTS, attempt.outcome.value, "" if live else BATCHED, amount=attempt.duration_s * live)
        tally.add(Total.INPUT_TOKENS, source, n=attempt.input_tokens)
        tally.add(Total.OUTPUT_TOKENS, source, n=attempt.output_tokens)
        tally.add(Total.COST_USD, source, amount=attempt.cost_usd)
        if attempt.json_error:
            tally.add(Total.JSON_ERRORS, attempt.json_error.value)
    return tally


@lru_cache(maxsize=1000)
def _topics(listed: str) -> list[str]:
    """Cached: few lists of topics make most answers."""
    return sorted(set(json.loads(listed)))


def count(tally: Tally, text: Any, answer: Any) -> VerbatimAnalysed:
    """A text that is analysed for the first time: into the totals, and for the metrics."""
    # a label is counted once per quote that shows it; most answers name none
    named = json.loads(answer.new_topics) if answer.new_topics != "[]" else ()
    new_topics = len({(topic["label"], topic["quote"]) for topic in named})
    tally.add(Total.ANALYSED, text.source, answer.sentiment)
    tally.add(Total.LENGTHS, Length.of(text.characters).value)
    tally.add(Total.LANGUAGES, text.language or UNKNOWN)
    for topic in _topics(answer.topics):
        tally.add(Total.TOPICS, topic)
    if new_topics:
        tally.add(Total.NEW_TOPICS, n=new_topics)
    return VerbatimAnalysed(text.source, Sentiment(answer.sentiment), text.characters, new_topics)
