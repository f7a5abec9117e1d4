"""Reads the description of a warehouse table: columns with their meaning, checks, and the analysts' views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from pipeline.shipped_yaml import shipped_yaml

FOLDER = Path(__file__).parent / "tables"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `type` is one of STRING, FLOAT64, INT64, DATE, TIMESTAMP, JSON."""

    name: str
    type: str
    required: bool
    description: str


Parameter = str | int | float | date
"""Value of a named query parameter."""


@dataclass(frozen=True, slots=True)
class Check:
    """A query that returns a row for each problem, and no row if there is none."""

    name: str
    level: Literal["fail", "warn"]
    says: str
    """Template of the message; braces hold the names of the query's columns."""
    sql: str
    of_the_key: bool = False
    """It looks for what a warehouse that enforces the key refuses anyway, and is left out there."""


@dataclass(frozen=True, slots=True)
class TableDescription:
    """The content of `tables/<name>/`: `schema.yaml`, `checks.yaml`, `views/<dialect>/<view>.sql`, and the rows of the
    former table as rows of this one, `former/<dialect>.sql`."""

    name: str
    description: str
    key: str
    partition: str
    """A column with an immutable day.

    The MERGE looks for a row in its day's partition: if the day changed, it would insert the row a second time.
    """
    clustering: tuple[str, ...]
    columns: tuple[Column, ...]

    def views(self, dialect: str) -> dict[str, str]:
        """View name → its SELECT in this SQL dialect."""
        folder = FOLDER / self.name / "views" / dialect
        found = {file.stem: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.sql"))}
        return {**found, COLUMNS: self._columns_view()}

    def former_rows(self, dialect: str) -> str:
        """The SELECT over the former table that gives rows of this one."""
        return (FOLDER / self.name / "former" / f"{dialect}.sql").read_text(encoding="utf-8")

    def _columns_view(self) -> str:
        """The columns with their meaning as rows, for whoever reads the table without this folder."""
        rows = [
            ", ".join(f"'{value}' AS {name}" for name, value in _described(self.name, column).items())
            for column in self.columns
        ]
        return "-- What each column of the table means.\nSELECT " + "\nUNION ALL SELECT ".join(rows)

    def checks(self) -> list[Check]:
        """The table's checks; their SQL is valid in every dialect."""
        content = shipped_yaml(FOLDER / self.name / "checks.yaml")
        return [Check(**one) for one in content["checks"]]


def _described(table: str, column: Column) -> dict[str, str]:
    values = {"table_name": table, "column_name": column.name, "type": column.type, "description": column.description}
    return {name: value.replace("'", "’") for name, value in values.items()}


def describe(name: str) -> TableDescription:
    """Read a table's description from its folder."""
    content = shipped_yaml(FOLDER / name / "schema.yaml")
    columns = tuple(Column(**column) for column in content["columns"])
    return TableDescription(
        name, content["description"], content["key"], content["partition"], tuple(content["clustering"]), columns
    )


def differences(table: TableDescription, there: Mapping[str, str], named: str) -> tuple[list[Column], list[str]]:
    """Compare the description with an existing table, whose columns are `there` (name → type).

    Returns the columns that can be added, and SQL statements that repair all other differences. Only a nullable
    column is added automatically; every other change alters existing data, so a person has to run it.
    """
    missing = [column for column in table.columns if column.name not in there]
    wanted = {column.name: column.type for column in table.columns}
    mending = [
        f"ALTER TABLE `{named}` ADD COLUMN {c.name} {c.type}; /* then give it a value in every row */"
        for c in missing
        if c.required
    ]
    mending += [f"ALTER TABLE `{named}` DROP COLUMN {name};" for name in sorted(there.keys() - wanted.keys())]
    # by way of a second column: BigQuery's ALTER COLUMN can only widen a type
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
    """SQL that recreates a table with the described partitions and keeps its rows."""
    # BigQuery cannot change the partitioning of an existing table
    return (
        f"CREATE TABLE `{named}_new` PARTITION BY {table.partition} CLUSTER BY {', '.join(table.clustering)} "
        f"AS SELECT * FROM `{named}`; DROP TABLE `{named}`; "
        f"ALTER TABLE `{named}_new` RENAME TO {table.name};"
    )


ANALYSED = "verbatims_analysed_v2"
"""The table of analysed verbatims; a breaking change of its columns creates a v3 that takes its rows over."""

FORMER = "verbatims_analysed_v1"
"""The table of versions before, which is a view now."""

COLUMNS = "columns_v1"
"""The view of what the columns mean."""
