"""Fixtures of the stack, which is started once per test file."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from required import skip_or_fail

from .runs import Runs
from .servers.build import NoGo, build
from .stack import Stack


def pytest_configure(config: pytest.Config) -> None:
    # treat SIGTERM like Ctrl-C, so that fixtures are finalised and their servers stopped
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def binaries() -> Mapping[str, Path]:
    """Server → folder of its binaries; missing ones are built."""
    try:
        return build()
    except NoGo as error:
        skip_or_fail(str(error))
        raise


@pytest.fixture(scope="module")
def stack(binaries: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All servers without data; shared by the tests of a file."""
    stack = Stack(binaries, tmp_path_factory.mktemp("stack"))
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


@pytest.fixture
def runs(stack: Stack, tmp_path: Path) -> Iterator[Callable[..., Runs]]:
    """Makes runs that export to the stack; at teardown it stops those that a failed test left running."""
    made: list[Runs] = []

    def make(**environment: str) -> Runs:
        made.append(Runs(tmp_path, {"OTEL_EXPORTER_OTLP_ENDPOINT": stack.otlp_endpoint, **environment}))
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    """A failed test shows the end of each server's log."""
    report = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.failed and isinstance(stack, Stack):
        report.sections += [(f"log of {server.name}", server.tail()) for server in stack.servers]
    return report
