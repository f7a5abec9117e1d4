"""`verbatims …` with small batches, which kills itself at the step that CRASH_AT names: `BatchApi.create behind`."""

import inspect
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from pipeline.analyse import batch_api, batch_body, batch_collecting, batch_sending
from pipeline.cli import main
from pipeline.store import batches as store_batches

OWNERS: dict[str, Any] = {"BatchApi": batch_api.BatchApi, "Batches": store_batches.Batches}
SMALL = 300
"""Requests of a batch, so that two workers have several to send."""

batch_sending.BatchBody = lambda: batch_body.BatchBody(most_requests=SMALL)  # type: ignore[attr-defined,assignment]
batch_collecting.PAGE = 100
# the sandbox lists a batch at once: nobody has to wait a minute for it
batch_sending.SETTLES_S, batch_sending.LOOK_S = 3.0, 0.2


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def _crashing(real: Callable[..., Any], *, behind: bool) -> Callable[..., Any]:
    async def waits(*arguments: Any) -> None:
        if behind:
            await real(*arguments)
        _die()

    def blocks(*arguments: Any) -> None:
        if behind:
            real(*arguments)
        _die()

    return waits if inspect.iscoroutinefunction(real) else blocks


def _arm(step: str) -> None:
    """The first call of this method is the process's last."""
    method, place = step.split(" ")
    owner, name = method.split(".")
    setattr(OWNERS[owner], name, _crashing(getattr(OWNERS[owner], name), behind=place == "behind"))


if __name__ == "__main__":
    if step := os.environ.get("CRASH_AT"):
        _arm(step)
    sys.exit(main(sys.argv[1:]))
