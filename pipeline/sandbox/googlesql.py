"""Runs BigQuery's SQL on SQLite: sqlglot parses a statement, which is then translated.

Supports MERGE, DELETE and SELECT without functions of BigQuery's own. Anything else is refused.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError


class InvalidQuery(Exception):
    """A statement that fails; `reason` is BigQuery's: `invalidQuery` or `notFound`."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The result of a statement: rows of a SELECT, or the number of changed rows."""

    names: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    affected: int | None = None


def local(dataset: str, table: str) -> str:
    """The name of a table in the SQLite file, which has no datasets."""
    return f"{dataset}.{table}"


def execute(
    connection: sqlite3.Connection, sql: str, parameters: Mapping[str, Any], dataset: str | None = None
) -> QueryResult:
    """Run one statement in the caller's transaction. Array parameters are JSON texts. Raises InvalidQuery."""
    try:
        statement = sqlglot.parse_one(sql, read="bigquery")
        if isinstance(statement, exp.Merge):
            return QueryResult(affected=_merge(connection, _on_sqlite(statement, dataset), parameters))
        if isinstance(statement, exp.Delete):
            return QueryResult(affected=_run(connection, _on_sqlite(statement, dataset), parameters).rowcount)
        if isinstance(statement, exp.Query):
            cursor = _run(connection, _on_sqlite(statement, dataset), parameters)
            return QueryResult(tuple(column[0] for column in cursor.description), tuple(cursor.fetchall()))
    except SqlglotError as error:
        raise InvalidQuery("invalidQuery", f"Syntax error: {error}") from error
    except sqlite3.OperationalError as error:
        missing = str(error).startswith("no such table")
        raise InvalidQuery(
            "notFound" if missing else "invalidQuery", f"Not found: {error}" if missing else str(error)
        ) from (error)
    raise InvalidQuery("invalidQuery", f"the sandbox does not run {type(statement).__name__} statements")


def _run(connection: sqlite3.Connection, statement: exp.Expression | str, parameters: Mapping[str, Any]) -> Any:
    sql = statement if isinstance(statement, str) else statement.sql("sqlite")
    return connection.execute(sql, dict(parameters))


def _merge(connection: sqlite3.Connection, merge: exp.Merge, parameters: Mapping[str, Any]) -> int:
    """Run a MERGE as UPDATE and INSERT, since SQLite has none. Returns the number of changed rows.

    The INSERT sees updated rows, which is right as long as no UPDATE changes a column of the ON condition.
    """
    target, given, on = (merge.args[part].sql("sqlite") for part in ("this", "using", "on"))
    affected = 0
    for when in merge.args["whens"].expressions:
        then = when.args["then"]
        extra = f" AND {when.args['condition'].sql('sqlite')}" if when.args.get("condition") else ""
        if when.args["matched"] and isinstance(then, exp.Update):
            _refuse_multiple_matches(
                connection, f"SELECT 1 FROM {target} JOIN {given} ON {on}{extra}", merge, parameters
            )
            sets = ", ".join(f"{one.this.name} = {one.expression.sql('sqlite')}" for one in then.expressions)
            affected += _run(
                connection, f"UPDATE {target} SET {sets} FROM {given} WHERE {on}{extra}", parameters
            ).rowcount
        elif not when.args["matched"] and isinstance(then, exp.Insert):
            names = ", ".join(one.name for one in then.this.expressions)
            values = ", ".join(one.sql("sqlite") for one in then.expression.expressions)
            affected += _run(
                connection,
                f"INSERT INTO {merge.this.this.sql('sqlite')} ({names}) SELECT {values} FROM {given} "
                f"WHERE NOT EXISTS (SELECT 1 FROM {target} WHERE {on}){extra}",
                parameters,
            ).rowcount
        else:
            raise InvalidQuery(
                "invalidQuery", "the sandbox knows WHEN MATCHED THEN UPDATE and WHEN NOT MATCHED THEN INSERT"
            )
    return affected


def _refuse_multiple_matches(
    connection: sqlite3.Connection, joined: str, merge: exp.Merge, parameters: Mapping[str, Any]
) -> None:
    # BigQuery fails here; SQLite would silently take one of the rows
    target = merge.this.alias_or_name
    if _run(connection, f"{joined} GROUP BY {target}.rowid HAVING count(*) > 1 LIMIT 1", parameters).fetchone():
        raise InvalidQuery("invalidQuery", "UPDATE/MERGE must match at most one source row for each target row")


def _on_sqlite(statement: Any, dataset: str | None) -> Any:
    """The statement in SQLite's dialect: names of tables, UNNEST and JSON differ."""

    def translate(node: Any) -> Any:
        if isinstance(node, exp.Table) and (node.db or dataset) and not _is_cte(statement, node):
            name = exp.to_identifier(local(node.db or dataset or "", node.name), quoted=True)
            return exp.Table(this=name, alias=node.args.get("alias"))
        if isinstance(node, exp.In) and node.args.get("unnest"):
            array = node.args["unnest"].expressions[0].sql("sqlite")
            return exp.condition(
                f"{node.this.sql('sqlite')} IN (SELECT value FROM json_each({array}))", dialect="sqlite"
            )
        if isinstance(node, exp.TryCast):
            return _safe_cast(node)
        if isinstance(node, exp.JSONFormat):
            return node.this  # JSON columns are stored as canonical text
        return node

    return statement.transform(translate)


def _safe_cast(node: exp.TryCast) -> Any:
    """SQLite has neither days nor instants, which are texts there, and gives null for what is none."""
    text = node.this.sql("sqlite")
    if node.to.is_type("DATE"):
        return exp.condition(f"date({text})", dialect="sqlite")
    if node.to.is_type("TIMESTAMP", "TIMESTAMPTZ"):
        return exp.condition(f"strftime('%Y-%m-%dT%H:%M:%S+00:00', {text})", dialect="sqlite")
    return node


def _is_cte(statement: exp.Expression, table: exp.Table) -> bool:
    """Whether a table is a common table expression of the statement."""
    return not table.db and any(cte.alias == table.name for cte in statement.find_all(exp.CTE))
