"""The sentinel: the same texts asked again each week, to see whether the model still answers as it was accepted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipeline import journey as stages
from pipeline.analyse.analyser import Analyser
from pipeline.analyser_series import series_of
from pipeline.cost_range import Range
from pipeline.dry_run import MOST_COUNTED, Sample, cost_of
from pipeline.errors import InputError, TransientError
from pipeline.evaluate.sample import allocate
from pipeline.evaluate.sentinel import LEAST_ASKED, LEAST_PAIRS, flip_limit
from pipeline.evaluate.verdict import Verdict
from pipeline.records import AnalyserRecord, Sentiment, Signal
from pipeline.session import Session, analyser_of, price_of
from pipeline.store import ACCEPTANCE, WEEKLY, Flips, SentinelRun, SentinelSet
from pipeline.watching import judge_flips

ROUNDS = 3
"""How often each text is asked again on acceptance: with 300 texts, 900 pairs with the first answer."""

WEEK = timedelta(days=6)
"""A question that was begun longer ago is not this week's. A day less than seven, since a DAG may start late."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an acceptance comes to."""

    texts: int
    calls: int
    """Fewer than three for each text where an interrupted one goes on."""
    cost: Range
    """In USD."""
    replaces: int
    """Texts of an accepted set that goes."""

    @property
    def warning(self) -> str | None:
        """What the person may not have wanted."""
        few = f"So few never alarm: {-(-LEAST_PAIRS // ROUNDS)} texts are needed." if self._is_small else ""
        gone = f"The accepted set of {self.replaces} texts and its answers go." if self.replaces else ""
        return " ".join(filter(None, (gone, few))) or None

    @property
    def _is_small(self) -> bool:
        return self.texts * ROUNDS < LEAST_PAIRS


@dataclass(frozen=True, slots=True)
class Asked:
    """What a week's question came to."""

    flips: Flips
    limit: int | None
    """More flips than this alarm; None where the acceptance has too few pairs."""
    verdict: Verdict


def plan(session: Session, size: int, *, batch: bool = False) -> Plan:
    """What an acceptance asks and costs; it draws and stores nothing.

    One that was interrupted goes on with its texts, whatever the size. Raises InputError where there are too few
    analysed texts of the settings' analyser.
    """
    there = _interrupted(session)
    texts = there.texts if there else sum(_sizes(session, size).values())
    # texts that were erased since have left the set, but not the pairs
    calls = max(1, texts * ROUNDS - (there.pairs.asked if there else 0))
    accepted = session.store.sentinel.set() if there is None else None
    return Plan(texts, calls, _cost(session, calls, batch=batch), accepted.texts if accepted else 0)


def accept(session: Session, size: int, *, batch: bool = False) -> SentinelSet:
    """Draw the set and ask each text three more times; what differs from its first answer the model does by itself.

    Interrupted, the same call goes on. Raises as `plan` and as `journey.analyse`, and TransientError where texts are
    left without an outcome.
    """
    if _interrupted(session) is None:
        _draw(session, _sizes(session, size))
    while run_id := _begin(session, ACCEPTANCE, ROUNDS):
        if left := stages.analyse(session, run_id, batch=batch):
            raise TransientError(f"{left} of the sentinel's texts have no answer yet, and it is not accepted")
        session.store.runs.finish(run_id)
    return _set(session)


def ask(session: Session, *, batch: bool = False, since: datetime | None = None) -> Asked:
    """This week's question. One that was interrupted goes on, and one that was asked after `since` is not asked again.

    Raises InputError where no set is accepted.
    """
    require_accepted(session)
    if run_id := _unanswered(session, since):
        stages.analyse(session, run_id, batch=batch)
        session.store.runs.finish(run_id)
    return judged(session)


def send_or_collect(session: Session, *, sends: bool, since: datetime) -> list[str]:
    """A step of `ask` in batches that does not wait; returns the ids of batches that Claude is working on.

    `sends`: also what is pending, if none is under way.
    """
    run_id = _unanswered(session, since)
    return stages.send_or_collect(session, run_id, sends=sends)[0] if run_id else []


def end(session: Session, since: datetime) -> Asked:
    """The last batch was collected: what the question came to."""
    if run_id := _unanswered(session, since):
        session.store.runs.finish(run_id)
    return judged(session)


