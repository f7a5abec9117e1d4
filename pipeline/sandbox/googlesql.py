"""BigQuery's SQL on SQLite: what a statement says is read by sqlglot and done to tables of the stand-in.

Enough for MERGE, DELETE and SELECT without BigQuery's own functions; anything else is refused, never guessed.
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
    """The statement gets an error with BigQuery's reason for it: `invalidQuery` or `notFound`."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement came to: rows of a SELECT, or how many rows it changed."""

    names: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    affected: int | None = None


def local(dataset: str, table: str) -> str:
    """What a table is called in the stand-in's file."""
    return f"{dataset}.{table}"


def execute(
    connection: sqlite3.Connection, sql: str, parameters: Mapping[str, Any], dataset: str | None = None
) -> Answer:
    """One statement, in the caller's transaction. Raises InvalidQuery. Arrays among the parameters are JSON texts."""
    try:
        statement = sqlglot.parse_one(sql, read="bigquery")
        if isinstance(statement, exp.Merge):
            return Answer(affected=_merge(connection, _on_sqlite(statement, dataset), parameters))
        if isinstance(statement, exp.Delete):
            return Answer(affected=_run(connection, _on_sqlite(statement, dataset), parameters).rowcount)
        if isinstance(statement, exp.Query):
            found = _run(connection, _on_sqlite(statement, dataset), parameters)
            return Answer(tuple(column[0] for column in found.description), tuple(found.fetchall()))
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
    """As one UPDATE and one INSERT; both see the target as it was, since no update may change who matches."""
    target, given, on = (merge.args[part].sql("sqlite") for part in ("this", "using", "on"))
    affected = 0
    for when in merge.args["whens"].expressions:
        then = when.args["then"]
        extra = f" AND {when.args['condition'].sql('sqlite')}" if when.args.get("condition") else ""
        if when.args["matched"] and isinstance(then, exp.Update):
            _refuse_several(connection, f"SELECT 1 FROM {target} JOIN {given} ON {on}{extra}", merge, parameters)
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


def _refuse_several(
    connection: sqlite3.Connection, joined: str, merge: exp.Merge, parameters: Mapping[str, Any]
) -> None:
    target = merge.this.alias_or_name
    if _run(connection, f"{joined} GROUP BY {target}.rowid HAVING count(*) > 1 LIMIT 1", parameters).fetchone():
        raise InvalidQuery("invalidQuery", "UPDATE/MERGE must match at most one source row for each target row")


def _on_sqlite(statement: Any, dataset: str | None) -> Any:
    def one(node: Any) -> Any:
        if isinstance(node, exp.Table) and (node.db or dataset) and not _is_named_here(statement, node):
            name = exp.to_identifier(local(node.db or dataset or "", node.name), quoted=True)
            return exp.Table(this=name, alias=node.args.get("alias"))
        if isinstance(node, exp.In) and node.args.get("unnest"):
            array = node.args["unnest"].expressions[0].sql("sqlite")
            return exp.condition(
                f"{node.this.sql('sqlite')} IN (SELECT value FROM json_each({array}))", dialect="sqlite"
            )
        if isinstance(node, exp.JSONFormat):
            return node.this  # JSON is kept as its canonical text
        return node

    return statement.transform(one)


def _is_named_here(statement: exp.Expression, table: exp.Table) -> bool:
    """Whether it is a common table expression of the statement."""
    return not table.db and any(cte.alias == table.name for cte in statement.find_all(exp.CTE))
