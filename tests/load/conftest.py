"""A new, empty warehouse of each kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from load.places import Place
from pipeline.load import WAREHOUSES
from pipeline.load.table import ANALYSED
from pipeline.sandbox import Sandbox


def sqlite_place(folder: Path) -> Place:
    return Place(f"sqlite:///{folder}/rows.db", None, folder / "rows.db", ANALYSED)


def bigquery_place(folder: Path, endpoint: str) -> Place:
    return Place("bigquery://sandbox/verbatims", endpoint, folder / "tables.db", f"verbatims.{ANALYSED}")


@pytest.fixture
def faults() -> str:
    """The faults of the sandbox; a test may set others by its parameters."""
    return ""


@pytest.fixture
def bigquery(tmp_path: Path, faults: str) -> Iterator[Place]:
    with Sandbox(faults=faults, tables=tmp_path / "tables.db") as sandbox:
        yield bigquery_place(tmp_path, sandbox.url)


@pytest.fixture(params=sorted(WAREHOUSES))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        return sqlite_place(tmp_path)
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]
