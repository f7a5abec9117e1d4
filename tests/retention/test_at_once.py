"""Erasing beside processes that write the same verbatims: no error, no deadlock, no text left."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest

from pipeline.retention import expire, forget

from .conftest import GOOD, Scenario

pytestmark = pytest.mark.long

NAMES = [f"n{number:02}" for number in range(12)]
ALL = date(9999, 1, 1)


@contextmanager
def two_writers(scenario: Scenario) -> Iterator[list[threading.Thread]]:
    """Two threads that scrape the same names repeatedly, with texts that change and that names share."""
    errors: list[BaseException] = []

    def run_nights() -> None:
        try:
            for version in range(15):
                texts = {name: (f"canari {(number + version) % 5}", GOOD) for number, name in enumerate(NAMES)}
                scenario.run_night(None, texts, loads=False)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run_nights) for _ in range(2)]
    for thread in threads:
        thread.start()
    yield threads
    for thread in threads:
        thread.join()
    assert errors == []


def test_forgetting_beside_writers_leaves_no_text(scenario: Scenario) -> None:
    scenario.run_night(None, {name: (f"canari {name}", GOOD) for name in NAMES})
    with two_writers(scenario):
        for name in NAMES:
            forget(scenario.session, "shop", name)
    assert "canari" not in repr(scenario.dump()) and "http" not in repr(scenario.dump())


def test_expiring_beside_writers_does_not_deadlock(scenario: Scenario) -> None:
    with two_writers(scenario) as writers:
        while any(other.is_alive() for other in writers):
            expire(scenario.session, ALL)
    expire(scenario.session, ALL)
    assert "canari" not in repr(scenario.dump())
