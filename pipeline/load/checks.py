"""Whether the rows in a warehouse may be relied on: each table's `checks.yaml` says what would be wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pipeline.load.table import ANALYSED, Check, Parameter, describe
from pipeline.load.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found to be wrong."""

    check: Check
    said: str

    @property
    def fails(self) -> bool:
        """Whether the run may not be published with it."""
        return self.check.level == "fail"


def check(warehouse: Warehouse, run_id: str, counts: Mapping[str, int], today: date) -> list[Finding]:
    """What is wrong with the table once a run has been loaded.

    `counts` is what the store knows of its rows: `made`, `read`, `refused` and `ever`, as checks.yaml says. `today` is
    the UTC day. Raises TransientError where the warehouse is out of reach.
    """
    given: dict[str, Parameter] = {
        "run": run_id,
        **counts,
        "week_ago": today - timedelta(days=7),
        "month_ago": today - timedelta(days=28),
    }
    return [found for one in describe(ANALYSED).checks() for found in _findings(warehouse, one, given)]


def _findings(warehouse: Warehouse, one: Check, given: Mapping[str, Parameter]) -> Sequence[Finding]:
    # BigQuery refuses a parameter that the statement does not name
    named = {name: value for name, value in given.items() if re.search(rf"@{name}\b", one.sql)}
    return [Finding(one, f"{one.name}: {one.says.format(**row)}") for row in warehouse.query(one.sql, named)]
