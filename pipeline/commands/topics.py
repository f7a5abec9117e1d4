"""`verbatims topics`: what becomes of the new topics that answers name."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.commands.arguments import add_command, non_empty, positive
from pipeline.commands.output import DONE, open_console, print_data, say, terminal_on, warn
from pipeline.commands.resuming import going_on
from pipeline.errors import SettingsError

if TYPE_CHECKING:
    from pipeline.evaluate.candidates import Candidate, Neighbour
    from pipeline.records import Topic
    from pipeline.session import Session

WORDS = {"list": 0, "accept": 1, "reject": 1, "merge": 2, "export": (0, 1)}
"""Action → how many words follow it."""


def add_parser(parsers: Any) -> None:
    """Add the command's arguments."""
    command = add_command(
        parsers,
        "topics",
        "list new topics, and accept, reject or merge them; rows change without a call",
        run,
        examples=[
            "verbatims topics list",
            "verbatims topics accept 'dark mode' --fr 'Mode sombre : écran' --en 'Dark mode: screen'",
            "verbatims topics accept 'slow delivery' --into delivery",
            "verbatims topics merge 'mode nuit' 'mode sombre'",
            "verbatims topics export topics.yaml",
        ],
        settings=["STORE", "WAREHOUSE", "VERBATIMS_TOPICS"],
    )
    command.add_argument("action", choices=tuple(WORDS), help="what to do")
    command.add_argument(
        "words", metavar="LABEL", nargs="*", type=non_empty, help="a label (merge: two labels; export: a file)"
    )
    command.add_argument("--into", type=non_empty, metavar="ID", help="accept: the known topic that it stands for")
    command.add_argument("--id", type=non_empty, metavar="ID", help="accept: the new topic's id (default: from --en)")
    command.add_argument("--fr", type=non_empty, metavar="TEXT", help="accept: French name and definition")
    command.add_argument("--en", type=non_empty, metavar="TEXT", help="accept: English name and definition")
    command.add_argument(
        "--limit", type=positive, default=30, metavar="N", help="list: at most so many (default: %(default)s)"
    )
    command.add_argument("--json", action="store_true", help="list: print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Do what the action says."""
    from pipeline.session import open_session, reference_base

    _check(options)
    with open_session(terminal_on(open_console())) as session, going_on(options):
        base = reference_base(session.settings, session.store)
        if options.action == "list":
            return _list(session, base, options)
        if options.action == "export":
            return _export(base, options.words)
        return _decide(session, base, options)


def _check(options: argparse.Namespace) -> None:
    """Raises SettingsError where words are missing, or too many."""
    wanted = WORDS[options.action]
    allowed = wanted if isinstance(wanted, tuple) else (wanted,)
    if len(options.words) not in allowed:
        needs = " or ".join(map(str, allowed))
        raise SettingsError(f"topics {options.action} takes {needs} label(s), in quotes if they hold blanks")


def _list(session: Session, base: tuple[Topic, ...], options: argparse.Namespace) -> int:
    from pipeline.new_topics import candidates

    found = candidates(session.store)[: options.limit]
    near = _neighbours(found, base)
    if options.json:
        print_data({"candidates": [_as_data(one, near.get(one.key, [])) for one in found]})
    elif not found:
        say("no new topic waits for a decision")
    for one in () if options.json else found:
        print(f"{one.count:6}  {one.label}  ({_counted(one.sources)}; {_counted(one.languages)})")
        for other in near.get(one.key, []):
            print(f"        near: {other.label}{f' (topic {other.key_or_topic_id})' if other.known else ''}")
        for quote in one.quotes:
            print(f"        « {quote} »")
    return DONE


def _neighbours(found: list[Candidate], base: tuple[Topic, ...]) -> dict[str, list[Neighbour]]:
    from pipeline.evaluate.candidates import neighbours
    from pipeline.new_topics import known_names

    try:
        return neighbours(found, known_names(base))
    except SettingsError as missing:
        warn(f"without labels that resemble them: {missing}")
        return {}


def _as_data(one: Candidate, near: list[Neighbour]) -> dict[str, Any]:
    return {
        "label": one.label,
        "definition": one.definition,
        "count": one.count,
        "sources": dict(one.sources),
        "languages": dict(one.languages),
        "spellings": dict(one.spellings),
        "quotes": list(one.quotes),
        "near": [{"label": other.label, "topic": other.key_or_topic_id if other.known else None} for other in near],
    }


def _counted(counts: Any) -> str:
    return ", ".join(f"{name} {n}" for name, n in counts.items()) or "language unknown"


def _export(base: tuple[Topic, ...], words: list[str]) -> int:
    from pipeline.new_topics import exported
    from pipeline.whole_file import whole_file

    if not words or words[0] == "-":
        print(exported(base), end="", flush=True)
        return DONE
    with whole_file(Path(words[0]), "topics export") as file:
        file.write(exported(base).encode())
    say(f"{len(base)} topics in {words[0]}")
    return DONE


def _decide(session: Session, base: tuple[Topic, ...], options: argparse.Namespace) -> int:
    from pipeline import new_topics
    from pipeline.program import next_command
    from pipeline.reanalysis import bring

    store, words = session.store, options.words
    if options.action == "reject":
        changed, said = new_topics.reject(store, words[0]), "rejected"
    elif options.action == "merge":
        changed, said = new_topics.merge(store, *words), f"merged into {words[1]}"
    elif options.into:
        topic, changed = new_topics.accept_as(store, base, words[0], options.into)
        said = f"stands for {topic.id}"
    else:
        topic, changed = _accept_new(session, base, options)
        said = f"accepted as {topic.id}: runs that begin from now on name it"
    bring(session)
    say(f"{words[0]}: {said}; {changed} rows changed, without a call")
    if options.action == "accept" and not options.into:
        say(f"the next run's analyser is a new minor version; `{next_command('reanalyse')}` would ask old texts too")
    return DONE


def _accept_new(session: Session, base: tuple[Topic, ...], options: argparse.Namespace) -> tuple[Topic, int]:
    from pipeline.new_topics import accept_new, known_label

    label = known_label(session.store, options.words[0])
    fr = options.fr or _asked("French name and definition, such as « Mode sombre : affichage de nuit »", "--fr")
    en = options.en or _asked("English name and definition, such as “Dark mode: display at night”", "--en")
    return accept_new(session.store, base, label, fr, en, options.id)


def _asked(question: str, option: str) -> str:
    """A line that a person types. Raises SettingsError where there is nobody, or nothing was typed."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise SettingsError(f"topics accept needs both languages: add {option} TEXT, or --into a known topic")
    warn(f"{question}:")
    typed = sys.stdin.readline().strip()
    if not typed:
        raise SettingsError(f"topics accept needs both languages: {option} is empty")
    return typed
