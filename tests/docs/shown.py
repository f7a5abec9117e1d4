"""The commands that a page shows, and a shell that runs them.

A block marked `sh` holds commands; one marked `console` holds commands behind `$ `, each followed by what it prints,
where … stands for anything on a line, and alone on a line for any lines. Blocks of other languages hold none.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import dedent

import yaml

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^( *)```(\S*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
LANGUAGES = {"sh", "console", "text", "toml", "ini", "json", "sql", "promql"}
"""Every block says what it is, so that no command hides in one."""
OURS = ("VERBATIMS_", "OTEL_", "ANTHROPIC_", "SCRAPER_MODE", "STORE", "WAREHOUSE", "GOOGLE_", "COV_")
MARK = "\x1e"
ENDS_WITHIN_S = 600


@dataclass(frozen=True)
class Shown:
    """One command of a page."""

    page: str
    command: str
    expected: str | None
    """What it prints; None where the page does not say."""

    @property
    def key(self) -> str:
        """The command without what is said about it."""
        return re.sub(r"[ \t]+#[ \t].*$", "", self.command, flags=re.MULTILINE).strip()

    @property
    def key_here(self) -> str:
        """The same, of the pages of this name alone."""
        return f"{Path(self.page).name}: {self.key}"


def pages() -> list[Path]:
    """The pages whose commands are looked at."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("en/*.md")), *sorted((ROOT / "docs").glob("fr/*.md"))]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix() if page.is_relative_to(ROOT) else page.name


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of each block."""
    return [(language, dedent(text)) for _, language, text in FENCE.findall(page.read_text(encoding="utf-8"))]


def commands(page: Path) -> list[Shown]:
    """All commands of a page, in their order."""
    made: list[Shown] = []
    for language, text in blocks(page):
        if language == "sh":
            made += [Shown(name_of(page), command, None) for command in _scripted(text)]
        if language == "console":
            made += [Shown(name_of(page), command, said) for command, said in _answered(text)]
    return made


def _scripted(text: str) -> Iterator[str]:
    """The commands of a script: a line, with those that a backslash or a here-document adds to it."""
    lines = iter(text.splitlines())
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        while line.endswith("\\"):
            line += "\n" + next(lines)
        if here := re.search(r"<<'?(\w+)'?", line):
            for more in lines:
                line += "\n" + more
                if more == here[1]:
                    break
        yield line


def _answered(text: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, said = part.partition("\n")
        yield command, said


def is_listed(shown: Shown) -> bool:
    """Whether commands.yaml has it, for all pages or for those of this name."""
    return bool({shown.key, shown.key_here} & set(listed()))


@cache
def listed() -> dict[str, dict[str, str]]:
    """Command → why no page's test runs it."""
    return yaml.safe_load((Path(__file__).parent / "commands.yaml").read_text(encoding="utf-8")) or {}


def run(shown: list[Shown], folder: Path) -> list[tuple[int, str]]:
    """Run the commands one after the other in one shell; returns exit code and output of each."""
    script = "".join(f"{command.command}\nprintf '{MARK}%d{MARK}' $?\n" for command in shown)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    path = f"{Path(sys.executable).parent}:{clean['PATH']}"
    ended = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={
            **clean,
            "PATH": path,
            "PYTHONPATH": str(ROOT),
            "LC_ALL": "C.UTF-8",
            "HOME": str(folder),
            "COLUMNS": "100",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=ENDS_WITHIN_S,
    )
    parts = ended.stdout.split(MARK)
    return [(int(code), said) for said, code in zip(parts[:-1:2], parts[1::2], strict=True)]


def matches(expected: str, said: str) -> bool:
    """Whether an output is what the page shows."""
    lines = [".*" if line == "…" else r"[^\n]*".join(map(re.escape, line.split("…"))) for line in expected.splitlines()]
    wanted = "\n".join(lines).replace("\n.*\n", "\n(?:.*\n)?").replace("\n.*", "(?:\n.*)?")
    wanted = re.sub(r"^\.\*\n", "(?:.*\n)?", wanted)
    return re.fullmatch(wanted, said.rstrip("\n"), re.DOTALL) is not None
