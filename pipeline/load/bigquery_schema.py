"""A table's columns in Google's words, and how those of a table that is there differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.cloud import bigquery

from pipeline.load.table import TableDescription


def schema_of(table: TableDescription) -> list[bigquery.SchemaField]:
    """Its columns, as Google takes them."""
    return [field_of(column, required=column.required) for column in table.columns]


def field_of(column: Any, *, required: bool) -> bigquery.SchemaField:
    """One column, with its meaning."""
    mode = "REQUIRED" if required else "NULLABLE"
    return bigquery.SchemaField(column.name, column.type, mode=mode, description=column.description)


def types_of(schema: Sequence[bigquery.SchemaField]) -> dict[str, str]:
    """Column → type, by the names of Google's SQL."""
    names = {"FLOAT": "FLOAT64", "INTEGER": "INT64", "BOOLEAN": "BOOL"}
    return {
        field.name: ("ARRAY OF " if field.mode == "REPEATED" else "") + names.get(field.field_type, field.field_type)
        for field in schema
    }


def loosening(table: TableDescription, schema: Sequence[bigquery.SchemaField], named: str) -> list[str]:
    """SQL for columns that may be null here and must not be there."""
    may_be_null = {column.name for column in table.columns if not column.required}
    strict = [field.name for field in schema if field.mode == "REQUIRED" and field.name in may_be_null]
    return [f"ALTER TABLE `{named}` ALTER COLUMN {name} DROP NOT NULL;" for name in strict]
