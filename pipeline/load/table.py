"""A warehouse table as its folder describes it: columns with their meaning, and the analysts' views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import yaml

FOLDER = Path(__file__).parent / "tables"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `type` is one of STRING, FLOAT64, DATE, TIMESTAMP, JSON."""

    name: str
    type: str
    required: bool
    description: str


Parameter = str | int | float | date
"""Of a query, by its name."""


@dataclass(frozen=True, slots=True)
class Check:
    """A query for what is wrong; it finds no row where all is well."""

    name: str
    level: Literal["fail", "warn"]
    says: str
    """What a row found is told as: its columns stand in braces."""
    sql: str


@dataclass(frozen=True, slots=True)
class TableDescription:
    """What `tables/<name>/` says: `schema.yaml`, `checks.yaml`, and `views/<dialect>/<view>.sql`."""

    name: str
    description: str
    key: str
    partition: str
    """A column of days that never change: by one that does, a changed row would miss its own and be doubled."""
    clustering: tuple[str, ...]
    columns: tuple[Column, ...]

    def views(self, dialect: str) -> dict[str, str]:
        """View name → its SELECT, in one SQL dialect."""
        folder = FOLDER / self.name / "views" / dialect
        return {file.stem: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.sql"))}

    def checks(self) -> list[Check]:
        """What must not be, in any dialect."""
        content = yaml.safe_load((FOLDER / self.name / "checks.yaml").read_text(encoding="utf-8"))
        return [Check(**one) for one in content["checks"]]


def describe(name: str) -> TableDescription:
    """Read a table's folder."""
    content = yaml.safe_load((FOLDER / name / "schema.yaml").read_text(encoding="utf-8"))
    columns = tuple(Column(**column) for column in content["columns"])
    return TableDescription(
        name, content["description"], content["key"], content["partition"], tuple(content["clustering"]), columns
    )


def differences(table: TableDescription, there: Mapping[str, str], named: str) -> tuple[list[Column], list[str]]:
    """What a table whose columns are `there` (name → type) lacks and may be given, and SQL that mends the rest.

    A column that may be null only adds. Anything else changes what is there, and is not done unasked.
    """
    missing = [column for column in table.columns if column.name not in there]
    wanted = {column.name: column.type for column in table.columns}
    mending = [
        f"ALTER TABLE `{named}` ADD COLUMN {c.name} {c.type}; -- then give it a value in every row"
        for c in missing
        if c.required
    ]
    mending += [f"ALTER TABLE `{named}` DROP COLUMN {name};" for name in sorted(there.keys() - wanted.keys())]
    mending += [
        f"ALTER TABLE `{named}` RENAME COLUMN {name} TO {name}_before; "
        f"ALTER TABLE `{named}` ADD COLUMN {name} {kind}; "
        f"UPDATE `{named}` SET {name} = SAFE_CAST({name}_before AS {kind}) WHERE TRUE; "
        f"ALTER TABLE `{named}` DROP COLUMN {name}_before;"
        for name, kind in wanted.items()
        if name in there and there[name] != kind
    ]
    return [column for column in missing if not column.required], mending


def rebuilding(table: TableDescription, named: str) -> str:
    """SQL that gives a table its partitions and keeps its rows; BigQuery changes those of no table that is there."""
    return (
        f"CREATE TABLE `{named}_new` PARTITION BY {table.partition} CLUSTER BY {', '.join(table.clustering)} "
        f"AS SELECT * FROM `{named}`; DROP TABLE `{named}`; "
        f"ALTER TABLE `{named}_new` RENAME TO {table.name};"
    )


ANALYSED = "verbatims_analysed_v1"
"""The table of analysed verbatims; a breaking change of its columns makes a v2 beside it."""
