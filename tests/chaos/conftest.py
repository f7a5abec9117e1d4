"""The library that makes a clock step, and how long rounds are begun."""

import os
from pathlib import Path

import pytest
from required import REQUIRED, skip_or_fail

from .process import ROOT

LIBRARIES = "/usr/lib/*/faketime/libfaketimeMT.so.1"


@pytest.fixture
def clock() -> str | None:
    """None where it is not installed: clocks are not stepped then."""
    found = sorted(str(path) for path in Path("/").glob(LIBRARIES.removeprefix("/")))
    if found:
        return found[0]
    if REQUIRED:
        skip_or_fail("libfaketime is not installed (Debian: apt-get install faketime)")
    print("no clock is stepped: libfaketime is not installed (Debian: apt-get install faketime)")
    return None


@pytest.fixture(params=range(int(os.environ.get("SEEDS") or "1")))
def seed(request: pytest.FixtureRequest) -> int:
    """What the faults on Claude's calls are drawn from; `SEEDS=20` takes twenty."""
    return int(request.param) + int(os.environ.get("CHAOS_SEED") or "1")


@pytest.fixture
def seconds() -> float:
    """How long rounds are begun."""
    return float(os.environ.get("CHAOS_SECONDS") or 600)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """This project and these tests, for processes that start from nothing."""
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'tests'}")
