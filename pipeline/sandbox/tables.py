"""Tables and jobs of the BigQuery stand-in, in a SQLite file that outlives the process."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.sandbox import googlesql
from pipeline.sandbox.googlesql import local
from pipeline.sandbox.ndjson import BadRow, parse_rows

Resource = dict[str, Any]
"""A table or a job in the format of the API."""

BUSY_TIMEOUT_S = 60


class Failed(Exception):
    """A failed request or job: `status` is the HTTP status, `reason` BigQuery's reason."""

    def __init__(self, status: int, reason: str, message: str, rows: list[BadRow] | None = None) -> None:
        super().__init__(message)
        self.status, self.reason, self.rows = status, reason, rows or []


class Tables:
    """The content of the file, within one transaction; see `opened`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, dataset: str, name: str) -> Resource:
        """Raises Failed with 404."""
        return _get(self._connection, dataset, name)

    def create(self, dataset: str, name: str, resource: Resource) -> Resource:
        """Create a table. Raises Failed with 409 if it exists."""
        if _find(self._connection, dataset, name):
            raise Failed(409, "duplicate", f"Already Exists: Table {local(dataset, name)}")
        _build(self._connection, dataset, name, resource)
        return resource

    def change(self, dataset: str, name: str, changes: Resource) -> Resource:
        """Change a table. Only columns may be added; raises Failed for other changes and for a missing table."""
        resource = self.get(dataset, name)
        _widen(self._connection, local(dataset, name), resource, changes.get("schema"))
        resource = {**resource, **changes}
        _save(self._connection, dataset, name, resource)
        return resource

    def drop(self, dataset: str, name: str) -> None:
        """Raises Failed with 404."""
        self.get(dataset, name)
        _drop(self._connection, dataset, name)

    def load(
        self, dataset: str, name: str, schema: list[Resource], payload: bytes, refused: Callable[[Any], bool]
    ) -> int:
        """Replace the rows of a table, all or none. `refused` says of an id whether to inject a bad row."""
        good, bad = [], []
        for row in parse_rows(payload, schema):
            if isinstance(row, BadRow):
                bad.append(row)
            elif refused(row[1][0]):
                at = row[0]
                bad.append(BadRow(at, f"JSON parsing error in row starting at position {at}: refused on request"))
            else:
                good.append(row[1])
        if bad:
            raise Failed(400, "invalid", "JSON table encountered too many errors, giving up.", bad)
        if not _find(self._connection, dataset, name):
            _build(self._connection, dataset, name, {"schema": {"fields": schema}})
        self._connection.execute(f'DELETE FROM "{local(dataset, name)}"')
        marks = ", ".join("?" * len(schema))
        self._connection.executemany(f'INSERT INTO "{local(dataset, name)}" VALUES ({marks})', good)
        return len(good)

    def query(self, sql: str, parameters: Mapping[str, Any], dataset: str | None) -> googlesql.QueryResult:
        """Run a statement completely or not at all. Raises Failed."""
        # a failed job is stored in the same transaction, so only the statement is rolled back
        self._connection.execute("SAVEPOINT statement")
        try:
            return googlesql.execute(self._connection, sql, parameters, dataset)
        except googlesql.InvalidQuery as error:
            self._connection.execute("ROLLBACK TO statement")
            raise Failed(404 if error.reason == "notFound" else 400, error.reason, str(error)) from error
        finally:
            self._connection.execute("RELEASE statement")

    def names(self, dataset: str) -> list[str]:
        """All tables and views of a dataset."""
        found = self._connection.execute("SELECT name FROM _tables WHERE dataset = ? ORDER BY name", (dataset,))
        return [name for (name,) in found]

    def free_id(self, job_id: str) -> None:
        """Forget a job, so that another may take its id."""
        self._connection.execute("DELETE FROM _jobs WHERE job_id = ?", (job_id,))

    def take_id(self, job_id: str) -> None:
        """Reserve the id of a job. Raises Failed with 409 if it is taken."""
        try:
            self._connection.execute("INSERT INTO _jobs VALUES (?, '')", (job_id,))
        except sqlite3.IntegrityError:
            raise Failed(409, "duplicate", f"Already Exists: Job {job_id}") from None

    def keep(self, job_id: str, job: Resource) -> None:
        """Store the result of a job."""
        self._connection.execute("UPDATE _jobs SET resource = ? WHERE job_id = ?", (json.dumps(job), job_id))

    def job(self, job_id: str) -> Resource:
        """Raises Failed with 404."""
        found = self._connection.execute("SELECT resource FROM _jobs WHERE job_id = ?", (job_id,)).fetchone()
        if not found:
            raise Failed(404, "notFound", f"Not found: Job {job_id}")
        return json.loads(found[0])  # type: ignore[no-any-return]


@contextmanager
def opened(path: Path) -> Iterator[Tables]:
    """One transaction on the file, which is created if it is missing. Other processes wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        connection.execute("PRAGMA secure_delete=ON")  # otherwise erased texts stay readable in free pages of the file
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE IF NOT EXISTS _jobs (job_id TEXT PRIMARY KEY, resource TEXT NOT NULL)")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS _tables (dataset TEXT, name TEXT, resource TEXT NOT NULL, "
            "PRIMARY KEY (dataset, name))"
        )
        _expire(connection)
        yield Tables(connection)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.close()


