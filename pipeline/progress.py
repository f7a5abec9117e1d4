"""Progress of the stages: a bar on a terminal, lines in a log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console

Advance = Callable[[int, float], None]
"""Called with the number of further items done, and their cost in USD."""


class Progress(Protocol):
    """Called by `journey.py` to report the progress of each stage."""

    def stage(self, name: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """Open for the duration of a stage; total is None if it is unknown."""

    def say(self, line: str) -> None:
        """Show a line to the user."""


class Logged:
    """Logs a stage's progress from time to time, and once at its end."""

    EVERY_S = 30.0
    """Interval between two lines; a night leaves some hundred of them."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log

    def say(self, line: str) -> None:
        """Write a line to the log."""
        self._log.info(line)

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        """Log the progress of one stage."""
        done, spent, logged_at = 0, 0.0, time.monotonic()
        of = "" if total is None else f" of {total}"

        def advance(more: int, usd: float) -> None:
            nonlocal done, spent, logged_at
            done, spent = done + more, spent + usd
            if time.monotonic() - logged_at > self.EVERY_S:
                logged_at = time.monotonic()
                self._log.info("%s: %d%s done%s", name, done, of, _spent(spent))

        try:
            yield advance
        finally:
            self._log.info("%s: %d%s done%s", name, done, of, _spent(spent))


def _spent(usd: float) -> str:
    return f", ${usd:.4f}" if usd else ""


class Warnings:
    """Shows warnings only."""

    BEGINNINGS = ("warning: ", "telemetry: ", "the store ")
    """What lines begin with that tell of something wrong."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn

    def say(self, line: str) -> None:
        """Show a line if it is a warning."""
        if line.startswith(self.BEGINNINGS):
            self._warn(line)

    def stage(self, name: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """Show nothing of a stage."""
        return nullcontext(lambda more, usd: None)


class Terminal:
    """Shows a bar with count, speed, cost and time left; without a terminal, one line per stage."""

    def __init__(self, console: Console, billed: bool) -> None:
        self._console = console
        self._note = "" if billed else " (not billed)"

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        style = "bold yellow" if line.startswith(Warnings.BEGINNINGS) else None
        self._console.print(line, markup=False, highlight=False, soft_wrap=True, style=style)

    def stage(self, name: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """Show a bar or print a line for one stage."""
        return self._bar(name, total) if self._console.is_terminal else self._line(name)

    @contextmanager
    def _line(self, name: str) -> Iterator[Advance]:
        done, spent = 0, 0.0

        def advance(more: int, usd: float) -> None:
            nonlocal done, spent
            done, spent = done + more, spent + usd

        try:
            yield advance
        finally:
            self.say(f"{name:<8} {done} done{', ' if spent else ''}{self._cost(spent)}")

    @contextmanager
    def _bar(self, name: str, total: int | None) -> Iterator[Advance]:
        from rich import progress as rich

        columns = (
            rich.TextColumn("{task.description:<8}"),
            rich.BarColumn(),
            rich.MofNCompleteColumn(),
            rich.TextColumn("{task.fields[rate]} {task.fields[cost]} left"),
            rich.TimeRemainingColumn(),
        )
        with rich.Progress(*columns, console=self._console) as bars:
            task = bars.add_task(name, total=total, rate="", cost="")
            spent = 0.0

            def advance(more: int, usd: float) -> None:
                nonlocal spent
                spent += usd
                speed = bars.tasks[0].speed
                bars.update(task, advance=more, rate=f"{speed:.0f}/s" if speed else "", cost=self._cost(spent))

            yield advance
            # total unknown until now: without it the bar would never look finished
            bars.update(task, total=bars.tasks[0].completed)

    def _cost(self, usd: float) -> str:
        return f"${usd:.4f}{self._note}" if usd else ""
