"""The SQL that brings staged rows into a BigQuery table, and takes rows out of it."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.load.table import Column, TableDescription


def merge_sql(table: TableDescription, target: str, staging: Sequence[str]) -> str:
    """A MERGE of the staged rows of some days; unchanged rows are not written.

    The parameters @first_day and @last_day limit the rows, and the partitions that BigQuery reads and bills.
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
        f"  ) WHERE nth = 1 AND {table.partition} BETWEEN @first_day AND @last_day\n"
        f") AS given\n"
        f"ON kept.{table.key} = given.{table.key} AND kept.{table.partition} BETWEEN @first_day AND @last_day\n"
        f"WHEN MATCHED AND ({' OR '.join(map(_differs, others))}) THEN\n"
        f"  UPDATE SET {', '.join(f'{column.name} = given.{column.name}' for column in others)}\n"
        f"WHEN NOT MATCHED THEN\n"
        f"  INSERT ({listed}) VALUES ({', '.join(f'given.{name}' for name in names)})"
    )


def take_over_sql(table: TableDescription, target: str, rows: str) -> str:
    """A MERGE that inserts rows whose key the table lacks; may be repeated."""
    listed = ", ".join(column.name for column in table.columns)
    values = ", ".join(f"given.{column.name}" for column in table.columns)
    return (
        f"MERGE `{target}` AS kept\nUSING (\n{rows}) AS given\n"
        f"ON kept.{table.key} = given.{table.key}\n"
        f"WHEN NOT MATCHED THEN\n  INSERT ({listed}) VALUES ({values})"
    )


def moved_sql(table: TableDescription, target: str, staging: Sequence[str]) -> str:
    """Staged rows that the table holds on another day: both days. Reads only two columns of the table."""
    staged = " UNION ALL ".join(f"SELECT {table.key}, {table.partition} FROM `{one}`" for one in staging)
    return (
        f"SELECT DISTINCT given.{table.partition} AS given_day, kept.{table.partition} AS kept_day\n"
        f"FROM `{target}` AS kept\n"
        f"JOIN ({staged}) AS given ON kept.{table.key} = given.{table.key}\n"
        f"WHERE kept.{table.partition} <> given.{table.partition}"
    )


def days_sql(table: TableDescription, target: str) -> str:
    """The days of rows; the parameter @gone is the list of their keys. Reads only two columns of the table."""
    return f"SELECT DISTINCT {table.partition} AS day FROM `{target}` WHERE {table.key} IN UNNEST(@gone)"


def delete_sql(table: TableDescription, target: str) -> str:
    """Deletes rows of some days by key; the parameter @gone is the list of keys."""
    return (
        f"DELETE FROM `{target}` WHERE {table.key} IN UNNEST(@gone) "
        f"AND {table.partition} BETWEEN @first_day AND @last_day"
    )


def _differs(column: Column) -> str:
    # BigQuery cannot compare values of type JSON, so their text is compared
    sides = [f"TO_JSON_STRING({side}.{column.name})" if column.type == "JSON" else f"{side}.{column.name}"
             for side in ("kept", "given")]  # fmt: skip
    return f"{sides[0]} IS DISTINCT FROM {sides[1]}"
