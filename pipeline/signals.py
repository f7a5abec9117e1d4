"""Handling of SIGINT and SIGTERM: the first signal stops gracefully, the second one at once."""

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
"""SIGALRM is Airflow's execution timeout: its exception in the event loop would lose the answers in flight."""


_received: set[int] = set()
"""Signals that the command has got: while it ends, another exception would be raised anywhere, in a library too."""


def raise_interrupted() -> None:
    """From now on, raise Interrupted on a signal, so that it ends with a message and an exit code like other errors.

    The same signal once more ends the process, and a different one does nothing.
    """
    _received.clear()
    for number in BOTH:
        signal.signal(number, _raise)


def _raise(number: int, _frame: object) -> None:
    if _is_first(number):
        raise Interrupted("interrupted: what was read and analysed so far is stored")


def _is_first(number: int) -> bool:
    """Whether no signal has come before. Ends the process where this one has."""
    if number in _received:
        # the escape shows the cursor again, which the bar has hidden
        sys.stderr.write(("\x1b[?25h" if sys.stderr.isatty() else "") + "\nverbatims: given up; start it again\n")
        sys.stderr.flush()
        # no clean-up, which could block; the next run asks the lost texts again
        os._exit(Interrupted.exit_code)
    _received.add(number)
    return len(_received) == 1


IN_FLIGHT = "stopping: waiting for the calls in flight, which are paid; once more to give them up"


class Drain:
    """In a running event loop, stops the work on the first signal and ends the process if the same signal comes again.

    A different second signal does nothing: Airflow always sends SIGTERM 5 s after its SIGINT.
    """

    def __init__(self, stop: Callable[[], None], say: Callable[[str], None], words: str = IN_FLIGHT) -> None:
        """`words`: what is said at the first signal."""
        self._stop = stop
        self._say = say
        self._words = words
        self.asked = False
        """Whether a signal has asked the work to stop."""

    @contextmanager
    def listening(self) -> Iterator[Drain]:
        """Handle signals while the context is open. Does nothing outside the main thread, which gets no signals."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        _received.clear()
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
        if _is_first(number):
            self.asked = True
            self._say(self._words)
            self._stop()
