"""The place where batches are tested."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from batch_place import Place


@pytest.fixture
def place(tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    made = Place(tmp_path, store_url, monkeypatch)
    yield made
    made.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Batches on Postgres are long tests: each waits for seconds, and does on SQLite what it does there."""
    for item in items:
        of_batches = item.path.parent == Path(__file__).parent and "place" in getattr(item, "fixturenames", ())
        if of_batches and item.callspec.params.get("store_url") == "postgres":  # type: ignore[attr-defined]
            item.add_marker(pytest.mark.long)
