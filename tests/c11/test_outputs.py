"""The outputs in the page of criteria equal those of its commands on the real servers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest
from required import skip_or_fail
from stack.server import eventually
from stack.stack import Stack

from .outputs import BLOCK, Shell, closed

pytestmark = pytest.mark.c11

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "c11" / "5-criteres.md"
USUAL = {
    "127.0.0.1:4318": "otlp_http",
    "127.0.0.1:8000": "exporter",
    "127.0.0.1:9090": "prometheus",
    "127.0.0.1:9091": "pushgateway",
    "127.0.0.1:3200": "tempo",
}
GIT = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
"""The checkout may belong to another user than the one that runs the tests."""
OURS = ("VERBATIMS_", "OTEL_", "ANTHROPIC_", "SCRAPER_MODE", "STORE", "WAREHOUSE", "PYTEST_", "MAKE", "MFLAGS")


@pytest.fixture(scope="module")
def shell(stack: Stack, binaries: Mapping[str, Path]) -> Iterator[Shell]:
    """A shell as the page requires: the environment active, the services up."""
    if find_spec("pypandoc") is None:
        skip_or_fail("pypandoc is not installed (make c11 does it)")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    path = f"{Path(sys.executable).parent}:{binaries['prometheus']}:{clean['PATH']}"
    (ROOT / "var").mkdir(exist_ok=True)
    for old in (ROOT / "var").glob("c11*.db*"):
        old.unlink()
    addresses = {usual: f"127.0.0.1:{stack.ports[name]}" for usual, name in USUAL.items()}
    store = f"sqlite:///{ROOT / 'var' / 'c11.db'}"
    with stack.serving("forwarder"), stack.serving("exporter", STORE=store):
        yield Shell(ROOT, {**clean, "PATH": path, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", **GIT}, addresses)


def test_the_page_shows_the_output_of_its_commands(shell: Shell, stack: Stack) -> None:
    page = PAGE.read_text(encoding="utf-8")
    first, *rest = [block for block in BLOCK.findall(page) if tracked() or "$ git " not in block]
    made = {first: shell.answer(first)}
    seen(stack)
    made |= {block: shell.answer(block) for block in rest}
    if stale := [block for block, now in made.items() if closed(now) != closed(block)]:
        PAGE.write_text(BLOCK.sub(lambda found: made.get(found[0], found[0]), page), encoding="utf-8")
        differ = "\n\n".join(f"{block}is now\n{made[block]}" for block in stale)
        raise AssertionError(f"{PAGE.name} was stale and is written anew: read what changed, then commit\n{differ}")


def tracked() -> bool:
    """Whether this is a Git checkout and not a copy: one of the commands uses Git."""
    command = ["git", "ls-files", str(PAGE)]
    said = subprocess.run(command, cwd=ROOT, env=os.environ | GIT, capture_output=True, text=True)
    return bool(said.stdout)


def seen(stack: Stack) -> None:
    """Wait until the run is visible in every server that the page queries."""
    places = {
        "live": 'verbatims_analyzed_total{sentiment="positive"} > 0',
        "totals": 'store_verbatims_analyzed_total{sentiment="positive"} > 0',
        "last time": 'batch_verbatims{task_id="load"}',
    }
    for place, query in places.items():
        eventually(lambda query=query: stack.query(query), 60, f"the run is in Prometheus: {place}")  # type: ignore[misc]
    eventually(lambda: stack.exemplars("verbatim_analysis_duration_seconds_bucket"), 60, "an exemplar")
    stack.tempo.wait()
