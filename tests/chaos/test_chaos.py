"""Workers, loads and erasures side by side, and faults that strike them at drawn moments; then everything adds up."""

import itertools
import os
import random
import shutil
import tempfile
import time
import traceback
from collections.abc import Iterable
from pathlib import Path

import pytest
from otlp_receiver import Receiver
from postgres import Server

from .plan import Plan, draw
from .round import Round

pytestmark = pytest.mark.chaos


def test_after_any_faults_everything_adds_up(
    server: Server, receiver: Receiver, clock: str | None, seconds: float
) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10_000))
    print(f"\nrounds for {seconds:.0f} s, SEED={seed}")
    base, failed = Path(tempfile.mkdtemp(prefix="chaos-")), []
    for number in _numbers(time.monotonic() + seconds):
        plan = draw(seed, number, clock=clock is not None)
        if not _succeeds(Round(plan, base / f"{seed}-{number}", server, receiver, clock)):
            failed.append(plan.name)
    if not failed:
        base.rmdir()
    assert not failed, f"rounds that failed: {', '.join(failed)}"


def _numbers(deadline: float) -> Iterable[int]:
    """One round that was asked for, or as many as there is time for."""
    if wanted := os.environ.get("CHAOS_ROUND"):
        return [int(wanted)]
    return itertools.takewhile(lambda _: time.monotonic() < deadline, itertools.count(1))


def _succeeds(one: Round) -> bool:
    """Run it and say how it went; the folder of one that failed stays."""
    try:
        print(one.run(), flush=True)
    except Exception as error:
        print(_how_to_repeat(one.plan, one.folder, error), flush=True)
        return False
    shutil.rmtree(one.folder)
    return True


def _how_to_repeat(plan: Plan, folder: Path, error: Exception) -> str:
    planned = ", ".join(sorted(strike.kind for strike in plan.strikes)) or "nothing"
    # what was asserted says enough; any other error is one of the test itself
    said = str(error) if isinstance(error, AssertionError) else "".join(traceback.format_exception(error))
    repeat = f"SEED={plan.seed} ROUND={plan.number} make chaos"
    return f"{plan.name}: {plan.combination}; {planned} planned; FAILED, {repeat}\n  {said}\n  kept: {folder}"
