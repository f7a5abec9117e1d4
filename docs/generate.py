#!/usr/bin/env python3
"""Fills the parts of the pages that come from the code: between `<!-- generated: NAME -->` and `<!-- end -->`.

With --check it writes nothing and fails where a page is stale.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from pipeline.cli import _parser
from pipeline.env_example import kind_of
from pipeline.settings import Settings, setting_name
from pipeline.telemetry.catalogue import TEN
from pipeline.telemetry.metric import Kind, Metric
from pipeline.telemetry.model import MODEL

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("docs/en/*.md", "docs/fr/*.md", "docs/c11/*.md")
PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

KINDS = {
    "en": {"counter": "counter", "histogram": "histogram", "gauge": "gauge", "up_down_counter": "gauge"},
    "fr": {"counter": "compteur", "histogram": "histogramme", "gauge": "jauge", "up_down_counter": "jauge"},
}
"""As Prometheus shows them: an up-down counter is a gauge there."""
UNITS = {
    "en": {
        "{verbatim}": "verbatims",
        "{error}": "errors",
        "{response}": "answers",
        "{character}": "characters",
        "{topic}": "topics",
        "s": "seconds",
        "1": "ratio from 0 to 1",
        "{limit}": "part of the limit",
        "{share}": "share from 0 to 1",
        "{signal}": "0 or 1",
        "{f1}": "F1 from 0 to 1",
    },
    "fr": {
        "{verbatim}": "verbatims",
        "{error}": "erreurs",
        "{response}": "réponses",
        "{character}": "caractères",
        "{topic}": "thèmes",
        "s": "secondes",
        "1": "rapport de 0 à 1",
        "{limit}": "part de la limite",
        "{share}": "part de 0 à 1",
        "{signal}": "0 ou 1",
        "{f1}": "F1 de 0 à 1",
    },
}
WORDS = {
    "en": {
        "metrics": ("Metric", "Type and unit", "What it says", "What it does not say"),
        "labels": "labels",
        "settings": ("Setting", "Value", "Default", "What it is for"),
        "none": "empty",
        "columns": ("Column", "Type", "What it means"),
        "null": "may be null",
        "views": ("View", "What it answers"),
        "options": ("Option", "What it does"),
        "read": "Settings that matter",
        "alerts": ("Alert", "Severity", "What it means"),
    },
    "fr": {
        "metrics": ("Métrique", "Type et unité", "Ce qu'elle dit", "Ce qu'elle ne dit pas"),
        "labels": "étiquettes",
        "settings": ("Réglage", "Valeur", "Par défaut", "À quoi il sert (en anglais)"),
        "none": "vide",
        "columns": ("Colonne", "Type", "Ce qu'elle contient (en anglais)"),
        "null": "peut être vide",
        "views": ("Vue", "À quoi elle répond (en anglais)"),
        "options": ("Option", "Ce qu'elle fait (en anglais)"),
        "read": "Réglages qui comptent",
        "alerts": ("Alerte", "Gravité", "Ce qu'elle veut dire"),
    },
}
VALUES = {
    "text": "texte",
    "whole number": "nombre entier",
    "number": "nombre",
    "true or false": "true ou false",
    "secret": "secret",
    "path": "chemin",
}
SEVERITIES = {
    "en": {"critical": "critical", "warning": "warning", "info": "info", "none": "always active"},
    "fr": {"critical": "critique", "warning": "avertissement", "info": "information", "none": "toujours active"},
}
TABLE = ROOT / "pipeline" / "load" / "tables" / "verbatims_analysed_v2"
PROMETHEUS = ROOT / "otel" / "prometheus"


def filled(text: str, language: str) -> str:
    """The page as it should be. Raises KeyError for a part that nobody makes."""
    return PART.sub(lambda part: f"{part[1]}\n{PARTS[part[2]](language)}\n{part[3]}", text)


def metrics(language: str) -> str:
    """The ten. Raises KeyError where a metric has no words, ValueError for words without a metric."""
    return _metrics(TEN, "", language)


def model(language: str) -> str:
    """The model's gauges, as Prometheus has them of the exporter. Raises as `metrics`."""
    return _metrics(MODEL, "store_", language)


def _metrics(shown: Sequence[Metric], prefix: str, language: str) -> str:
    words = yaml.safe_load((ROOT / "docs" / "metrics.yaml").read_text(encoding="utf-8"))
    if unknown := words.keys() - {metric.name for metric in (*TEN, *MODEL)}:
        raise ValueError(f"metrics.yaml: not in the catalogue: {', '.join(sorted(unknown))}")
    rows = (_metric(metric, prefix, words[metric.name][language], language) for metric in shown)
    return _table(WORDS[language]["metrics"], rows)


def _metric(metric: Metric, prefix: str, words: dict[str, str], language: str) -> tuple[str, ...]:
    labels = ", ".join(f"`{label}`" for label in metric.attributes)
    name = f"`{prefix}{metric.prometheus_name}`" + (
        f"<br>{_separated(WORDS[language]['labels'], language)}{labels}" * bool(labels)
    )
    kind = f"{KINDS[language][Kind(metric.kind).value]}, {UNITS[language][metric.unit]}"
    return name, kind, words["says"], words["says_not"]


def _separated(word: str, language: str) -> str:
    return f"{word} : " if language == "fr" else f"{word}: "


def settings(language: str) -> str:
    """All settings."""
    return _table(
        WORDS[language]["settings"], (_setting(name, field, language) for name, field in Settings.model_fields.items())
    )


