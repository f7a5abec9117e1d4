"""Asks another analyser about texts that are analysed already, and makes its answers the current ones on request."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from pipeline import journey as stages
from pipeline.analyse.analyser import Analyser
from pipeline.cost_range import Range
from pipeline.delivery import deliver
from pipeline.dry_run import MOST_COUNTED, Sample, cost_of
from pipeline.errors import InputError
from pipeline.events import VerbatimAnalysed
from pipeline.program import next_command
from pipeline.records import AnalyserRecord
from pipeline.session import Session, analyser_of, price_of
from pipeline.store import ALL, RESERVED, AnalyserShown, Touched, Wanted

CURRENT, SETTINGS = RESERVED


@dataclass(frozen=True, slots=True)
class Plan:
    """What a re-analysis would come to."""

    analyser: AnalyserRecord
    wanted: Wanted
    touched: Touched
    cost: Range
    """In USD."""

    @property
    def words(self) -> str:
        """For the person who decides."""
        if not self.touched.asked:
            return f"{self.touched.texts} texts, all answered already: nothing to pay."
        known = self.touched.texts - self.touched.asked
        also = f", {known} are answered already" if known else ""
        return f"{self.touched.asked} texts are asked, about ${self.cost.low:.2f} to ${self.cost.high:.2f}{also}."


def resolve(session: Session, word: str) -> AnalyserShown:
    """The analyser that a word means: a name, the beginning of a fingerprint, `current`, or `settings`.

    Raises InputError where there is none.
    """
    if word == SETTINGS:
        record = analyser_of(session.settings, session.store).record
        session.store.analysers.note(record)
        word = record.fingerprint
    if word == CURRENT:
        found = session.store.analysers.all()
        if not found or not found[0].rows:
            raise InputError("current: nothing is analysed yet; `verbatims run` begins")
        return found[0]
    return session.store.analysers.find(word)


def record_of(session: Session, shown: AnalyserShown) -> AnalyserRecord:
    """The analyser's whole definition. Raises InputError where an older version stored only its name."""
    record = session.store.analysers.record(shown.fingerprint)
    if record is None:
        raise InputError(f"{shown.shown_as}: its definition is not known any more, so that nobody can ask it again")
    return record


def plan(session: Session, record: AnalyserRecord, wanted: Wanted = ALL, *, batch: bool = False) -> Plan:
    """What a re-analysis touches and costs; Claude counts the tokens of some texts, which is free."""
    touched = session.store.reanalyses.count(record, wanted)
    cost = _cost(session, record, wanted, touched, batch=batch) if touched.asked else Range(0.0, 0.0)
    return Plan(record, wanted, touched, cost)


def reanalyse(session: Session, planned: Plan, *, batch: bool = False) -> str:
    """Ask, within the budget; returns the run, whose counts say what came of it. Current analyses stay.

    Raises as `journey.analyse`; the same call goes on with what is not answered.
    """
    run_id = stages.start_run(session, f"re-analysis by {planned.analyser.fingerprint[:12]}")
    session.store.reanalyses.start(run_id, planned.analyser, planned.wanted)
    stages.analyse(session, run_id, batch=batch)
    session.store.runs.finish(run_id)
    return run_id


def accept(session: Session, shown: AnalyserShown) -> int:
    """Make the analyser's answers the current ones, and bring the rows that change; returns how many were brought.

    Counters change only for texts that no analyser had answered before. The charts judge this analyser from now on.
    """
    for news in session.store.reanalyses.accept(shown.fingerprint):
        _tell(session, news)
    session.store.analysers.note_accepted(shown.fingerprint)
    brought = bring(session)
    if record := session.store.analysers.record(shown.fingerprint):
        stages.watch_model(session, record)
    return brought


def bring(session: Session) -> int:
    """Bring all rows that are due into the warehouse; returns how many."""
    with closing(session.open_warehouse()) as warehouse, session.progress.stage("load") as advance:
        delivered = deliver(session.store, warehouse, advance, session.progress.say)
    if delivered.rejected:
        session.progress.say(f"warning: {len(delivered.rejected)} rows were refused: `{next_command('load')}` says why")
    return sum(delivered.by_run.values())


def _tell(session: Session, news: Sequence[VerbatimAnalysed]) -> None:
    for one in news:
        session.observer.emit(one)


def _cost(session: Session, record: AnalyserRecord, wanted: Wanted, touched: Touched, *, batch: bool) -> Range:
    analyser = Analyser(record, session.settings.max_tokens)
    price = price_of(session.settings, batch=batch, model=record.model)
    texts = session.store.reanalyses.sample(record, wanted, MOST_COUNTED)
    sample = Sample.of(texts, touched.asked, touched.characters)
    past = session.store.past_calls(record.fingerprint)
    return cost_of(sample, past, analyser, price, session.count_tokens, session.settings.concurrency)[0]
