"""The whole journey: five functions named after the stages, and one that calls them in order.

Each stage reads what the one before it left in the store and leaves its own. Each may run again: same rows,
nothing paid twice. Airflow's tasks call the same five. What they work with is built in `session.py`.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from itertools import islice

from pipeline import clean as cleaning
from pipeline import load as loading
from pipeline.analyse.analyser import Analyser
from pipeline.analyse.claude import Claude
from pipeline.analyse.dispatch import Dispatcher
from pipeline.analyse.live import analyse as send
from pipeline.analyse.policy import FINAL_OUTCOMES, is_worth_retrying
from pipeline.batch_journey import analyse_in_batches, collect_batches, send_batches, under_way
from pipeline.delivery import deliver
from pipeline.errors import BudgetUsedUp, CheckFailed, Interrupted, SettingsError, TransientError, VerbatimsError
from pipeline.events import LoadFailed, TaskEnded, VerbatimSkipped
from pipeline.program import next_command
from pipeline.progress import Advance
from pipeline.records import AnalyserRecord, LoadError, Stage
from pipeline.session import Session, price_of
from pipeline.signals import Drain
from pipeline.source.history import NO_HISTORY, CrawlHistory
from pipeline.source.source import Source
from pipeline.store import Decision, Reopened, RunCounts
from pipeline.watching import describe, watch

NAMED_PLACES = 10
"""Records that a message names."""


@dataclass(frozen=True)
class Result:
    """What a whole run came to."""

    run_id: str
    counts: RunCounts
    loaded: int
    duration_s: float


def run(
    session: Session, source: Source, limit: int | None = None, *, batch: bool = False, retry_failed: bool = False
) -> Result:
    """Scrape, clean, analyse, load, publish. `limit` takes the first so many records; the rest is as in `analyse`.

    Raises InputError where too little was found; AccessDenied, TransientError or Interrupted where the work did not
    reach its end: what is done by then is stored, and the same call goes on.
    """
    started = time.monotonic()
    run_id = _begin(session, source.name)
    with session.observer.stage("run", run_id) as trace:
        if trace:
            session.store.runs.set_trace(run_id, trace)
        scrape(session, run_id, source, limit)
        clean(session, run_id)
        analyse(session, run_id, batch=batch, retry_failed=retry_failed)
        loaded = load(session, run_id)
        counts = publish(session, run_id)
    return Result(run_id, counts, loaded, time.monotonic() - started)


def start_run(session: Session, name: str, day: date | None = None) -> str:
    """Note a run whose stages come one by one, each in a process of its own, or find the one of that day.

    Returns its id. `name` says what is read. The run of a UTC day holds the verbatims first seen on that day.
    """
    run_id = _begin(session, name, day)
    if session.store.runs.trace(run_id) is None and (trace := session.observer.run(run_id)):
        session.store.runs.set_trace(run_id, trace)
    return run_id


def scrape(session: Session, run_id: str, source: Source | None, limit: int | None = None) -> None:
    """Take in what a source gives; texts are repaired and masked before anything is stored.

    Without a source a day's run takes what the store has of that day: a day gone by cannot be read again.
    """
    with _stage(session, Stage.SCRAPE, run_id) as stage:
        if source is not None:
            _read(session, run_id, source, limit, stage.advance)
        session.store.texts.attach_day(run_id, unanswered_too=source is not None)


def clean(session: Session, run_id: str) -> int:
    """Decide which verbatims are worth a call, and keep the reason of those that are not; returns how many are."""
    with _stage(session, Stage.CLEAN, run_id) as stage:
        for page in session.store.texts.uncleaned(run_id):
            decisions = [
                Decision(text.text_id, text.source, cleaning.reason(text.text, duplicate=text.duplicate))
                for text in page
            ]
            for skipped in session.store.texts.decide(run_id, decisions):
                if skipped.reason is not None:
                    session.observer.emit(VerbatimSkipped(skipped.source, skipped.reason))
            stage.advance(len(page), 0.0)
    return session.store.texts.count_pending(run_id)


def analyse(session: Session, run_id: str, *, batch: bool = False, retry_failed: bool = False) -> int:
    """One call to Claude for each unanswered text; returns how many are still without an outcome.

    `batch`: in Message Batches, at half the price, which are waited for. `retry_failed`: first, texts of the run that
    have failed for good become unanswered again, if they may do better now.
    Those without an outcome met a passing error: asking again may help. Ctrl-C and SIGTERM let what is in flight come
    back, then raise Interrupted; the same once more ends the process.
    """
    analyser = session.analyser(run_id)
    if any(session.store.texts.uncleaned(run_id)):
        raise SettingsError(f"run {run_id} is not cleaned yet: `verbatims clean --run {run_id}` comes before analyse")
    if retry_failed:
        session.progress.say(_reopened(session.store.retries.reopen(run_id, analyser.key, is_worth_retrying)))
    pending = session.store.texts.count_pending(run_id)
    with _stage(session, Stage.ANALYSE, run_id, pending) as stage:
        if batch:
            analyse_in_batches(session, run_id, analyser.record, stage.advance)
        elif pending:
            with _collector_works_less():
                asyncio.run(_analyse(session, run_id, analyser, stage.advance))
    if held := session.store.texts.count_in_batches(run_id):
        session.progress.say(f"batches that are under way hold {held} texts: `{next_command('collect')}` brings them")
    return session.store.texts.count_pending(run_id)


def send_or_collect(session: Session, run_id: str, *, sends: bool) -> tuple[list[str], bool]:
    """A step of `analyse` in batches that does not wait.

    Returns the ids of batches that Claude is working on, and whether the budget may pay for more once they have ended.
    What has ended is stored, of whatever run. `sends`: then all that is pending in this run is sent, if none of its
    batches is under way. Raises BudgetUsedUp where it pays for nothing.
    """
    analyser, pending, more = session.analyser(run_id), session.store.texts.count_pending(run_id), False
    with _stage(session, Stage.ANALYSE, run_id, pending) as stage:
        collect_batches(session, stage.advance, wait=False)
        if sends and not session.store.open_batches(run_id):
            try:
                send_batches(session, run_id, analyser.record, stage.advance)
            except BudgetUsedUp:
                if not (more := bool(session.store.open_batches(run_id))):
                    raise
    return under_way(session), more


def load(session: Session, run_id: str, *, again: bool = False) -> int:
    """Bring the rows that the warehouse lacks, of this run and of any other; returns how many of this run's it holds.

    `again`: all of this run's rows, whatever the warehouse has been sent.
    """
    with _stage(session, Stage.LOAD, run_id) as stage:
        if again:
            session.store.deliveries.make_due(run_id)
        try:
            with closing(session.open_warehouse()) as warehouse:
                delivered = deliver(session.store, warehouse, stage.advance, session.progress.say)
        except (TransientError, SettingsError):
            session.observer.emit(LoadFailed(LoadError.JOB_FAILED))
            session.store.runs.note_failed_load(run_id)
            raise
        session.store.runs.note_load(run_id, refused=len(delivered.rejected))
        for _ in delivered.rejected:
            session.observer.emit(LoadFailed(LoadError.ROW_REFUSED))
        for other, rows in sorted(delivered.by_run.items()):
            if other != run_id:
                session.progress.say(f"also brought: {rows} rows of run {other}")
    return session.store.runs.count_held(run_id)


def publish(session: Session, run_id: str) -> RunCounts:
    """The run has come to its end: from now on its rows may be relied on. Returns what it came to.

    Raises CheckFailed where the warehouse does not hold what it should; the run is not ended then.
    """
    with _stage(session, Stage.PUBLISH, run_id) as stage:
        counts = session.store.runs.count_rows(run_id)
        with closing(session.open_warehouse()) as warehouse:
            findings = loading.check(warehouse, run_id, asdict(counts), datetime.now(UTC).date())
        stage.check_warnings = 0
        for finding in findings:
            if not finding.fails:
                stage.check_warnings += 1
                session.progress.say(f"warning: check {finding.said}")
        if failed := [finding.said for finding in findings if finding.fails]:
            session.store.deliveries.make_due(run_id)  # rows that are not there come with the next load
            where = f"run {run_id} is not published, since {warehouse.name} fails a check"
            raise CheckFailed(f"{where}: {'; '.join(failed)}")
        session.store.runs.finish(run_id)
        stage.advance(counts.read, 0.0)
        watch_model(session, session.analyser(run_id).record)
    return session.store.runs.count(run_id).settled(session.store.texts.count_in_batches(run_id))


def watch_model(session: Session, analyser: AnalyserRecord) -> None:
    """Judge what the model answered last night, and say what is strange. A failure of it fails nothing else."""
    try:
        for source, verdict in watch(session.store, analyser):
            session.progress.say(f"warning: model: {describe(source, verdict)}")
    except Exception as error:  # broad: rows that are loaded and checked stay published
        session.progress.say(f"warning: the model's charts are not judged: unexpected {type(error).__name__}")


def report(
    session: Session,
    stage: Stage,
    run_id: str,
    succeeded: bool,
    duration_s: float,
    check_warnings: int | None = None,
) -> None:
    """Report how a stage went, for the Pushgateway. For a stage of several tasks, the task after them calls it."""
    counts = session.store.runs.count(run_id)
    failed = sum(counts.failed.values())
    publishes = stage is Stage.PUBLISH
    session.observer.emit(
        TaskEnded(
            dag_id=session.task.dag_id,
            task_id=stage.value,
            try_number=session.task.try_number,
            succeeded=succeeded,
            duration_s=duration_s,
            verbatims={
                "analysed": counts.analysed,
                "from_cache": counts.from_cache,
                "skipped": sum(counts.skipped.values()),
                "failed": failed,
                "pending": counts.pending,
            },
            cost_usd=counts.cost_usd if stage is Stage.ANALYSE else 0.0,  # or the sum over tasks would count it twice
            errors=failed + counts.load_refused + (not succeeded),
            check_warnings=check_warnings,
            next_start=session.task.next_start if publishes else None,
            deadline=session.task.deadline if publishes else None,
        )
    )


def _begin(session: Session, name: str, day: date | None = None) -> str:
    # a file may be named after the person whose words it holds
    return session.store.runs.start(session.settings.mode, cleaning.mask(name), day)


@dataclass
class _Running:
    """A stage that goes on."""

    advance: Advance
    check_warnings: int | None = None


@contextmanager
def _stage(session: Session, stage: Stage, run_id: str, total: int | None = None) -> Iterator[_Running]:
    """Around a stage: its span, its bar, and what it leaves in the Pushgateway, also when it fails."""
    began = time.monotonic()
    succeeded = False
    trace = session.store.runs.trace(run_id)
    with session.observer.stage(stage.value, run_id, trace), session.progress.stage(stage.value, total) as advance:
        running = _Running(advance)
        try:
            yield running
            succeeded = True
        finally:
            if not session.task.shared:
                with suppress(VerbatimsError):  # a store that is gone has said so already
                    report(session, stage, run_id, succeeded, time.monotonic() - began, running.check_warnings)


def _read(session: Session, run_id: str, source: Source, limit: int | None, advance: Advance) -> None:
    # the sandbox's site has another address each time, and a demo repeated is to show all of it
    history: CrawlHistory = NO_HISTORY if session.settings.sandbox else session.store.crawls(run_id)
    known = session.store.texts.compare(islice(source.again(cleaning.prepare), limit))
    intake = session.store.texts.add(run_id, islice(source.reviews(history, cleaning.prepare), limit), known)
    for read in intake:
        advance(read, 0.0)
    if intake.replaced:
        session.progress.say(_replaced(intake.replaced))
    for strange in source.finish(history):
        session.progress.say(f"warning: {strange}")


def _replaced(positions: list[int]) -> str:
    places = ", ".join(map(str, positions[:NAMED_PLACES])) + (" and others" if len(positions) > NAMED_PLACES else "")
    one = len(positions) == 1
    return (
        f"{len(positions)} text{'' if one else 's'} replaced {'an older one' if one else 'older ones'}: record {places}"
    )


def _reopened(found: Reopened) -> str:
    said = "1 failed verbatim is asked again" if found.again == 1 else f"{found.again} failed verbatims are asked again"
    if found.stay:
        said += f", {found.stay} would fail in the same way and stay{'s' if found.stay == 1 else ''}"
    return said + (f", {found.held} left to others who ask just now" if found.held else "")


@contextmanager
def _collector_works_less() -> Iterator[None]:
    """The garbage collector leaves modules and classes alone while calls go on, and runs after 10,000 objects at least.

    The first saves a tenth of the CPU, the second three hundredths: CPython 3.11 runs it after 700, 3.14 after 2000.
    """
    before = gc.get_threshold()
    try:
        gc.freeze()
        if before[0]:  # 0: somebody has switched it off
            gc.set_threshold(max(10_000, before[0]), *before[1:])
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


async def _analyse(session: Session, run_id: str, analyser: Analyser, advance: Advance) -> None:
    settings = session.settings
    claims = session.store.claims(run_id, analyser.record, FINAL_OUTCOMES, session.budget)
    async with session.connect() as client:
        claude = Claude(client, analyser, price_of(settings))
        async with Dispatcher(
            claims,
            analyser.key,
            claude.worst_usd,
            session.observer,
            advance,
            session.progress.say,
            page=settings.concurrency,
            patience_s=settings.store_patience_s,
        ) as work:
            with Drain(work.stop, session.progress.say).listening() as drain:
                await send(work, claude, session.observer, settings.concurrency, settings.retry_s)
    if drain.asked:
        raise Interrupted("interrupted: everything that was in flight is stored")
