"""What a person sees while it works: a bar on a terminal, a line per stage elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console

Advance = Callable[[int, float], None]
"""Told how many more are done, and what they cost in USD."""


class Progress(Protocol):
    """Told by `run.py` how far each stage is."""

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        """Around a stage; total is None where nobody can know it."""

    def say(self, line: str) -> None:
        """A line for the person in front of it."""


class Quiet:
    """Shows nothing."""

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        yield lambda done, usd: None

    def say(self, line: str) -> None:
        return


class Terminal:
    """Bars on standard error: done, per second, cost so far, time left. Without a terminal, a line per stage."""

    def __init__(self, console: Console, billed: bool) -> None:
        self._console = console
        self._note = "" if billed else " (not billed)"

    def say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False)

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        if not self._console.is_terminal:
            done = [0, 0.0]
            try:
                yield lambda more, usd: done.__setitem__(slice(None), [done[0] + more, done[1] + usd])
            finally:
                cost = f", ${done[1]:.4f}{self._note}" if done[1] else ""
                self.say(f"{name:<8} {int(done[0])} done{cost}")
            return
        from rich import progress as rich

        columns = [
            rich.TextColumn("{task.description:<8}"),
            rich.BarColumn(),
            rich.MofNCompleteColumn(),
            rich.TextColumn("{task.fields[rate]}"),
            rich.TextColumn("{task.fields[cost]}"),
            rich.TextColumn("left"),
            rich.TimeRemainingColumn(),
        ]
        with rich.Progress(*columns, console=self._console) as bars:
            task = bars.add_task(name, total=total, rate="", cost="")
            spent = 0.0

            def advance(more: int, usd: float) -> None:
                nonlocal spent
                spent += usd
                speed = bars.tasks[0].speed
                bars.update(
                    task,
                    advance=more,
                    rate=f"{speed:.0f}/s" if speed else "",
                    cost=f"${spent:.4f}{self._note}" if spent else "",
                )

            yield advance
            bars.update(task, total=bars.tasks[0].completed)
