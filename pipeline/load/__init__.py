"""Warehouses: where analysts find the rows."""

from pipeline.load.sqlite import SqliteWarehouse
from pipeline.load.warehouse import Loaded, Refusal, Warehouse

WAREHOUSES = {"sqlite": SqliteWarehouse}
"""URL scheme → what opens it. A new warehouse is a file beside `sqlite.py` and a line here."""


def open_warehouse(url: str, *, sandbox: bool) -> Warehouse:
    """The warehouse at a URL that the settings have checked, for rows of the sandbox or of Claude.

    Raises SettingsError naming WAREHOUSE: out of reach, of another shape, or holding rows of the other kind.
    """
    return WAREHOUSES[url.split(":", 1)[0]](url, sandbox=sandbox)


__all__ = ["WAREHOUSES", "Loaded", "Refusal", "Warehouse", "open_warehouse"]
