"""`verbatims collect` and `cancel`: the batches that are under way at Claude's side."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pipeline.commands.arguments import add_command
from pipeline.commands.output import DONE, WITH_FAILURES, open_console, print_data, say, terminal_on
from pipeline.commands.resuming import going_on
from pipeline.program import next_command

if TYPE_CHECKING:
    from pipeline.session import Session


def add_parser(parsers: Any) -> None:
    """Add both commands with their options."""
    collect = _add(
        parsers,
        "collect",
        "store what Claude's batches have come to, and delete them at Claude's side",
        run_collect,
        ["verbatims collect", "verbatims collect --no-wait", "verbatims collect --run day-2026-01-31"],
    )
    collect.add_argument("--no-wait", action="store_true", help="only those that have ended; the others go on")
    cancel = _add(
        parsers,
        "cancel",
        "cancel Claude's batches, and keep what is answered",
        run_cancel,
        ["verbatims cancel", "verbatims cancel --run day-2026-01-31", "verbatims cancel --batch msgbatch_01Hk…"],
    )
    cancel.add_argument("--batch", metavar="ID", help="this one only, by its id at Claude's side")


def _add(parsers: Any, name: str, words: str, run: Callable[[argparse.Namespace], int], examples: list[str]) -> Any:
    settings = ["SCRAPER_MODE", "STORE", "ANTHROPIC_API_KEY"]
    command = add_command(parsers, name, words, run, examples=examples, settings=settings)
    command.add_argument("--run", metavar="ID", help="of this run only (default: of all runs)")
    command.add_argument("--json", action="store_true", help="print how many batches are still under way")
    return command


def run_collect(options: argparse.Namespace) -> int:
    """Store results; wait for all batches unless told otherwise."""
    return _work(options, cancels=False)


def run_cancel(options: argparse.Namespace) -> int:
    """Cancel, then store what was answered before."""
    return _work(options, cancels=True)


def _work(options: argparse.Namespace, *, cancels: bool) -> int:
    from pipeline.batch_journey import cancel_batches, collect_batches
    from pipeline.session import open_session

    with open_session(terminal_on(open_console()), asks=True) as session, going_on(options):
        run_id = session.store.runs.find(options.run) if options.run else None
        before = session.store.open_batches(run_id)
        if cancels:
            cancel_batches(session, run_id, options.batch)
        with session.progress.stage("collect") as advance:
            # others that go on are no reason to wait
            wait = not options.batch if cancels else not options.no_wait
            under_way = collect_batches(session, advance, run_id, wait=wait) if before else 0
        if not before:
            say("no batch is under way")
        if under_way:
            for batch in session.store.open_batches(run_id):
                say(f"batch {batch.claude_id or batch.batch} of run {batch.run_id} is still under way")
            say(f"{under_way} still under way: `{next_command('collect')}` goes on")
        left = [_say_what_is_left(session, owner) for owner in sorted({batch.run_id for batch in before})]
    if options.json:
        print_data({"under_way": under_way})
    return WITH_FAILURES if any(left) else DONE


def _say_what_is_left(session: Session, run_id: str) -> bool:
    """What comes next for a run; returns whether verbatims are left that no batch holds."""
    counts = session.store.runs.count(run_id)
    unsent = counts.pending - session.store.texts.count_in_batches(run_id)
    if unsent > 0:
        again = next_command(f"analyse --run {run_id} --mode batch")
        said = "1 verbatim has no answer and is" if unsent == 1 else f"{unsent} verbatims have no answer and are"
        say(f"run {run_id}: {said} in no batch; `{again}` sends them")
    if counts.analysed or counts.from_cache:
        say(f"run {run_id}: `{next_command('load')}`, then `{next_command(f'publish --run {run_id}')}` bring its rows")
    return unsent > 0