def judged(session: Session) -> Asked:
    """What the last question came to. Raises InputError where there was none."""
    chosen = _set(session)
    last, verdict = session.store.sentinel.last(chosen.series), judge_flips(session.store)
    if last is None or verdict is None:
        raise InputError("the sentinel was not asked yet: `verbatims sentinel ask`")
    pairs = chosen.pairs
    known = pairs.asked >= LEAST_PAIRS and last.asked >= LEAST_ASKED
    return Asked(last, flip_limit(last.asked, pairs.flips / pairs.asked) if known else None, verdict)


def require_accepted(session: Session) -> None:
    """Raises InputError where there is no accepted set of the analyser that the settings define."""
    there = session.store.sentinel.set()
    if there is None or not _is_accepted(session.store.sentinel.runs(ACCEPTANCE)):
        raise InputError("no sentinel is accepted yet: `verbatims sentinel accept` draws its texts")
    if there.series != _series(_record(session)):
        raise InputError(
            "the sentinel was accepted with another model, prompt or way of thinking than the settings name: "
            "`verbatims sentinel accept` draws it anew"
        )


def _set(session: Session) -> SentinelSet:
    there = session.store.sentinel.set()
    if there is None:
        raise InputError("no sentinel is accepted yet: `verbatims sentinel accept` draws its texts")
    return there


def _is_accepted(done: list[SentinelRun]) -> bool:
    return len(done) >= ROUNDS and all(one.has_ended for one in done)


def _interrupted(session: Session) -> SentinelSet | None:
    """The set of an acceptance that has not come to its end."""
    there = session.store.sentinel.set()
    if there is None or there.series != _series(_record(session)):
        return None
    return None if _is_accepted(session.store.sentinel.runs(ACCEPTANCE)) else there


def _sizes(session: Session, size: int) -> dict[tuple[str, str], int]:
    """(source, sentiment) → texts to draw."""
    found = session.store.sentinel.strata(_series(_record(session)))
    populations = {(source, Sentiment(one)): n for (source, one), n in found.items()}
    if sum(populations.values()) < LEAST_ASKED:
        raise InputError(
            f"{sum(populations.values())} verbatims whose current answer is by the analyser of the settings, and whose "
            f"words are there: a sentinel needs {LEAST_ASKED}"
        )
    return {(source, one.value): n for (source, one), n in allocate(populations, size).items()}


def _draw(session: Session, sizes: dict[tuple[str, str], int]) -> None:
    series = _series(_record(session))
    session.store.sentinel.draw(series, sizes, datetime.now(UTC).toordinal(), ROUNDS)
    # what the former texts have shown is answered by the new acceptance: its alert ends
    session.store.nights.judge(series, [], [Signal.SENTINEL.value])


def _cost(session: Session, calls: int, *, batch: bool) -> Range:
    """Of so many calls, about texts as long as the series' texts are on average."""
    record = _record(session)
    price = price_of(session.settings, batch=batch, model=record.model)
    texts, mean = session.store.sentinel.words(_series(record), MOST_COUNTED)
    sample, past = Sample.of(texts, calls, round(mean * calls)), session.store.past_calls(record.fingerprint)
    analyser = Analyser(record, session.settings.max_tokens)
    return cost_of(sample, past, analyser, price, session.count_tokens, session.settings.concurrency)[0]


def _unanswered(session: Session, since: datetime | None) -> str | None:
    """The question that goes on, or a new one; None where one was asked after `since` and has ended.

    A question that was left open in a former week ends with the answers that it has.
    """
    asked = session.store.sentinel.runs(WEEKLY)
    week_ago = datetime.now(UTC) - WEEK
    for old in asked:
        if not old.has_ended and old.started_at < week_ago:
            session.store.runs.finish(old.run_id)
    is_done = since is not None and any(one.has_ended and one.started_at >= since for one in asked)
    return None if is_done else _begin(session, WEEKLY)


def _begin(session: Session, purpose: str, most: int | None = None) -> str | None:
    """The run of this purpose that is open, or a new one; None where `most` have ended."""
    there = session.store.sentinel.runs(purpose)
    if open_ones := [one.run_id for one in there if not one.has_ended]:
        return open_ones[-1]
    if most is not None and len(there) >= most:
        return None
    return session.store.sentinel.start(stages.start_run(session, "the sentinel"), _record(session), purpose, most)


def _record(session: Session) -> AnalyserRecord:
    return analyser_of(session.settings, session.store).record


def _series(record: AnalyserRecord) -> str:
    return series_of(record.fingerprint, record.definition)
