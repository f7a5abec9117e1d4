"""Shared fixtures: a store of each kind, the folder of real reviews, an OTLP receiver."""

import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from otlp_receiver import Receiver
from postgres import NoPostgres, Server, database_name, new_database, running, serving
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
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A place for a store of each kind: there is nothing yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/store.db"
    else:
        with new_database(request.getfixturevalue("postgres"), request.node.nodeid) as url:
            yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that is made already, to be copied: making one runs all migrations, 0.1 s, and 0.3 s on Postgres."""
    path = tmp_path_factory.mktemp("template") / "store.db"
    open_store(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: str) -> Iterator[str]:
    """The same on Postgres: the name of its database."""
    with new_database(postgres, "template") as url:
        open_store(url).close()
        yield database_name("template")


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A new, empty store of each kind."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "store.db")
        yield f"sqlite:///{tmp_path}/store.db"
    else:
        template = request.getfixturevalue("postgres_template")
        with new_database(request.getfixturevalue("postgres"), request.node.nodeid, template) as url:
            yield url


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
