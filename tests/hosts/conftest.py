"""Two hosts with Celery's workers beside a real Airflow, Redis, Postgres and the servers of the stack."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from dags.live import Airflow
from dags.night import RunEnvironment, create
from required import skip_or_fail
from stack.conftest import binaries, pytest_configure, pytest_runtest_makereport, stack
from stack.stack import Stack

from pipeline.sandbox import Sandbox

from .broker import NoRedis, serving
from .installation import Installation
from .network import Network, NoNetwork, networking
from .relay import Relay

__all__ = ["binaries", "pytest_configure", "pytest_runtest_makereport", "stack"]


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """The bridge between this machine and the hosts."""
    for package in ("airflow.providers.celery", "airflow.providers.cncf.kubernetes"):
        if not _installed(package):
            skip_or_fail(f"{package} is not installed (make test-celery does it)")
    with ExitStack() as made:
        try:
            yield made.enter_context(networking())
        except NoNetwork as error:
            skip_or_fail(str(error))


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str]]:
    """The port and the password of the broker."""
    with ExitStack() as made:
        try:
            served = made.enter_context(serving(tmp_path_factory.mktemp("redis")))
        except NoRedis as error:
            skip_or_fail(str(error))
        yield served


@pytest.fixture(scope="module")
def relay(network: Network, redis: tuple[int, str], postgres: str, stack: Stack) -> Iterator[Relay]:
    """Brings the hosts to the servers of this machine, which listen on loopback alone."""
    ports = [redis[0], urlsplit(postgres).port or 0, stack.ports["otlp_http"]]
    with Relay(network.address, ports) as passing:
        yield passing


@pytest.fixture(scope="module")
def installation(
    network: Network, redis: tuple[int, str], relay: Relay, postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """A new installation: its first run starts with it."""
    folder = tmp_path_factory.mktemp("hosts")
    (folder / "airflow").mkdir()
    create(postgres, "airflow")
    airflow = Airflow(folder / "airflow", f"{postgres}/airflow")
    relay.add(urlsplit(airflow.url).port or 0)
    made = Installation(folder, airflow, network, redis)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def new_environment(
    installation: Installation, relay: Relay, postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., RunEnvironment]]:
    """Makes a run environment with this sandbox latency and gives it to both hosts."""
    folder: Path = tmp_path_factory.mktemp("nights")
    numbers = itertools.count(1)
    with ExitStack() as sandboxes:

        def make(latency_s: float, **settings: str) -> RunEnvironment:
            name = f"night_{next(numbers)}"
            create(postgres, name)
            billed = folder / f"{name}.jsonl"
            sandbox = sandboxes.enter_context(Sandbox(latency_s=latency_s, billed=billed))
            relay.add(urlsplit(sandbox.url).port or 0)
            # the same path on both hosts, each of which has a folder of its own there
            kept = installation.one.folder / f"{name}.db"
            environment = RunEnvironment(f"{postgres}/{name}", kept, billed, sandbox)
            installation.use(environment, WAREHOUSE=f"sqlite:///{name}.db", **settings)
            return environment

        yield make


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False
