"""Converts a table's columns to a BigQuery schema and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.cloud import bigquery

from pipeline.load.table import TableDescription


def schema_of(table: TableDescription) -> list[bigquery.SchemaField]:
    """The BigQuery schema of a table."""
    return [field_of(column, required=column.required) for column in table.columns]


def field_of(column: Any, *, required: bool) -> bigquery.SchemaField:
    """The BigQuery field of one column, with its description."""
    mode = "REQUIRED" if required else "NULLABLE"
    return bigquery.SchemaField(column.name, column.type, mode=mode, description=column.description)


def types_of(schema: Sequence[bigquery.SchemaField]) -> dict[str, str]:
    """Column → type, by its name in Google's SQL."""
    # the API returns the names of legacy SQL
    names = {"FLOAT": "FLOAT64", "INTEGER": "INT64", "BOOLEAN": "BOOL"}
    return {
        field.name: ("ARRAY OF " if field.mode == "REPEATED" else "") + names.get(field.field_type, field.field_type)
        for field in schema
    }


def loosening(table: TableDescription, schema: Sequence[bigquery.SchemaField], named: str) -> list[str]:
    """SQL for columns that are nullable in the description and REQUIRED in the existing table."""
    may_be_null = {column.name for column in table.columns if not column.required}
    strict = [field.name for field in schema if field.mode == "REQUIRED" and field.name in may_be_null]
    return [f"ALTER TABLE `{named}` ALTER COLUMN {name} DROP NOT NULL;" for name in strict]
