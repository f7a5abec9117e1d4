"""What SIGINT and SIGTERM mean: first an end in good order, then an end at once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.errors import Interrupted

BOTH = (signal.SIGINT, signal.SIGTERM)
DRAINING = (*BOTH, signal.SIGALRM)
"""SIGALRM is Airflow's execution timeout: as an exception in the event loop it would lose the answers in flight."""


def raise_interrupted() -> None:
    """From here on, for this process: an interruption is an error like the others, with a line and an exit code."""
    for number in BOTH:
        signal.signal(number, _raise)


def _raise(_number: int, _frame: object) -> None:
    raise Interrupted("interrupted: what was read and analysed so far is stored")


class Drain:
    """Inside a running event loop: the first signal asks the work to stop, the same once more ends the process.

    Another one does not: Airflow sends SIGTERM 5 s behind its SIGINT, whatever the process is doing.
    """

    def __init__(self, stop: Callable[[], None], say: Callable[[str], None]) -> None:
        self._stop = stop
        self._say = say
        self._heard: set[signal.Signals] = set()

    @property
    def asked(self) -> bool:
        """Whether somebody wants the work to end."""
        return bool(self._heard)

    @contextmanager
    def listening(self) -> Iterator[Drain]:
        """While this lasts. Outside the main thread, where no signal arrives, it does nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        loop = asyncio.get_running_loop()
        before = {number: signal.getsignal(number) for number in DRAINING}
        for number in DRAINING:
            loop.add_signal_handler(number, self._handle, number)
        try:
            yield self
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)

    def _handle(self, number: signal.Signals) -> None:
        if number in self._heard:
            # the bar has hidden the cursor; what is in flight is lost, and asked again by the next run
            sys.stderr.write(("\x1b[?25h" if sys.stderr.isatty() else "") + "\nverbatims: given up; start it again\n")
            sys.stderr.flush()
            os._exit(Interrupted.exit_code)
        self._heard.add(number)
        if len(self._heard) > 1:
            return
        self._say("stopping: waiting for the calls in flight, which are paid; once more to give them up")
        self._stop()
