"""The SQL that brings staged rows into a BigQuery table."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.load.table import Column, TableDescription


def merge_sql(table: TableDescription, target: str, staging: Sequence[str]) -> str:
    """One MERGE over all staging tables; unchanged rows are not written.

    The parameters @first_day and @last_day limit the partitions that BigQuery reads and bills.
    """
    names = [column.name for column in table.columns]
    listed = ", ".join(names)
    staged = " UNION ALL ".join(f"SELECT {listed} FROM `{one}`" for one in staging)
    others = [column for column in table.columns if column.name != table.key]
    # ROW_NUMBER: MERGE fails if two source rows match one target row, so only the latest analysis counts
    return (
        f"MERGE `{target}` AS kept\n"
        f"USING (\n"
        f"  SELECT {listed} FROM (\n"
        f"    SELECT {listed}, ROW_NUMBER() OVER (PARTITION BY {table.key} ORDER BY analysed_at DESC) AS nth\n"
        f"    FROM ({staged})\n"
        f"  ) WHERE nth = 1\n"
        f") AS given\n"
        f"ON kept.{table.key} = given.{table.key} AND kept.{table.partition} BETWEEN @first_day AND @last_day\n"
        f"WHEN MATCHED AND ({' OR '.join(map(_differs, others))}) THEN\n"
        f"  UPDATE SET {', '.join(f'{column.name} = given.{column.name}' for column in others)}\n"
        f"WHEN NOT MATCHED THEN\n"
        f"  INSERT ({listed}) VALUES ({', '.join(f'given.{name}' for name in names)})"
    )


def days_sql(table: TableDescription, target: str, staging: Sequence[str]) -> str:
    """First and last partition that already hold staged keys; reads only two columns of the table."""
    staged = " UNION ALL ".join(f"SELECT {table.key} FROM `{one}`" for one in staging)
    return (
        f"SELECT min({table.partition}) AS first_day, max({table.partition}) AS last_day\n"
        f"FROM `{target}`\n"
        f"WHERE {table.key} IN (SELECT {table.key} FROM ({staged}) AS staged)"
    )


def delete_sql(table: TableDescription, target: str) -> str:
    """Deletes rows by key; the parameter @gone is the list of keys."""
    return f"DELETE FROM `{target}` WHERE {table.key} IN UNNEST(@gone)"


def _differs(column: Column) -> str:
    # BigQuery cannot compare values of type JSON, so their text is compared
    sides = [f"TO_JSON_STRING({side}.{column.name})" if column.type == "JSON" else f"{side}.{column.name}"
             for side in ("kept", "given")]  # fmt: skip
    return f"{sides[0]} IS DISTINCT FROM {sides[1]}"
