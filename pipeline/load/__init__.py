"""Warehouses: where analysts find the rows.

warehouse.py  the seam                     table.py   what a table's folder in tables/ says of it
sqlite.py     a file                       payload.py rows checked and cut into shards
bigquery.py   Google's, by merge.py's SQL  checks.py  whether what is there may be relied on

bigquery_schema.py says a table's columns in Google's words, bigquery_errors.py Google's errors in ours.
"""

from __future__ import annotations

from collections.abc import Callable

from pipeline.load.checks import Finding, check
from pipeline.load.sqlite import SqliteWarehouse
from pipeline.load.warehouse import Loaded, RejectedRow, Warehouse


def _sqlite(url: str, sandbox: bool, endpoint: str | None) -> Warehouse:
    return SqliteWarehouse(url, sandbox=sandbox)


def _bigquery(url: str, sandbox: bool, endpoint: str | None) -> Warehouse:
    from pipeline.load.bigquery import BigQueryWarehouse  # half a second of imports that SQLite does without

    return BigQueryWarehouse(url, sandbox=sandbox, endpoint=endpoint)


WAREHOUSES: dict[str, Callable[[str, bool, str | None], Warehouse]] = {"sqlite": _sqlite, "bigquery": _bigquery}
"""URL scheme → what opens it. A new warehouse is a file beside `sqlite.py` and a line here."""


def open_warehouse(url: str, *, sandbox: bool, endpoint: str | None = None) -> Warehouse:
    """The warehouse at a URL that the settings have checked, for rows of the sandbox or of Claude.

    `endpoint` is where the sandbox answers, for a warehouse that is a service.
    Raises SettingsError naming WAREHOUSE: out of reach, of another shape, or holding rows of the other kind.
    """
    return WAREHOUSES[url.split(":", 1)[0]](url, sandbox, endpoint)


__all__ = ["WAREHOUSES", "Finding", "Loaded", "RejectedRow", "Warehouse", "check", "open_warehouse"]
