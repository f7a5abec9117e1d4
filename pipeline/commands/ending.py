"""What a command says of its end: why it ends with 1, or that a run is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.commands.output import DONE, WITH_FAILURES, say, warn
from pipeline.program import next_command

if TYPE_CHECKING:
    from pipeline.session import Session
    from pipeline.store import RunCounts


def exit_code(run_id: str, counts: RunCounts, todo: str | None = None) -> int:
    """The exit code of a command that came to its end; what is not done is one line.

    `todo`: the stage that pending verbatims wait for; None if they may stay pending.
    """
    problems = [*_pending(run_id, counts, todo), *_failed(run_id, counts), *_refused(run_id, counts)]
    if problems:
        warn(f"run {run_id}: {'; '.join(problems)}")
    return WITH_FAILURES if problems else DONE


def stage_to_do(session: Session, run_id: str) -> str:
    """Which stage pending verbatims wait for."""
    if any(session.store.texts.uncleaned(run_id)):
        return "clean"
    return "collect" if session.store.texts.count_in_batches(run_id) else "analyse"


def say_published(session: Session, run_id: str) -> None:
    """Say how many rows may be relied on, and where."""
    say(f"published: run {run_id}, {session.store.runs.count_held(run_id)} rows in {session.warehouse_name()}")


def _pending(run_id: str, counts: RunCounts, todo: str | None) -> list[str]:
    if not (counts.pending and todo):
        return []
    later = "analyse, load and publish" if todo == "clean" else "load and publish"
    if todo == "collect":
        return [f"{counts.pending} pending, held by batches: `{next_command('collect')}` brings them, then {later}"]
    return [f"{counts.pending} pending, to be analysed by `{next_command(f'{todo} --run {run_id}')}`, then {later}"]


def _failed(run_id: str, counts: RunCounts) -> list[str]:
    if not counts.failed:
        return []
    reasons = ", ".join(f"{number} {reason}" for reason, number in counts.failed.items())
    return [f"{sum(counts.failed.values())} failed ({reasons}), listed by `{next_command(f'failed --run {run_id}')}`"]


def _refused(run_id: str, counts: RunCounts) -> list[str]:
    if not counts.load_refused:
        return []
    again = next_command("load")
    return [f"{counts.load_refused} rows or loads did not reach the warehouse, tried again by `{again}`"]
