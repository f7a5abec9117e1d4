"""One turn of the loop that improves the model, step by step, for whoever watches it: a test of files, or of alerts."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from model_history import PROMPT, date_back, fill_in, write_reviews

NIGHTS, A_NIGHT, LAST_NIGHT = 30, 100, 900


class Ended(Protocol):
    """What a command came to."""

    @property
    def code(self) -> int: ...
    @property
    def out(self) -> str: ...
    @property
    def err(self) -> str: ...
    @property
    def data(self) -> Any: ...


class Turn:
    """Commands in one folder: `call` runs `verbatims …` there, with more settings."""

    def __init__(self, call: Callable[..., Ended], folder: Path, steady: str, drifting: str) -> None:
        """`steady` and `drifting` are the addresses of two sandboxes."""
        self._call, self._folder = call, folder
        self._steady, self._drifting = steady, drifting
        self.store = folder / "var/verbatims.db"
        self.second = {"VERBATIMS_PROMPT": "second.md", "ANTHROPIC_BASE_URL": drifting}

    def month(self) -> None:
        """Thirty nights of the model as it was accepted."""
        assert self._run("month.csv", NIGHTS * A_NIGHT, 1, self._steady).code == 0
        date_back(self.store, NIGHTS)
        assert self._call("publish").code == 0
        assert self._call("baseline", "accept").code == 0

    def drifted_night(self) -> Ended:
        """The night after which the charts alarm."""
        return self._run("night.csv", LAST_NIGHT, 2, self._drifting)

    def evaluate(self) -> Any:
        """Label a sample of that night, and see which class is wrong."""
        today = datetime.now(UTC).date().isoformat()
        assert self._call("label", "--sample", "400", "--since", today, "--output", "empty.csv").code == 0
        fill_in(self._folder / "empty.csv", self._folder / "labels.csv")
        return self._call("evaluate", "--labels", "labels.csv", "--json").data

    def compare(self) -> Ended:
        """A second prompt beside the first, on the same labels."""
        (self._folder / "second.md").write_text(PROMPT, encoding="utf-8")
        return self._call("compare", "--labels", "labels", "--yes", "--json", "current", "settings", **self.second)

    def reanalyse(self, *more: str) -> Ended:
        """Ask with the second prompt about all of it."""
        return self._call("reanalyse", "--yes", *more, **self.second)

    def accept(self) -> Ended:
        """Make these answers the current ones."""
        return self._call("accept", "settings", **self.second)

    def alarms(self) -> set[tuple[str, str]]:
        """(source, signal) over its limit."""
        with closing(sqlite3.connect(self.store)) as connection:
            return set(connection.execute("SELECT source, signal FROM verdicts WHERE score > 1"))

    def _run(self, name: str, count: int, seed: int, sandbox: str) -> Ended:
        file = write_reviews(self._folder / name, count, seed)
        return self._call("run", "--input", file.name, "--source", "shop", ANTHROPIC_BASE_URL=sandbox)
