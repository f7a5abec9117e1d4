"""Warehouses, where analysts query the rows.

warehouse.py        the interface of all warehouses
table.py            reads a table's description from its folder in tables/
payload.py          validates rows and splits them into shards
checks.py           data quality checks after a load
sqlite.py           the SQLite warehouse
bigquery.py         the BigQuery warehouse
bigquery_jobs.py    its jobs: started, found again, waited for, ended
day_ranges.py       which partitions one statement covers
merge.py            its SQL
bigquery_schema.py  a table's columns as a BigQuery schema
bigquery_errors.py  translates Google's errors into ours
"""

from __future__ import annotations

from collections.abc import Callable

from pipeline.load.checks import Finding, check
from pipeline.load.sqlite import SqliteWarehouse
from pipeline.load.warehouse import Load, Loaded, RejectedRow, Warehouse


def _sqlite(url: str, sandbox: bool, endpoint: str | None) -> Warehouse:
    return SqliteWarehouse(url, sandbox=sandbox)


def _bigquery(url: str, sandbox: bool, endpoint: str | None) -> Warehouse:
    from pipeline.load.bigquery import BigQueryWarehouse  # the import takes half a second, which SQLite can save

    return BigQueryWarehouse(url, sandbox=sandbox, endpoint=endpoint)


WAREHOUSES: dict[str, Callable[[str, bool, str | None], Warehouse]] = {"sqlite": _sqlite, "bigquery": _bigquery}
"""URL scheme → function that opens the warehouse. A new warehouse is a file beside `sqlite.py` and a line here."""


def open_warehouse(url: str, *, sandbox: bool, endpoint: str | None = None) -> Warehouse:
    """Open the warehouse at a URL that the settings have checked, for rows of the sandbox or of Claude.

    `endpoint` is the sandbox's address, for a warehouse that is a service.
    Raises SettingsError, which names WAREHOUSE, if it is unreachable, has another schema or holds rows of the other
    mode.
    """
    return WAREHOUSES[url.split(":", 1)[0]](url, sandbox, endpoint)


__all__ = ["WAREHOUSES", "Finding", "Load", "Loaded", "RejectedRow", "Warehouse", "check", "open_warehouse"]