def _find(connection: sqlite3.Connection, dataset: str, name: str) -> Resource | None:
    query = "SELECT resource FROM _tables WHERE dataset = ? AND name = ?"
    found = connection.execute(query, (dataset, name)).fetchone()
    return json.loads(found[0]) if found else None


def _get(connection: sqlite3.Connection, dataset: str, name: str) -> Resource:
    resource = _find(connection, dataset, name)
    if resource is None:
        raise Failed(404, "notFound", f"Not found: Table {local(dataset, name)}")
    resource["type"] = "VIEW" if "view" in resource else "TABLE"
    if "view" not in resource:
        rows = connection.execute(f'SELECT count(*) FROM "{local(dataset, name)}"').fetchone()[0]
        resource["numRows"] = str(rows)
    return resource


def _build(connection: sqlite3.Connection, dataset: str, name: str, resource: Resource) -> None:
    if "view" not in resource:
        names = ", ".join(f'"{field["name"]}"' for field in resource["schema"]["fields"])
        connection.execute(f'CREATE TABLE "{local(dataset, name)}" ({names})')
    _save(connection, dataset, name, resource)


def _save(connection: sqlite3.Connection, dataset: str, name: str, resource: Resource) -> None:
    connection.execute("INSERT OR REPLACE INTO _tables VALUES (?, ?, ?)", (dataset, name, json.dumps(resource)))


def _drop(connection: sqlite3.Connection, dataset: str, name: str) -> None:
    connection.execute(f'DROP TABLE IF EXISTS "{local(dataset, name)}"')
    connection.execute("DELETE FROM _tables WHERE dataset = ? AND name = ?", (dataset, name))


def _widen(connection: sqlite3.Connection, table: str, resource: Resource, schema: Resource | None) -> None:
    if schema is None or "view" in resource:
        return
    before = {field["name"]: field for field in resource["schema"]["fields"]}
    after = {field["name"]: field for field in schema["fields"]}
    for name, field in before.items():
        if name not in after or field["type"] != after[name]["type"]:
            raise Failed(400, "invalid", f"Provided Schema does not match Table {table}: field {name} has changed")
    for name in after.keys() - before.keys():
        if after[name].get("mode") == "REQUIRED":
            raise Failed(400, "invalid", f"Cannot add required fields to an existing schema (field: {name})")
        connection.execute(f'ALTER TABLE "{table}" ADD COLUMN "{name}"')


def _expire(connection: sqlite3.Connection) -> None:
    now_ms = time.time() * 1000
    for dataset, name, resource in connection.execute("SELECT dataset, name, resource FROM _tables").fetchall():
        if float(json.loads(resource).get("expirationTime") or "inf") < now_ms:
            _drop(connection, dataset, name)
