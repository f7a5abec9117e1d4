"""Erasing while others scrape, edit and analyse the same verbatims: nobody stops, and no word is left."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from pipeline.retention import expire, forget

from .conftest import GOOD, World

NAMES = [f"n{number:02}" for number in range(12)]
ALL = date(9999, 1, 1)


@contextmanager
def two_others(world: World) -> Iterator[list[threading.Thread]]:
    """Two who read the same names over and over, with texts that change and that names share."""
    errors: list[BaseException] = []

    def nights() -> None:
        try:
            for version in range(15):
                texts = {name: (f"canari {(number + version) % 5}", GOOD) for number, name in enumerate(NAMES)}
                world.night(None, texts, loads=False)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=nights) for _ in range(2)]
    for thread in threads:
        thread.start()
    yield threads
    for thread in threads:
        thread.join()
    assert errors == []


def test_forgotten_is_forgotten(world: World) -> None:
    world.night(None, {name: (f"canari {name}", GOOD) for name in NAMES})
    with two_others(world):
        for name in NAMES:
            forget(world.session, "shop", name)
    assert "canari" not in repr(world.dump()) and "http" not in repr(world.dump())


def test_age_meets_nobody_in_a_circle(world: World) -> None:
    with two_others(world) as others:
        while any(other.is_alive() for other in others):
            expire(world.session, ALL)
    expire(world.session, ALL)
    assert "canari" not in repr(world.dump())
