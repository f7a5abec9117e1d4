"""Waits for batches and stores their results. Safe to repeat at any point, by any process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from pipeline.analyse.batch_api import ApiError, RemoteBatch
from pipeline.analyse.batch_body import text_id_of
from pipeline.analyse.batch_sending import Desk
from pipeline.analyse.judge import NOT_THE_SHAPE, Judge
from pipeline.analyse.policy import ERROR_CODES, INVALID_REQUEST, Breaker, Step, fatal, next_step
from pipeline.batching import BatchState, OpenBatch
from pipeline.claiming import CompletedRequest, Unanswered
from pipeline.errors import TransientError, VerbatimsError
from pipeline.events import BatchCollected, SuccessRatioRead
from pipeline.observer import RequestSpan
from pipeline.records import Ask, Attempt, Outcome

PAGE = 200
"""Results stored in one transaction."""

UNKNOWN_FOR_S = 600.0
"""For so long after its creation the API may not know a batch."""

MOST_LOOKS = 4
"""How often an API that does not answer is asked how a batch stands, where nobody waits for the batch."""

MOST_READINGS = 6
"""How often results are read that break off."""

_ERRORS = {
    "invalid_request_error": "http_400",
    "authentication_error": "http_401",
    "billing_error": "http_402",
    "permission_error": "http_403",
    "not_found_error": "http_404",
    "request_too_large": "http_413",
    "rate_limit_error": "http_429",
    "timeout_error": "http_504",
    "overloaded_error": "http_529",
}
"""How an attempt names the error of a result; any other is http_500."""


def is_young(batch: OpenBatch) -> bool:
    """Whether the API may not know it yet."""
    return batch.sent_at is not None and (datetime.now(UTC) - batch.sent_at).total_seconds() < UNKNOWN_FOR_S


class Collector:
    """Stores what came of the batches of one run."""

    def __init__(self, desk: Desk, judge: Judge) -> None:
        self._desk = desk
        self._judge = judge
        self._breaker = Breaker()
        self._unanswered = False
        """Whether the API does not answer just now, which is said once."""
        self._fatal: VerbatimsError | None = None
        self._tripped: VerbatimsError | None = None

    @property
    def stopped(self) -> VerbatimsError | None:
        """Why nothing more should be sent, if results say so."""
        return self._fatal or self._tripped

    async def collect(self, batch: OpenBatch, *, patient: bool) -> bool:
        """Store the results of a batch that has ended and delete it at Claude's side; False while it goes on.

        Raises TransientError where the API does not answer; what was stored by then stays stored. `patient`: an API
        that does not say how the batch stands is asked again later, as one that goes on.
        """
        desk = self._desk
        assert batch.claude_id is not None
        if batch.state is BatchState.SENT:
            remote = await self._remote(batch, patient=patient)
            if remote is None or not remote.ended:
                return False
            await self._store_all(batch, remote)
        if await desk.thread.run(desk.store.is_open, batch.batch):
            await self._delete(batch)
        return True

    async def _remote(self, batch: OpenBatch, *, patient: bool) -> RemoteBatch | None:
        """How it stands; None while the API does not know it yet, or does not answer for a moment."""
        assert batch.claude_id is not None
        for number in range(1, MOST_LOOKS + 1):
            try:
                remote = await self._desk.api.retrieve(batch.claude_id)
            except ApiError as error:
                if not error.passing:
                    await self._absent(batch, error)
                    return None
                cause = error.cause or error.error
            else:
                self._unanswered = False
                return remote
            if patient:
                self._say_unanswered(cause)
                return None
            if number < MOST_LOOKS:
                await self._desk.wait(2.0**number)
        raise TransientError(f"Claude's API does not say how batch {batch.claude_id} stands: {cause}")

    def _say_unanswered(self, cause: str) -> None:
        if not self._unanswered:
            self._desk.say(f"Claude's API does not answer ({cause}): asking again until it does")
        self._unanswered = True

    async def _absent(self, batch: OpenBatch, error: ApiError) -> None:
        """Raises why no wait helps; returns where the batch may show later, or another process has deleted it."""
        if error.error == "http_404":
            if is_young(batch) or not await self._desk.thread.run(self._desk.store.is_open, batch.batch):
                return
            raise TransientError(
                f"Claude's API does not know batch {batch.claude_id}: look at it in Claude's Console; "
                f"`verbatims cancel --batch {batch.claude_id}` gives its texts up"
            ) from None
        if reason := fatal(error.error, self._desk.analyser.model):
            raise reason from None
        raise TransientError(f"Claude's API says nothing of batch {batch.claude_id}: {error.error}") from None

    async def _store_all(self, batch: OpenBatch, remote: RemoteBatch) -> None:
        """Read the results until all are there: a stream may break off, and what was stored before is left out."""
        reading = _Reading(self._desk, self._judge, batch, remote)
        for number in range(1, MOST_READINGS + 1):
            try:
                if await reading.read():
                    break
                cause = "they break off"
            except ApiError as error:
                cause = error.cause or error.error
                if not await self._desk.thread.run(self._desk.store.is_open, batch.batch):
                    return  # another process has stored all of it, and deleted it
            if number == MOST_READINGS:
                raise TransientError(f"the results of batch {batch.claude_id} cannot be read: {cause}")
            await self._desk.wait(min(2.0**number, 30.0))
        for attempt in reading.last_attempts:
            self._tripped = self._breaker.note(attempt) or self._tripped
            self._fatal = self._fatal or fatal(attempt.error, attempt.model)
        if not self._breaker.trips():  # a small batch may fail as a whole, and the next one succeed
            self._tripped = None
        await self._tell(batch, remote)
        self._desk.say(f"batch {batch.claude_id}: {reading.words()}")

    async def _tell(self, batch: OpenBatch, remote: RemoteBatch) -> None:
        """Note that all is stored; what is measured of a batch is told by the first process to note it."""
        if not await self._desk.thread.run(self._desk.store.note_collected, batch.batch):
            return
        turnaround_s = ((remote.ended_at or datetime.now(UTC)) - remote.created_at).total_seconds()
        self._desk.observer.emit(BatchCollected(max(turnaround_s, 0.0)))
        ratio = await self._desk.thread.run(self._desk.store.success_ratio)
        if ratio is not None:
            self._desk.observer.emit(SuccessRatioRead(ratio))

    async def _delete(self, batch: OpenBatch) -> None:
        """Texts and answers go at Claude's side, too."""
        assert batch.claude_id is not None
        try:
            await self._desk.api.delete(batch.claude_id)
        except ApiError as error:
            raise TransientError(
                f"batch {batch.claude_id} is stored, and Claude's API does not delete it "
                f"({error.cause or error.error}): `verbatims collect` tries again"
            ) from None
        await self._desk.thread.run(self._desk.store.close, batch.batch)


