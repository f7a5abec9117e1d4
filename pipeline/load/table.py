"""A warehouse table as its folder describes it: columns with their meaning, and the analysts' views."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

FOLDER = Path(__file__).parent / "tables"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `type` is one of STRING, FLOAT64, DATE, TIMESTAMP, JSON."""

    name: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class TableDescription:
    """What `tables/<name>/` says: `schema.yaml`, and `views/<dialect>/<view>.sql`."""

    name: str
    description: str
    key: str
    columns: tuple[Column, ...]

    def views(self, dialect: str) -> dict[str, str]:
        """View name → its SELECT, in one SQL dialect."""
        folder = FOLDER / self.name / "views" / dialect
        return {file.stem: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.sql"))}


def describe(name: str) -> TableDescription:
    """Read a table's folder."""
    content = yaml.safe_load((FOLDER / name / "schema.yaml").read_text(encoding="utf-8"))
    columns = tuple(Column(**column) for column in content["columns"])
    return TableDescription(name, content["description"], content["key"], columns)


ANALYSED = "verbatims_analysed_v1"
"""The table of analysed verbatims; a breaking change of its columns makes a v2 beside it."""
