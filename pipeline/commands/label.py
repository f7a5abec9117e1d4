"""`verbatims label`: texts for people to label, and their labels."""

from __future__ import annotations

import argparse
import shlex
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.commands.arguments import add_command, day, non_empty, positive
from pipeline.commands.output import DONE, WITH_FAILURES, print_data, say, warn
from pipeline.errors import SettingsError
from pipeline.program import next_command

if TYPE_CHECKING:
    from pipeline.records import Topic
    from pipeline.store import Store


def add_parser(parsers: Any) -> None:
    """Add the command's options."""
    command = add_command(
        parsers,
        "label",
        "write texts for a person to label, check and keep the labels, or compare those of two people",
        run,
        examples=[
            "verbatims label --sample 300 --output labels.csv",
            "verbatims label --import labels.csv",
            "verbatims label --compare labels.csv second.csv",
        ],
        settings=["STORE", "VERBATIMS_TOPICS"],
    )
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("--sample", type=positive, metavar="N", help="write a file of N texts; an evaluation needs 300")
    what.add_argument(
        "--import", dest="given", type=non_empty, metavar="FILE", help="check a filled-in file, and keep its labels"
    )
    what.add_argument(
        "--compare", nargs=2, type=non_empty, metavar="FILE", help="say how far the labels of two people agree"
    )
    command.add_argument("--since", type=day, metavar="DAY", help="sample of what was first seen on this day or later")
    command.add_argument("--source", type=non_empty, metavar="NAME", help="sample of this source")
    command.add_argument("--output", type=non_empty, metavar="FILE", help="default: labels-DAY.csv")
    command.add_argument("--json", action="store_true", help="print the result as one JSON object")


def run(options: argparse.Namespace) -> int:
    """Do one of the three."""
    from pipeline.session import reference_base
    from pipeline.settings import load_settings
    from pipeline.store import open_store, peek_store

    settings = load_settings(asks=False)
    if peek_store(settings.store) is None:
        raise SettingsError("STORE: there is no store yet; `verbatims run` makes one")
    with closing(open_store(settings.store)) as store:
        topics = reference_base(settings, store)
        if options.sample:
            return _sample(options, store, topics)
        return _import(options, store, topics) if options.given else _compare(options, store, topics)


def _sample(options: argparse.Namespace, store: Store, topics: tuple[Topic, ...]) -> int:
    from pipeline.labelling import write_sample

    path = Path(options.output or f"labels-{datetime.now(UTC).date()}.csv")
    written, guide = write_sample(store, options.sample, path, topics, options.since, options.source)
    if options.json:
        print_data({"file": str(path), "guide": str(guide), "texts": written})
    else:
        print(path, flush=True)
    say(f"{written} texts to label; {guide} explains it, in French and English")
    say(f"{path} leaves the store: `forget` and `expire` do not reach it; delete it once its labels are imported")
    return DONE


def _import(options: argparse.Namespace, store: Store, topics: tuple[Topic, ...]) -> int:
    from pipeline.labelling import import_file

    found = import_file(store, Path(options.given), topics)
    if options.json:
        print_data({"labels": found.labels, "name": found.name, "lost": found.lost})
    if found.warning:
        warn(found.warning)
    to_go_on = next_command(f"evaluate --labels {shlex.quote(found.name)}")
    say(f"{found.labels} labels of {found.name} are kept: `{to_go_on}`")
    return DONE


def _compare(options: argparse.Namespace, store: Store, topics: tuple[Topic, ...]) -> int:
    from pipeline.evaluate.extra import require

    require("label --compare")
    from pipeline.evaluate.agreement import agree
    from pipeline.labelling import read_file

    first, second = (
        {one.verbatim_id: one.sentiment for one in read_file(store, Path(name), topics).values()}
        for name in options.compare
    )
    found = agree(first, second)
    if not found.labels:
        warn("no text is labelled in both files")
        return WITH_FAILURES
    if options.json:
        print_data(asdict(found))
        return DONE
    print(f"texts that both have labelled  {found.labels}")
    for name, value in (("equal", found.agreement), ("Cohen's kappa", found.kappa), ("Gwet's AC1", found.ac1)):
        print(f"{name:29}  {'-' if value is None else f'{value:.2f}'}")
    for one in found.differ:
        print(f"differ: {one}  {first[one]} / {second[one]}")
    return DONE
