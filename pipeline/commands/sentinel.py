"""`verbatims sentinel`: asks the same texts again, to see whether the model still answers as it was accepted."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from pipeline.commands.arguments import add_budget, add_command, add_mode, positive
from pipeline.commands.asking_first import add_yes, confirm
from pipeline.commands.output import DONE, WITH_FAILURES, open_console, print_data, say, terminal_on, warn
from pipeline.commands.resuming import going_on

if TYPE_CHECKING:
    from pipeline.session import Session


def add_parser(parsers: Any) -> None:
    """Add the command's arguments."""
    command = add_command(
        parsers,
        "sentinel",
        "ask the same texts again without the stored answers, and compare with the accepted ones",
        run,
        examples=["verbatims sentinel accept --sample 300 --yes", "verbatims sentinel ask --mode batch --json"],
        settings=["STORE", "VERBATIMS_PROMPT", "VERBATIMS_MODEL", "VERBATIMS_BUDGET_USD_PER_DAY"],
    )
    command.add_argument(
        "action",
        choices=("accept", "ask"),
        help="accept: draw the texts and ask each three more times; ask: this week's question",
    )
    command.add_argument(
        "--sample", type=positive, default=300, metavar="N", help="texts to draw on acceptance (default: %(default)s)"
    )
    add_mode(command)
    add_budget(command)
    add_yes(command)
    command.add_argument("--json", action="store_true", help="print the result as one JSON object")


def run(options: argparse.Namespace) -> int:
    """Draw and accept, or ask; exit code 1 where the answers have changed."""
    from pipeline.session import open_session

    with (
        open_session(terminal_on(open_console()), asks=True, run_budget_usd=options.budget) as session,
        going_on(options),
    ):
        return _accept(session, options) if options.action == "accept" else _ask(session, options)


def _accept(session: Session, options: argparse.Namespace) -> int:
    from pipeline import sentinel
    from pipeline.evaluate.sentinel import LEAST_PAIRS

    batch = options.mode == "batch"
    plan = sentinel.plan(session, options.sample, batch=batch)
    question = (
        f"{plan.texts} texts are asked {sentinel.ROUNDS} times: {plan.calls} calls, "
        f"about ${plan.cost.low:.2f} to ${plan.cost.high:.2f} in all."
    )
    confirm(options, question + (f" {plan.warning}" if plan.warning else ""))
    chosen = sentinel.accept(session, options.sample, batch=batch)
    pairs = chosen.pairs
    if options.json:
        print_data({"texts": chosen.texts, "pairs": pairs.asked, "flips": pairs.flips})
    say(f"accepted: {chosen.texts} texts; {pairs.flips} of {pairs.asked} answers differ from the first one")
    if pairs.asked < LEAST_PAIRS:
        warn(f"not enough: {pairs.asked} of {LEAST_PAIRS} answers; the sentinel does not alarm with fewer")
    return DONE


def _ask(session: Session, options: argparse.Namespace) -> int:
    from pipeline import sentinel

    found = sentinel.ask(session, batch=options.mode == "batch")
    flips, verdict = found.flips, found.verdict
    if options.json:
        state = {"state": verdict.state.value, "limit": found.limit, "alarms": verdict.alarms}
        print_data({"run_id": flips.run_id, "asked": flips.asked, "flips": flips.flips, **state})
    limit = "not enough to judge" if found.limit is None else f"{found.limit} are within the limit"
    say(f"{flips.flips} of {flips.asked} answers have another sentiment than the accepted one; {limit}")
    if verdict.alarms:
        warn("the model may have changed: `verbatims label --sample 300` begins to find out")
    return WITH_FAILURES if verdict.alarms else DONE
