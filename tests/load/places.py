"""A warehouse of each kind, and its rows read without the code under test."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.load import Warehouse, open_warehouse
from pipeline.load.table import ANALYSED, describe
from pipeline.records import NewTopic, WarehouseRow
from pipeline.sandbox.tables import opened

ROW = WarehouseRow(
    verbatim_id="a",
    run_id="r1",
    source="shop",
    external_id="1",
    url=None,
    rating=4.5,
    language="fr",
    written_at="2026-01-02T10:30:00+00:00",
    written_on="2026-01-02",
    seen_on="2026-01-03",
    text="La livraison est « parfaite »\nmerci ☕",
    summary="Livraison parfaite.",
    sentiment="positive",
    topics=("delivery", "price"),
    new_topics=(NewTopic("cadeaux", "Tout sur les cadeaux.", "parfaite"),),
    model="sandbox",
    prompt_version="analyse_v1",
    cost_usd=0.001,
    trace_id=None,
    analysed_at="2026-01-03T00:00:00+00:00",
    extra={"produit": "Lampe", "votes": 3},
    input_tokens=1200,
    output_tokens=30,
    cached_tokens=0,
    thinking_tokens=None,
    analyser="0123456789abcdef",
)


def many(count: int, **changes: Any) -> list[WarehouseRow]:
    """Rows of ids `v0`, `v1`, … on three days."""
    return [
        replace(ROW, verbatim_id=f"v{n}", external_id=f"{n}", seen_on=f"2026-01-{3 + n % 3:02}", **changes)
        for n in range(count)
    ]


@dataclass(frozen=True)
class Place:
    """Where one warehouse is."""

    url: str
    endpoint: str | None
    file: Path
    table: str
    """The table's name in the file."""

    def open(self, *, sandbox: bool = True) -> Warehouse:
        return open_warehouse(self.url, sandbox=sandbox, endpoint=self.endpoint)

    def load(self, *pages: list[WarehouseRow], outdated: tuple[str, ...] = ()) -> Any:
        """Open, load, close."""
        with closing(self.open()) as warehouse:
            return warehouse.load_rows(pages, outdated)

    def rows(self) -> list[dict[str, Any]]:
        """All rows by id, with lists and timestamps parsed."""
        with closing(sqlite3.connect(self.file)) as connection:
            connection.row_factory = sqlite3.Row
            found = connection.execute(f'SELECT * FROM "{self.table}" ORDER BY verbatim_id').fetchall()
        return [plain(dict(row)) for row in found]

    def make(self, *, without: str = "", extra: str = "") -> None:
        """Create the table with a column missing or added, as another program might."""
        fields = [
            {"name": column.name, "type": column.type, "mode": "REQUIRED" if column.required else "NULLABLE"}
            for column in describe(ANALYSED).columns
            if column.name != without
        ] + ([{"name": extra, "type": "STRING", "mode": "NULLABLE"}] if extra else [])
        if self.endpoint:
            resource = {
                "tableReference": {"projectId": "sandbox", "datasetId": "verbatims", "tableId": ANALYSED},
                "schema": {"fields": fields},
                "timePartitioning": {"type": "DAY", "field": "seen_on"},
            }
            with opened(self.file) as tables:
                tables.create("verbatims", ANALYSED, resource)
            return
        with closing(sqlite3.connect(self.file)) as connection:
            connection.execute(f"CREATE TABLE {ANALYSED} ({', '.join(field['name'] for field in fields)})")


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """A row with JSON and timestamps parsed, so that rows of all warehouses compare equal."""
    lists = ("topics", "new_topics", "extra")
    read = {name: json.loads(values[name]) for name in lists if isinstance(values[name], str)}
    instants = {name: value and datetime.fromisoformat(value) for name, value in values.items() if name.endswith("_at")}
    return {**values, **read, **instants}


def expected(rows: list[WarehouseRow]) -> list[dict[str, Any]]:
    """What `Place.rows` returns when the table holds exactly these rows."""
    values = [json.loads(json.dumps(asdict(row))) for row in sorted(rows, key=lambda row: row.verbatim_id)]
    return [plain(value) for value in values]