class _Reading:
    """The results of one batch, on their way into the store."""

    def __init__(self, desk: Desk, judge: Judge, batch: OpenBatch, remote: RemoteBatch) -> None:
        self._desk = desk
        self._judge = judge
        self._batch = batch
        self._remote = remote
        self._ended_at = remote.ended_at or datetime.now(UTC)
        self._invalid: dict[int, Mapping[str, Any]] = {}
        """Results that say that a request is invalid: final only beside good answers."""
        self._answered = False
        self._stored = 0
        self._freed = 0
        self._failed = Counter[str]()
        """Errors of results."""
        self._input_tokens = 0
        self._cached_tokens = 0
        self.last_attempts: list[Attempt] = []
        """The first so many attempts, for the breaker."""

    async def read(self) -> bool:
        """Read all results and store them; returns whether they were complete."""
        page: dict[int, Mapping[str, Any]] = {}
        seen = 0
        assert self._batch.claude_id is not None
        async for line in self._desk.api.results(self._batch.claude_id):
            seen += 1
            text_id = text_id_of(str(line.get("custom_id")), self._batch.batch)
            if text_id is not None and isinstance(line.get("result"), dict):
                page[text_id] = line["result"]
            if len(page) >= PAGE:
                await self._store(page)
                page = {}
        await self._store(page)
        if seen < self._remote.requests:
            return False
        await self._store(self._invalid, judged=True)
        # texts without a result: they cost nothing
        self._freed += await self._desk.thread.run(self._desk.store.free, self._batch.batch)
        return True

    def words(self) -> str:
        """What came of them."""
        again = f", {self._freed} were not worked on and can be asked again" if self._freed else ""
        stored = "1 result" if self._stored == 1 else f"{self._stored} results"
        failed = ""
        if self._failed:
            [(error, _)] = self._failed.most_common(1)
            failed = f", {self._failed.total()} of them errors, most {error}"
        cached = ""
        if self._input_tokens:
            cached = f", {self._cached_tokens / self._input_tokens:.0%} of the input from the prompt cache"
        return f"{stored} stored{failed}{again}{cached}"

    async def _store(self, results: Mapping[int, Mapping[str, Any]], *, judged: bool = False) -> None:
        """Store a page. Results of texts that the batch does not hold any more are stored already."""
        held = await self._desk.thread.run(self._desk.store.held, self._batch.batch, list(results))
        ended: list[tuple[CompletedRequest, RequestSpan]] = []
        freed: list[int] = []
        for text_id, unanswered in held.items():
            result = results[text_id]
            if result.get("type") in ("canceled", "expired"):
                freed.append(text_id)
            elif _error_of(result) in INVALID_REQUEST and not judged:
                self._invalid[text_id] = result
            else:
                ended.append(self._completed(unanswered, result))
        await self._commit(ended)
        if freed:
            self._freed += await self._desk.thread.run(self._desk.store.free, self._batch.batch, freed)

    async def _commit(self, ended: list[tuple[CompletedRequest, RequestSpan]]) -> None:
        if not ended:
            return
        desk, completed = self._desk, [one for one, _ in ended]
        news = await desk.thread.run(desk.store.commit, self._batch.batch, completed, self._ended_at)
        with desk.observer.together():
            for (one, call), analysed in zip(ended, news, strict=True):
                call.committed(one.attempts[-1])
                if analysed is not None:
                    desk.observer.emit(analysed)
        for [attempt] in (one.attempts for one in completed):
            self._input_tokens += attempt.input_tokens
            self._cached_tokens += attempt.cached_tokens or 0
            if attempt.error is not None:
                self._failed[attempt.error] += 1
            desk.advance(1, attempt.cost_usd)
        self._stored += len(ended)

    def _completed(self, unanswered: Unanswered, result: Mapping[str, Any]) -> tuple[CompletedRequest, RequestSpan]:
        key = unanswered.request_key or ""
        ask = Ask(unanswered.verbatim_id, unanswered.text, key, unanswered.source, unanswered.text_id)
        attempt = self._attempt(unanswered.text, result)
        self._answered |= attempt.outcome is Outcome.ANALYSED
        if len(self.last_attempts) < PAGE:
            self.last_attempts.append(attempt)
        with self._desk.observer.call(ask, self._batch.trace_parent or "") as call:
            call.answered(attempt)
        step = next_step([attempt], run_has_answers=self._answered, earlier=unanswered.earlier)
        return CompletedRequest(ask, (attempt,), call.trace_id, step is Step.FINAL), call

    def _attempt(self, text: str, result: Mapping[str, Any]) -> Attempt:
        """The result as an attempt. It began when the batch was made."""
        created = self._remote.created_at
        lasted = max((self._ended_at - created).total_seconds(), 0.0)
        outcome = Outcome.FAILED
        more: dict[str, Any] = {"error": _error_of(result) or "bad_response"}
        if result.get("type") == "succeeded":
            with suppress(*NOT_THE_SHAPE):
                outcome, more = self._judge.judge(result["message"], text)
        return Attempt(outcome, self._desk.analyser.model, created, lasted, **more)


def _error_of(result: Mapping[str, Any]) -> str | None:
    """The error of a result; None for one that is no error."""
    if result.get("type") != "errored":
        return None
    inner = result.get("error")
    error = inner.get("error") if isinstance(inner, dict) else None
    if not isinstance(error, dict):
        return "http_500"
    details = error.get("details")
    code = details.get("error_code") if isinstance(details, dict) else None
    return code if code in ERROR_CODES else _ERRORS.get(str(error.get("type")), "http_500")
