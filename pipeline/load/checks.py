"""Runs the data quality checks of a table, described in its `checks.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pipeline.load.table import ANALYSED, Check, Parameter, describe
from pipeline.load.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem that a check found."""

    check: Check
    said: str

    @property
    def fails(self) -> bool:
        """Whether it prevents the run from being published."""
        return self.check.level == "fail"


def check(warehouse: Warehouse, run_id: str, counts: Mapping[str, int], today: date) -> list[Finding]:
    """Run all checks after a run has been loaded.

    `counts` holds the store's counts of rows: `made`, `read`, `refused` and `ever`, explained in checks.yaml. `today`
    is the UTC day. Raises TransientError if the warehouse is unreachable.
    """
    given: dict[str, Parameter] = {
        "run": run_id,
        **counts,
        "week_ago": today - timedelta(days=7),
    }
    # SQLite would read all rows for it, 0.2 s per million
    needed = [one for one in describe(ANALYSED).checks() if not (one.of_the_key and warehouse.enforces_key)]
    return [found for one in needed for found in _findings(warehouse, one, given)]


def _findings(warehouse: Warehouse, one: Check, given: Mapping[str, Parameter]) -> Sequence[Finding]:
    # BigQuery refuses parameters that the statement does not use
    named = {name: value for name, value in given.items() if re.search(rf"@{name}\b", one.sql)}
    return [Finding(one, f"{one.name}: {one.says.format(**row)}") for row in warehouse.query(one.sql, named)]
