"""A batch of twenty thousand: sent by one process, which then leaves, and collected by another; memory stays flat."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.sandbox import Sandbox

from .conftest import query

pytestmark = pytest.mark.long

SMALL, LARGE = 500, 20_000
MORE_MIB = 60
"""What forty times as many requests may take more: buffers, and what Python has not given back. Their texts alone have
3 MB, their requests 120 MB, their answers 20 MB."""


def write(folder: Path, number: int) -> None:
    lines = (
        json.dumps(
            {"id": n, "text": f"Avis {n} : la livraison du colis numéro {n} était rapide, et le produit conforme."}
        )
        for n in range(number)
    )
    (folder / "reviews.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def command(folder: Path, url: str, *arguments: str, leave_at: str | None = None) -> tuple[int, float, str]:
    """Run one; at the line that holds `leave_at` it gets SIGINT. Returns exit code, most MiB, and what it said."""
    environment = {**os.environ, "ANTHROPIC_BASE_URL": url, "STORE": f"sqlite:///{folder}/store.db"}
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", *arguments],
        cwd=folder,
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    said = []
    assert process.stderr is not None
    for line in process.stderr:
        said.append(line)
        if leave_at and leave_at in line:
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
    process.stderr.close()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used.ru_maxrss / 1024, "".join(said)


def sent_and_collected(folder: Path, number: int) -> tuple[float, float]:
    """The most MiB of the process that sends, and of the one that collects."""
    folder.mkdir()
    write(folder, number)
    with Sandbox(latency_s=0, batches=folder / "batches.db", batch_delay_s=5.0) as sandbox:
        assert command(folder, sandbox.url, "scrape", "--input", "reviews.jsonl")[0] == 0
        assert command(folder, sandbox.url, "clean")[0] == 0
        code, sending, said = command(folder, sandbox.url, "analyse", "--mode", "batch", leave_at="you may leave")
        assert code == 130 and f"{number} requests sent" in said and "to go on:" in said and "collect" in said, said
        code, collecting, said = command(folder, sandbox.url, "collect")
        assert code == 0 and f"{number} results stored" in said, said
    assert query(folder / "store.db", "SELECT count(*) FROM texts WHERE current IS NOT NULL") == [(number,)]
    assert query(folder / "store.db", "SELECT count(*), state FROM batches") == [(1, "closed")]
    return sending, collecting


def test_a_batch_of_twenty_thousand_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    small, large = sent_and_collected(tmp_path / "small", SMALL), sent_and_collected(tmp_path / "large", LARGE)
    print(f"sending {small[0]:.0f} → {large[0]:.0f} MiB, collecting {small[1]:.0f} → {large[1]:.0f} MiB")
    assert large[0] <= small[0] + MORE_MIB and large[1] <= small[1] + MORE_MIB
