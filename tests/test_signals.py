"""Signals while a command ends: another exception within a library would be a traceback."""

import signal
import subprocess
import sys

import pytest

ENDING = """
import os, signal, sys
from pipeline.errors import Interrupted
from pipeline.signals import raise_interrupted

raise_interrupted()
try:
    os.kill(os.getpid(), signal.SIGINT)
    print("not interrupted")
except Interrupted:
    os.kill(os.getpid(), signal.Signals(int(sys.argv[1])))
    print("cleaned up")
"""


@pytest.mark.parametrize(
    ("second", "code", "out", "err"),
    [
        (signal.SIGINT, 130, "", "\nverbatims: given up; start it again\n"),
        (signal.SIGTERM, 0, "cleaned up\n", ""),  # Airflow always sends it 5 s after SIGINT
    ],
)
def test_a_signal_while_a_command_cleans_up(second: signal.Signals, code: int, out: str, err: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ENDING, str(int(second))], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, out, err)
