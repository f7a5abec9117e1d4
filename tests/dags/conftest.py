"""A live Airflow beside the real servers, shared by the tests of a file."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import pytest
from required import skip_or_fail
from stack.conftest import binaries, pytest_configure, pytest_runtest_makereport, stack
from stack.stack import Stack

from pipeline.sandbox import Sandbox

from .live import Airflow
from .night import RunEnvironment, create

__all__ = ["binaries", "pytest_configure", "pytest_runtest_makereport", "stack"]


@pytest.fixture(scope="module")
def airflow(stack: Stack, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """A new installation: its first run starts with it."""
    if find_spec("airflow") is None:
        skip_or_fail("Airflow is not installed (make test-airflow does it)")
    create(postgres, "airflow")
    made = Airflow(tmp_path_factory.mktemp("airflow"), f"{postgres}/airflow")
    with stack.serving("forwarder"):
        try:
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="module")
def new_environment(
    airflow: Airflow, postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., RunEnvironment]]:
    """Makes a run environment with this sandbox latency and writes it to the tasks' `.env`."""
    folder: Path = tmp_path_factory.mktemp("environments")
    numbers = itertools.count(1)
    with ExitStack() as sandboxes:

        def make(latency_s: float, batch_delay_s: float = 1.0, **settings: str) -> RunEnvironment:
            name = f"{folder.name}_{next(numbers)}"
            create(postgres, name)
            billed = folder / f"{name}.jsonl"
            batches = {"batches": folder / f"{name}-batches.db", "batch_delay_s": batch_delay_s}
            sandbox = sandboxes.enter_context(Sandbox(latency_s=latency_s, billed=billed, **batches))
            environment = RunEnvironment(f"{postgres}/{name}", folder / f"{name}.db", billed, sandbox)
            airflow.set_env_file(**environment.settings, **settings)
            return environment

        yield make