def _setting(name: str, field: Any, language: str) -> tuple[str, ...]:
    kind = kind_of(field.annotation)
    if language == "fr":
        kind = VALUES.get(kind, kind.replace("empty or ", "vide ou ").replace(" or ", " ou "))
    default = (
        "" if field.default is None else str(field.default).lower() if field.default is False else str(field.default)
    )
    shown = f"`{default}`" if default else WORDS[language]["none"]
    return f"`{setting_name(name)}`", kind, shown, _english(_plain(field.description or ""), language)


def columns(language: str) -> str:
    """The columns of the warehouse's table."""
    schema = yaml.safe_load((TABLE / "schema.yaml").read_text(encoding="utf-8"))
    rows = (
        (
            f"`{column['name']}`",
            column["type"] + ("" if column["required"] else f", {WORDS[language]['null']}"),
            _english(_plain(column["description"]), language),
        )
        for column in schema["columns"]
    )
    return _table(WORDS[language]["columns"], rows)


def views(language: str) -> str:
    """The views, each by the comment that its file begins with."""
    rows = []
    for file in sorted((TABLE / "views" / "sqlite").glob("*.sql")):
        lines = file.read_text(encoding="utf-8").splitlines()
        said = " ".join(line[3:] for line in lines[: next(i for i, line in enumerate(lines) if line[:2] != "--")])
        rows.append((f"`{file.stem}`", _english(_plain(said), language)))
    return _table(WORDS[language]["views"], rows)


def commands(language: str) -> str:
    """Each command with what it does, its options and the settings that it reads."""
    [found] = [action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction)]
    helps = {action.dest: action.help or "" for action in found._choices_actions}
    parts = [_command(name, command, helps[name], language) for name, command in found.choices.items()]
    return "\n".join(parts)


def _command(name: str, command: argparse.ArgumentParser, said: str, language: str) -> str:
    rows = [_option(action, language) for action in command._actions if action.dest not in ("help", "debug", "quiet")]
    said = _english(_plain(said[0].upper() + said[1:] + "."), language)
    made = f"### verbatims {name}\n\n{said}\n"
    if rows:
        made += f"\n{_table(WORDS[language]['options'], rows)}"
    _, _, read = (command.epilog or "").partition("settings, from the environment or .env:\n")
    if read:
        names = ", ".join(f"`{line.strip()}`" for line in read.splitlines())
        made += f"\n{_separated(WORDS[language]['read'], language)}{names}.\n"
    return made


def _option(action: argparse.Action, language: str) -> tuple[str, str]:
    value = action.metavar or (
        "" if action.nargs == 0 else action.dest.upper() if action.option_strings else action.dest
    )
    values = value if isinstance(value, tuple) else (value,)
    if action.choices and not action.metavar:
        values = ("|".join(map(str, action.choices)),)
    name = " ".join([*action.option_strings[-1:], *filter(None, values)])
    text = _plain((action.help or "") % {"default": action.default, "prog": "verbatims"})
    return f"`{name}`".replace("|", "\\|"), _english(text, language)


def alerts(language: str) -> str:
    """Each alert with the first words of its section in the runbook."""
    rules = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text(encoding="utf-8"))
    severities: dict[str, list[str]] = {}
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        severities.setdefault(rule["alert"], []).append(SEVERITIES[language][rule["labels"]["severity"]])
    joint = {"en": " or ", "fr": " ou "}[language]
    rows = (
        (
            f"[{name}](../../otel/prometheus/runbook.md#{name.lower()})",
            joint.join(dict.fromkeys(found)),
            _runbook(name, language),
        )
        for name, found in severities.items()
    )
    return _table(WORDS[language]["alerts"], rows)


def _runbook(name: str, language: str) -> str:
    text = (PROMETHEUS / "runbook.md").read_text(encoding="utf-8")
    section = text.partition(f"\n## {name}\n")[2]
    found = re.search(rf"^\*\*{language.upper()}\*\* (.*)$", section, re.MULTILINE)
    assert found, f"the runbook has a section {name} with a part in this language"
    return found[1].replace("|", "\\|")


def _plain(text: str) -> str:
    """Text of the code as Markdown: addresses and names with _ are code."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    parts[::2] = [_NAME.sub(r"`\1`", part).replace("*", "\\*") for part in parts[::2]]
    return "".join(parts).replace("|", "\\|")


_NAME = re.compile(r"(\b[a-z]+://[^\s,;)]*[\w/…]|(?<![\w/.])(?:[A-Za-z0-9]+_)+[A-Za-z0-9…]+(?!\w))")


def _english(text: str, language: str) -> str:
    return text if language == "en" else f'<span lang="en">{text}</span>'


def _table(head: tuple[str, ...] | Any, rows: Any) -> str:
    lines = [head, ("---",) * len(head), *rows]
    made = [f"| {' | '.join(cells)} |" for cells in lines]
    made[1] = "|" + "---|" * len(head)
    return "\n".join(made) + "\n"


PARTS: dict[str, Callable[[str], str]] = {
    "metrics": metrics,
    "model": model,
    "settings": settings,
    "columns": columns,
    "views": views,
    "commands": commands,
    "alerts": alerts,
}
"""What can be generated."""


def stale() -> Iterator[tuple[Path, str]]:
    """Each page that is not what the code makes, with what it should be."""
    for page in (page for pattern in PAGES for page in sorted(ROOT.glob(pattern))):
        text = page.read_text(encoding="utf-8")
        should = filled(text, "en" if page.parent.name == "en" else "fr")
        if should != text:
            yield page, should


def main() -> int:
    """Write, or compare; exit code 1 where a page is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a page is stale")
    check = parser.parse_args().check
    found = list(stale())
    for page, should in found:
        if not check:
            page.write_text(should, encoding="utf-8")
        name = page.relative_to(ROOT)
        print(f"{name} is stale: run python docs/generate.py" if check else f"{name} written", file=sys.stderr)
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main())
