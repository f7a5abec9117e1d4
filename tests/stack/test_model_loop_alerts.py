"""The real Prometheus during one turn of the loop: the alert fires for the drifted night, and ends with acceptance."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from model_turn import Turn

from pipeline.sandbox import Sandbox

from .server import eventually
from .stack import Stack

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]
FIRING = 'ALERTS{alertname="ModelShiftGivenStars",alertstate="firing",severity="critical"}'


@dataclass
class Ended:
    """The exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


class Commands:
    """`verbatims …` in one folder, each in a process of its own."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder, self._environment = folder, environment

    def __call__(self, *arguments: str, **environment: str) -> Ended:
        ended = subprocess.run(
            [sys.executable, "-m", "pipeline", *arguments],
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **self._environment, **environment},
            capture_output=True,
            text=True,
            timeout=300,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)


def test_the_alert_fires_for_a_drifted_model_and_ends_with_the_second_prompt(binaries: Any, tmp_path: Path) -> None:
    stack = Stack(binaries, tmp_path, faster=10)
    places = {"STORE": "sqlite:///var/verbatims.db", "WAREHOUSE": "", "SCRAPER_MODE": "sandbox"}
    try:
        stack.start()
        with Sandbox(latency_s=0) as steady, Sandbox(latency_s=0, drift="negative=0.15") as drifting:
            turn = Turn(Commands(tmp_path, places), tmp_path, steady.url, drifting.url)
            turn.month()
            with stack.serving("exporter", STORE=f"sqlite:///{turn.store}", SCRAPER_MODE="sandbox"):
                _turn(stack, turn)
    finally:
        stack.stop()


def _turn(stack: Stack, turn: Turn) -> None:
    ready = 'store_model_signal_ready{source="shop",signal="given_stars"}'
    eventually(lambda: stack.value(ready) == 1, 60, "the month is judged")
    assert stack.query(FIRING) == []
    turn.drifted_night()
    eventually(lambda: stack.query(FIRING), 90, "the alert fires")
    assert stack.query(FIRING)[0][0]["source"] == "shop"
    assert turn.evaluate()["enough"]
    f1 = 'store_model_evaluation_f1{class="negative"}'
    eventually(lambda: stack.value(f1), 60, "the evaluation is in Prometheus")
    assert turn.compare().code == 0 and turn.reanalyse().code == 0
    assert stack.query(FIRING)
    assert turn.accept().code == 0
    eventually(lambda: not stack.query(FIRING), 90, "the alert ends")
    assert stack.value(ready) == 1
