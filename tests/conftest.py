"""Shared fixtures: a store of each kind, the folder of real reviews, an OTLP receiver."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from otlp_receiver import Receiver
from postgres import NoPostgres, Server, running, serving
from required import skip_or_fail

from pipeline.store import Store, open_store

ROOT = Path(__file__).parents[1]

# no test may fail because the machine is busy: an example over 200 ms is a failure otherwise
hypothesis.settings.register_profile("verbatims", deadline=None)
hypothesis.settings.load_profile("verbatims")


@pytest.fixture(scope="session")
def reviews() -> Path:
    """The real reviews, which are not part of the project."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        skip_or_fail("the folder of real reviews is not here")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A separate Postgres server: its URL without a database name."""
    try:
        with serving() as server:
            yield server
    except NoPostgres as error:
        skip_or_fail(str(error))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A Postgres server that a test may stop and start."""
    try:
        with running() as server:
            yield server
    except NoPostgres as error:
        skip_or_fail(str(error))


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new, empty store of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    server = request.getfixturevalue("postgres")
    import psycopg

    name = f"t{abs(hash(request.node.nodeid)) % 10**12}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}"')  # type: ignore[arg-type, unused-ignore]
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type, unused-ignore]
    return f"{server}/{name}"


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A new, empty store of each kind, opened."""
    opened = open_store(store_url)
    yield opened
    opened.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print which warehouse passed which contract test."""
    results: dict[str, dict[str, str]] = {}
    for outcome, mark in (("passed", "yes"), ("failed", "NO"), ("error", "NO"), ("skipped", "skipped")):
        for report in terminalreporter.stats.get(outcome, []):
            if found := re.search(r"load/test_contract\.py::test_(\w+)\[(\w+?)(?:-(\w+))?\]", report.nodeid):
                name, warehouse, case = found.groups()
                sentence = name.replace("_", " ") + (f" ({case})" if case else "")
                results.setdefault(sentence, {})[warehouse] = mark
    if results:
        _table(terminalreporter, results)


def _table(terminalreporter: pytest.TerminalReporter, results: dict[str, dict[str, str]]) -> None:
    warehouses = sorted({warehouse for marks in results.values() for warehouse in marks})
    width = max(map(len, results))
    terminalreporter.section("every warehouse")
    terminalreporter.line(f"{'':{width}}  {'  '.join(f'{one:>8}' for one in warehouses)}")
    for sentence, marks in results.items():
        cells = "  ".join(f"{marks.get(one, '-'):>8}" for one in warehouses)
        terminalreporter.line(f"{sentence:{width}}  {cells}")
