"""The interface between the load stage and a warehouse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.errors import TransientError
from pipeline.load.table import Parameter
from pipeline.records import WarehouseRow


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that the warehouse rejected."""

    verbatim_id: str
    problem: str
    """The reason, without the row's values."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The result of a load."""

    held: int
    """How many of the passed rows the warehouse now holds, unchanged ones included."""
    refused: tuple[RejectedRow, ...]


@dataclass(frozen=True, slots=True)
class Load:
    """One load, as far as a warehouse has to know it."""

    store: str
    """Identity of the store that it comes from."""
    number: int
    """Each load of a store has the next one."""
    last_job: str | None
    """The job that the load before has noted last, if it has: it may still write, though its process has ended."""
    note_job: Callable[[str], bool]
    """Called with the id of each job that will change rows. Returns whether no later load has begun."""


class Warehouse(Protocol):
    """Called by `delivery.py`, `checks.py` and `summary.py`. Loading is idempotent."""

    @property
    def name(self) -> str:
        """Where the rows are, for messages; contains no secret."""

    @property
    def enforces_key(self) -> bool:
        """Whether it refuses a second row of one verbatim by itself."""

    def start_load(self, load: Load) -> None:
        """Begin a load: from now on no earlier load of this store changes a row.

        A later `load_rows` raises TransientError where another load of the store has begun since.
        """

    def load_rows(self, pages: Iterable[Sequence[WarehouseRow]], outdated: Iterable[str] = ()) -> Loaded:
        """Insert or replace rows by verbatim_id, and delete the rows of outdated ids, whose text has been erased.

        Raises TransientError if the warehouse is unreachable or full.
        """

    def query(self, sql: str, parameters: Mapping[str, Parameter]) -> list[Mapping[str, Any]]:
        """Run a SELECT over the tables, with named parameters such as `@day`.

        Raises TransientError if the warehouse is unreachable.
        """

    def marks(self) -> Mapping[str, int]:
        """Load watermarks: identity of each store → number of its last load.

        Each is 0 if the table has no rows: everything has to be loaded again.
        """

    def mark(self, identity: str, number: int) -> None:
        """Save the number of a store's load as its watermark, unless a higher one is saved already."""

    def drop_staged(self) -> None:
        """Delete copies of rows that loads have left: the words of erased verbatims may be in them."""

    def how_to_look(self) -> str:
        """A shell command that prints a view of the rows."""

    def close(self) -> None:
        """Close the connection."""


def overtaken(name: str) -> TransientError:
    """The error of a load that another one of its store has followed."""
    return TransientError(f"{name}: another load of this store has begun since, and this one ends; run it again")
