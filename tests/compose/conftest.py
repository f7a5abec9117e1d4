"""Fixtures: Compose, an engine, and one installation shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from required import skip_or_fail
from stack.servers.build import CannotBuild, build

from . import cli
from .engine import CannotStart, Engine, engine
from .images import images, names
from .installation import Installation, clone

REQUIRED = os.environ.get("REQUIRE_STACK") == "1"
"""In CI missing parts are installed and built; elsewhere a test skips and names them."""


@pytest.fixture(scope="session")
def compose() -> Sequence[str]:
    """The command that runs Compose."""
    try:
        return cli.command(build=REQUIRED)
    except CannotBuild as error:
        skip_or_fail(str(error))
        raise


@pytest.fixture
def cloned(compose: Sequence[str], tmp_path: Path) -> Installation:
    """The copied files, without anything started: needs no engine."""
    return Installation(compose, clone(tmp_path))


@pytest.fixture(scope="session")
def docker() -> Iterator[Engine]:
    """An engine that runs during the tests."""
    try:
        with engine(install=REQUIRED) as running:
            yield running
    except CannotStart as error:
        skip_or_fail(str(error))


@pytest.fixture(scope="module")
def installation(
    compose: Sequence[str], docker: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """All services except Grafana, whose image is not available, healthy; always removed at the end."""
    try:
        found = images(docker, build(), install=REQUIRED)
    except (CannotBuild, CannotStart) as error:
        skip_or_fail(str(error))
        raise
    folder = clone(tmp_path_factory.mktemp("installation"))
    installation = Installation(compose, folder, docker.environment | found)
    services = names(found, list(installation.config()["services"]))
    print("compose: starting", *services, "" if "grafana" in services else "(without grafana: no image of it here)")
    try:
        installation.services = services
        installation.up(services)
        yield installation
    finally:
        installation.down()
