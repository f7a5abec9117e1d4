"""What a person sees while it works: a bar on a terminal, a line per stage elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console

Advance = Callable[[int, float], None]
"""Told how many more are done, and what they cost in USD."""


class Progress(Protocol):
    """Told by `journey.py` how far each stage is."""

    def stage(self, name: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """Around a stage; total is None where nobody can know it."""

    def say(self, line: str) -> None:
        """A line for the person in front of it."""


class Logged:
    """In a log: how far a stage is, now and then, and a line at its end."""

    EVERY_S = 30.0
    """A line of news: a night's work leaves some hundred."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log

    def say(self, line: str) -> None:
        """Write a line to the log."""
        self._log.info(line)

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        """Counts what one stage does."""
        done, spent, told = 0, 0.0, time.monotonic()
        of = "" if total is None else f" of {total}"

        def advance(more: int, usd: float) -> None:
            nonlocal done, spent, told
            done, spent = done + more, spent + usd
            if time.monotonic() - told > self.EVERY_S:
                told = time.monotonic()
                self._log.info("%s: %d%s done%s", name, done, of, _spent(spent))

        try:
            yield advance
        finally:
            self._log.info("%s: %d%s done%s", name, done, of, _spent(spent))


def _spent(usd: float) -> str:
    return f", ${usd:.4f}" if usd else ""


class Terminal:
    """On standard error: a bar with done, per second, cost so far and time left; without a terminal, a line."""

    def __init__(self, console: Console, billed: bool) -> None:
        self._console = console
        self._note = "" if billed else " (not billed)"

    def say(self, line: str) -> None:
        """A line above the bar."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def stage(self, name: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """A bar or a line for one stage."""
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
            bars.update(task, total=bars.tasks[0].completed)

    def _cost(self, usd: float) -> str:
        return f"${usd:.4f}{self._note}" if usd else ""
