"""Who asks Claude what: leases on request keys, and the commits that end them.

Several processes share one store without ever paying for one text twice: a key is asked by whoever holds its
lease; everyone else waits for the answer.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from pipeline.claiming import LEASE_S, ClaimResult, CompletedRequest
from pipeline.events import VerbatimAnalysed
from pipeline.records import Analysis, Ask, Attempt, Outcome, Sentiment
from pipeline.store.database import Database, insert_ignoring
from pipeline.store.erasure import erased_key, lock_rows
from pipeline.store.tables import answers, calls, claims, readings, topics, verbatims


class Claims:
    """The claims of one process, for one run."""

    def __init__(
        self, database: Database, run_id: str, prompt_version: str, final_outcomes: Collection[Outcome]
    ) -> None:
        """An identical text whose last attempt ended with one of `final_outcomes` is not asked again."""
        self._database = database
        self._final = {outcome.value for outcome in final_outcomes}
        self._run_id = run_id
        self._prompt_version = prompt_version
        self._host = socket.gethostname()
        self._pid = os.getpid()
        self.owner = f"{self._host}:{self._pid}:{secrets.token_hex(4)}"

    def pending(self, after: int, limit: int) -> list[tuple[int, str, str]]:
        """The run's next verbatims to analyse behind row `after`: (row, verbatim id, text)."""
        query = (
            sa.select(verbatims.c.row, verbatims.c.verbatim_id, verbatims.c.text)
            .join(readings, readings.c.row == verbatims.c.row)
            .where(readings.c.run_id == self._run_id, verbatims.c.kept, verbatims.c.outcome.is_(None))
            .where(verbatims.c.row > after, ~verbatims.c.superseded, verbatims.c.text.is_not(None))
            .order_by(verbatims.c.row)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [(found.row, found.verbatim_id, found.text) for found in connection.execute(query)]

    def take(self, asks: Sequence[Ask]) -> ClaimResult:
        """Claim what is unclaimed, settle what has an answer, leave the rest waiting."""
        with self._database.write() as connection:
            return self._take(connection, asks)

    def commit(self, ended: Sequence[CompletedRequest]) -> list[VerbatimAnalysed | None]:
        """Store ended calls in one transaction and give their claims back.

        For each: what the metrics say of the verbatim, or None where its outcome was committed before or it
        has none (a failure that the next run repeats).
        """
        with self._database.write() as connection:
            erased = self._erased(connection, [one.ask for one in ended])
            return [self._commit(connection, one, one.ask.row in erased) for one in ended]

    def renew(self) -> None:
        """Move the end of every lease of this process."""
        with self._database.write() as connection:
            expires = self._database.now(connection) + LEASE_S
            connection.execute(sa.update(claims).where(claims.c.owner == self.owner).values(expires_at=expires))

    def release(self) -> None:
        """Give back what was claimed and never sent."""
        with self._database.write() as connection:
            connection.execute(sa.delete(claims).where(claims.c.owner == self.owner))

    def success_ratio(self) -> float | None:
        """Valid answers ÷ ended attempts of the run over all processes; None before the first."""
        good = sa.func.sum(sa.case((calls.c.outcome == Outcome.ANALYSED.value, 1), else_=0))
        query = sa.select(good, sa.func.count()).where(calls.c.run_id == self._run_id)
        with self._database.read() as connection:
            analysed, ended = connection.execute(query).one()
        return analysed / ended if ended else None

    def _take(self, connection: sa.Connection, asks: Sequence[Ask]) -> ClaimResult:
        keys = {ask.request_key for ask in asks}
        self._lock(connection, keys)
        held = self._held(connection, keys)
        known = self._known(connection, asks, keys - held)
        failed = self._failures(connection, keys - held)
        open_rows = self._open_rows(connection, asks)
        mine: list[Ask] = []
        waiting: list[Ask] = []
        settled: list[VerbatimAnalysed | None] = []
        for ask in asks:
            key = ask.request_key
            if ask.row not in open_rows:
                continue
            if key in known:
                settled.append(self._settle(connection, ask, known[key]))
            elif key in failed:
                self._close(connection, ask, failed[key])
            elif key in held:
                waiting.append(ask)
            else:
                held.add(key)
                mine.append(ask)
        self._claim(connection, mine)
        finished = len(asks) - len(mine) - len(waiting)
        return ClaimResult(tuple(mine), tuple(waiting), tuple(s for s in settled if s), finished)

    def _lock(self, connection: sa.Connection, keys: set[str]) -> None:
        """On SQLite the write transaction is lock enough; on Postgres two claims of one key must queue."""
        if not self._database.sqlite:
            for key in sorted(keys):
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(int(key[:15], 16))))

    def _held(self, connection: sa.Connection, keys: set[str]) -> set[str]:
        """Keys with a living claim; dead ones are removed."""
        now = self._database.now(connection)
        found = connection.execute(sa.select(claims).where(claims.c.request_key.in_(keys))).all()
        dead = [c.request_key for c in found if c.expires_at < now or self._is_dead(c.owner, c.host, c.pid)]
        if dead:
            connection.execute(sa.delete(claims).where(claims.c.request_key.in_(dead)))
        return {c.request_key for c in found} - set(dead)

    def _is_dead(self, owner: str, host: str, pid: int) -> bool:
        """A process of this machine that is gone need not be waited for.

        An owner with our own number is one, too: a container starts again as the same host and process 1.
        """
        if host != self._host or owner == self.owner:
            return False
        if pid == self._pid:
            return True
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False

    def _known(self, connection: sa.Connection, asks: Sequence[Ask], keys: set[str]) -> dict[str, Any]:
        """Good answers to these requests. Locks verbatims before answers, as erasure does: this avoids deadlock."""
        found = set(
            connection.execute(sa.select(answers.c.request_key).where(answers.c.request_key.in_(keys))).scalars()
        )
        if not found:
            return {}
        connection.execute(lock_rows([ask.row for ask in asks if ask.request_key in found]))
        return self._answers(connection, found)

    def _answers(self, connection: sa.Connection, keys: set[str]) -> dict[str, Any]:
        """Good answers, locked against erasure until this transaction has referred to them."""
        query = sa.select(answers).where(answers.c.request_key.in_(keys)).order_by(answers.c.request_key)
        query = query.with_for_update(read=True, key_share=True)
        return {found.request_key: found for found in connection.execute(query)}

    def _failures(self, connection: sa.Connection, keys: set[str]) -> dict[str, str]:
        """How each key failed for good, if it did: by its last attempt."""
        query = sa.select(calls.c.request_key, calls.c.outcome).where(calls.c.request_key.in_(keys))
        last = {found.request_key: found.outcome for found in connection.execute(query.order_by(calls.c.call))}
        return {key: outcome for key, outcome in last.items() if outcome in self._final}

    def _open_rows(self, connection: sa.Connection, asks: Sequence[Ask]) -> set[int]:
        """Rows that still need an answer: edited and forgotten texts are not sent."""
        query = sa.select(verbatims.c.row).where(
            verbatims.c.row.in_([ask.row for ask in asks]), verbatims.c.outcome.is_(None), verbatims.c.text.is_not(None)
        )
        return set(connection.execute(query).scalars())

    def _erased(self, connection: sa.Connection, asks: Sequence[Ask]) -> set[int]:
        """Those whose text was erased while they were in flight, locked."""
        return {one.row for one in connection.execute(lock_rows([ask.row for ask in asks])) if one.erased}

    def _claim(self, connection: sa.Connection, asks: Sequence[Ask]) -> None:
        if not asks:
            return
        expires = self._database.now(connection) + LEASE_S
        who = {"owner": self.owner, "host": self._host, "pid": self._pid, "expires_at": expires}
        connection.execute(sa.insert(claims), [{"request_key": ask.request_key, **who} for ask in asks])

    def _commit(self, connection: sa.Connection, ended: CompletedRequest, erased: bool) -> VerbatimAnalysed | None:
        made = [self._call(ended, attempt) for attempt in ended.attempts]
        if erased:  # what was paid counts; what was answered may not be kept
            made = [{**call, "raw": None, "request_key": erased_key(ended.ask.row)} for call in made]
        connection.execute(sa.insert(calls), made)
        ours = (claims.c.request_key == ended.ask.request_key) & (claims.c.owner == self.owner)
        connection.execute(sa.delete(claims).where(ours))
        if erased:
            return None
        last = ended.attempts[-1]
        if last.analysis is not None:
            connection.execute(insert_ignoring(connection, answers).values(self._answer(ended, last, last.analysis)))
            known = self._answers(connection, {ended.ask.request_key})
            return self._settle(connection, ended.ask, known[ended.ask.request_key])
        if ended.final:
            self._close(connection, ended.ask, last.outcome.value)
        return None

    def _settle(self, connection: sa.Connection, ask: Ask, answer: Any) -> VerbatimAnalysed | None:
        """Give a verbatim its answer; None when somebody has done so before."""
        values = {"outcome": Outcome.ANALYSED.value, "answer_key": answer.request_key, "run_id": self._run_id}
        undecided = (verbatims.c.row == ask.row) & verbatims.c.outcome.is_(None)
        changed = connection.execute(
            sa.update(verbatims)
            .where(undecided)
            .values(values)
            .returning(verbatims.c.row, verbatims.c.source, verbatims.c.characters)
        ).one_or_none()
        if changed is None:
            return None
        found = {(t["label"], t["quote"]): {"row": ask.row, **t} for t in json.loads(answer.new_topics)}
        if found:
            connection.execute(sa.insert(topics), list(found.values()))
        return VerbatimAnalysed(changed.source, Sentiment(answer.sentiment), changed.characters, len(found))

    def _close(self, connection: sa.Connection, ask: Ask, outcome: str) -> None:
        undecided = (verbatims.c.row == ask.row) & verbatims.c.outcome.is_(None)
        connection.execute(sa.update(verbatims).where(undecided).values(outcome=outcome, run_id=self._run_id))

    def _call(self, ended: CompletedRequest, attempt: Attempt) -> dict[str, Any]:
        return {
            "run_id": self._run_id,
            "row": ended.ask.row,
            "request_key": ended.ask.request_key,
            "outcome": attempt.outcome.value,
            "json_error": attempt.json_error.value if attempt.json_error else None,
            "error": attempt.error,
            "model": attempt.model,
            "input_tokens": attempt.input_tokens,
            "output_tokens": attempt.output_tokens,
            "cost_usd": attempt.cost_usd,
            "sent_at": attempt.sent_at.isoformat(timespec="microseconds"),
            "duration_s": attempt.duration_s,
            "raw": attempt.raw,
            "trace_id": ended.trace_id,
        }

    def _answer(self, ended: CompletedRequest, attempt: Attempt, analysis: Analysis) -> dict[str, Any]:
        return {
            "request_key": ended.ask.request_key,
            "run_id": self._run_id,
            "row": ended.ask.row,
            "summary": analysis.summary,
            "sentiment": analysis.sentiment.value,
            "topics": json.dumps(analysis.topics),
            "new_topics": json.dumps([asdict(topic) for topic in analysis.new_topics], ensure_ascii=False),
            "model": attempt.model,
            "prompt_version": self._prompt_version,
            "trace_id": ended.trace_id,
            "analysed_at": attempt.sent_at.isoformat(timespec="microseconds"),
        }
