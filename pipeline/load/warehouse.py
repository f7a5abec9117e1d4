"""The seam between the load stage and a warehouse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.load.table import Parameter
from pipeline.records import WarehouseRow


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that the warehouse did not take."""

    verbatim_id: str
    problem: str
    """What the warehouse said, without the row's values."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load came to."""

    held: int
    """How many of the rows handed in the warehouse now holds, unchanged ones included."""
    refused: tuple[RejectedRow, ...]


class Warehouse(Protocol):
    """Called by `journey.py`. Loading the same rows again changes nothing."""

    @property
    def name(self) -> str:
        """Where the rows are, for a person; no secret."""

    def load(self, pages: Iterable[Sequence[WarehouseRow]], outdated: Iterable[str] = ()) -> Loaded:
        """Insert or replace by verbatim_id, and remove the rows of outdated ids, whose text is no more.

        Raises TransientError when the warehouse is out of reach or full.
        """

    def query(self, sql: str, parameters: Mapping[str, Parameter]) -> list[Mapping[str, Any]]:
        """Rows of a SELECT over the tables, with named parameters: `@day`.

        Raises TransientError when the warehouse is out of reach.
        """

    def marks(self) -> Mapping[str, int]:
        """What `mark` has left: each store's identity of this warehouse → number of its last load.

        Empty where the table has no rows: whatever was brought is no more.
        """

    def mark(self, identity: str, number: int) -> None:
        """Keep the number of a load, unless a later one stands there."""

    def how_to_look(self) -> str:
        """A command that shows a view of the rows, for a person's shell."""

    def close(self) -> None:
        """Let go of the connection."""
