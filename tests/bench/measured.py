"""What the programs of a measurement have in common: their texts, and how they measure themselves."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

WORDS = "La livraison est arrivée avec deux jours de retard, mais le vendeur a répondu vite et m'a remboursé."
"""A short review of about the median length of the real ones."""


def text_of(number: int) -> str:
    """The verbatim of a number, which the stand-in reads and names in its answer."""
    return f"{WORDS} Commande no. {number}"


@contextmanager
def measured() -> Iterator[dict[str, float]]:
    """What the block takes: `seconds`, `cpu_seconds` of this process and all its threads, and `peak_mb` so far."""
    found: dict[str, float] = {}
    began, cpu = time.perf_counter(), time.process_time()
    yield found
    found["seconds"] = time.perf_counter() - began
    found["cpu_seconds"] = time.process_time() - cpu
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
