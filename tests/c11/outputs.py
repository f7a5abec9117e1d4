"""The `console` blocks of a page: commands behind `$ `, each followed by what it printed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"(?<=```console\n).*?(?=```)", re.DOTALL)
MARK = "\x1e"
"""Separates the outputs of two commands; no shown command prints it."""
ENDS_WITHIN_S = 240

OPEN = (
    (r"\b[0-9a-f]{32}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "an id"),
    (r"\b\d{8}T\d{6}-[0-9a-f]{6}\b", "a run"),
    (r'instance="[^"]*"', "an instance"),
    (r'"duration_s": [\d.]+', "a duration"),
    (r"\b\d+ passed.*", "tests that pass"),
)
"""Parts of an output that may differ between runs."""


@dataclass(frozen=True)
class Shell:
    """Bash in one folder. `addresses`: a server's usual address → its address in this test."""

    folder: Path
    environment: Mapping[str, str]
    addresses: Mapping[str, str]

    def answer(self, block: str) -> str:
        """The block with the current output of its commands. Raises AssertionError if one fails."""
        commands = [line for line in block.splitlines() if line.startswith("$ ")]
        printed = self._run([_replaced(command[2:], self.addresses) for command in commands])
        back = {here: usual for usual, here in self.addresses.items()}
        return "".join(f"{command}\n{_replaced(said, back)}" for command, said in zip(commands, printed, strict=True))

    def _run(self, commands: Sequence[str]) -> list[str]:
        script = "set -eo pipefail\n" + "".join(f"{command}\nprintf '{MARK}'\n" for command in commands)
        ended = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=dict(self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=ENDS_WITHIN_S,
        )
        assert ended.returncode == 0, f"exit code {ended.returncode} of {list(commands)}:\n{ended.stdout}"
        return ended.stdout.split(MARK)[:-1]


def closed(text: str) -> str:
    """The text without the parts that may differ."""
    for pattern, word in OPEN:
        text = re.sub(pattern, f"<{word}>", text)
    return text


def _replaced(text: str, addresses: Mapping[str, str]) -> str:
    for old, new in addresses.items():
        text = text.replace(old, new)
    return text
