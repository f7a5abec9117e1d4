"""Warehouses: where analysts find the rows."""

from pipeline.load.sqlite import SqliteWarehouse
from pipeline.load.warehouse import Loaded, Refusal, Warehouse

WAREHOUSES = {"sqlite": SqliteWarehouse}
"""URL scheme → what opens it. A new warehouse is a file beside `sqlite.py` and a line here."""


def open_warehouse(url: str) -> Warehouse:
    """The warehouse at a URL that the settings have checked. Raises SettingsError naming WAREHOUSE."""
    return WAREHOUSES[url.split(":", 1)[0]](url)


__all__ = ["WAREHOUSES", "Loaded", "Refusal", "Warehouse", "open_warehouse"]
