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
