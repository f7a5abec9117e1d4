"""BigQuery alone: its jobs, its errors and its outages, through Google's client."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlglot
from pytest_httpserver import HTTPServer

from load.former import COLUMNS, former_rows
from load.places import ROW, Place, expected, many
from pipeline.errors import SettingsError, TransientError
from pipeline.load import bigquery as module
from pipeline.load.merge import days_sql, delete_sql, merge_sql, moved_sql
from pipeline.load.table import ANALYSED, FORMER, describe, differences, rebuilding
from pipeline.sandbox.faults import LoadFault, draw
from pipeline.sandbox.tables import opened
from pipeline.settings import load_settings as settings


def jobs(place: Place, kind: str) -> list[dict[str, Any]]:
    """The sandbox's completed jobs in their order."""
    with closing(sqlite3.connect(place.file)) as connection:
        found = [json.loads(text) for (text,) in connection.execute("SELECT resource FROM _jobs ORDER BY rowid")]
    return [job for job in found if kind in job["configuration"]]


def merged(place: Place) -> list[str]:
    """The number of rows that each MERGE changed."""
    queries = [job for job in jobs(place, "query") if job["configuration"]["query"]["query"].startswith("MERGE")]
    return [job["statistics"]["query"]["numDmlAffectedRows"] for job in queries]


def test_a_repeated_load_sends_no_row_and_its_merge_changes_none(bigquery: Place) -> None:
    bigquery.load(many(20))
    bigquery.load(many(20))
    assert len(jobs(bigquery, "load")) == 1
    assert merged(bigquery) == ["20", "0"]


def test_rows_of_a_missing_staging_table_are_sent_again(bigquery: Place) -> None:
    bigquery.load(many(3))
    with closing(sqlite3.connect(bigquery.file)) as connection:
        names = connection.execute("SELECT name FROM _tables WHERE name LIKE '%load%'").fetchall()
        assert len(names) == 1
        for (name,) in names:
            connection.execute(f'DROP TABLE "verbatims.{name}"')
            connection.execute("DELETE FROM _tables WHERE name = ?", (name,))
            connection.execute(f'DELETE FROM "{bigquery.table}"')
        connection.commit()
    assert bigquery.load(many(3)).held == 3
    assert bigquery.rows() == expected(many(3))
    assert [job["id"][-1] for job in jobs(bigquery, "load")] == ["0", "1"]


def test_each_shard_has_its_own_table_and_one_merge_covers_all(
    bigquery: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.load.payload.SHARD_ROWS", 5)
    bigquery.load(many(12))
    assert len({job["configuration"]["load"]["destinationTable"]["tableId"] for job in jobs(bigquery, "load")}) == 3
    assert merged(bigquery) == ["12"]


def test_a_large_shard_is_uploaded_in_chunks(bigquery: Place) -> None:
    rows = [replace(row, text="é" * 30_000) for row in many(100)]
    assert bigquery.load(rows).held == 100
    assert bigquery.rows() == expected(rows)


def test_of_two_rows_with_one_id_the_last_analysed_is_kept(bigquery: Place) -> None:
    newer = replace(ROW, text="Plus tard", analysed_at="2026-01-04T00:00:00+00:00")
    bigquery.load([newer], [ROW])
    assert bigquery.rows() == expected([newer])


@pytest.mark.parametrize("faults", ["row_refused=0.05"])
def test_the_rejected_rows_are_exactly_those_that_bigquery_names(bigquery: Place, faults: str) -> None:
    rows = many(200)
    bad = {row.verbatim_id for row in rows if draw(7, LoadFault.ROW_REFUSED, row.verbatim_id) < 0.05}
    loaded = bigquery.load(rows)
    assert 0 < len(bad) == 200 - loaded.held
    assert {refusal.verbatim_id for refusal in loaded.refused} == bad
    assert {refusal.problem for refusal in loaded.refused} == {"BigQuery: invalid"}
    assert bigquery.rows() == expected([row for row in rows if row.verbatim_id not in bad])


@pytest.mark.parametrize("faults", ["row_refused=0.05"])
def test_rejected_rows_that_bigquery_does_not_name_are_found_by_bisection(
    bigquery: Place, faults: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_bad_rows", lambda shard, job: {})
    rows = many(40)
    bad = {row.verbatim_id for row in rows if draw(7, LoadFault.ROW_REFUSED, row.verbatim_id) < 0.05}
    loaded = bigquery.load(rows)
    assert bad and {refusal.verbatim_id for refusal in loaded.refused} == bad
    assert bigquery.rows() == expected([row for row in rows if row.verbatim_id not in bad])


@pytest.mark.long
@pytest.mark.parametrize("faults", ["unavailable=0.3"])
def test_lost_responses_duplicate_no_row(bigquery: Place, faults: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the 503 responses are sent after the work was done; the client then repeats the request."""
    monkeypatch.setattr("pipeline.load.payload.SHARD_ROWS", 25)
    rows = many(100)
    assert bigquery.load(rows).held == 100
    assert bigquery.load(rows).held == 100
    assert bigquery.rows() == expected(rows)


def failing(server: HTTPServer, status: int, reason: str, message: str = "no") -> Place:
    """A service that answers everything with one of Google's errors."""
    body = {"error": {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}}
    server.expect_request("/bigquery/v2/projects/sandbox/datasets/verbatims/tables/" + ANALYSED).respond_with_json(
        body, status=status
    )
    server.expect_request("/bigquery/v2/projects/sandbox/datasets/verbatims").respond_with_json(body, status=status)
    return Place("bigquery://sandbox/verbatims", server.url_for("").rstrip("/"), None, "")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "reason", "kind", "said"),
    [
        (403, "accessDenied", SettingsError, "BigQuery Job User.*BigQuery Data Editor"),
        (403, "billingNotEnabled", SettingsError, "no billing"),
        (403, "quotaExceeded", TransientError, "quota"),
        (404, "notFound", SettingsError, "no dataset verbatims in sandbox.*bq mk"),
        (400, "invalidQuery", SettingsError, "refuses the table's SQL or shape .invalidQuery."),
        (400, "resourceInUse", TransientError, "resourceInUse; try later"),
    ],
)
def test_an_error_of_google_is_one_line_that_says_what_to_do(
    httpserver: HTTPServer, status: int, reason: str, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said) as raised:
        failing(httpserver, status, reason).open()
    assert "\n" not in str(raised.value)


def test_a_refused_connection_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY", module.RETRY.with_timeout(0.5))
    with pytest.raises(TransientError, match="try later"):
        Place("bigquery://sandbox/verbatims", "http://127.0.0.1:9", None, "").open()  # type: ignore[arg-type]


def test_missing_credentials_are_reported_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nothing.json"))
    with pytest.raises(SettingsError, match="no credentials that work"):
        module.BigQueryWarehouse("bigquery://project/verbatims", sandbox=False)


def test_credentials_in_the_folder_config_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
    (tmp_path / "config").mkdir()
    user = {"type": "authorized_user", "client_id": "me", "client_secret": "x", "refresh_token": "y"}
    (tmp_path / "config" / "google.json").write_text(json.dumps(user))
    assert module._client("project", None)._credentials.client_id == "me"  # type: ignore[attr-defined]


@pytest.mark.parametrize("mode", ["sandbox", "prod"])
def test_sandbox_mode_uses_only_the_sandbox_project_and_prod_never_does(mode: str) -> None:
    project = "company" if mode == "sandbox" else "sandbox"
    given = {"SCRAPER_MODE": mode, "ANTHROPIC_API_KEY": "k", "WAREHOUSE": f"bigquery://{project}/verbatims"}
    with pytest.raises(SettingsError, match="WAREHOUSE: bigquery://sandbox"):
        settings(given, None)


@pytest.mark.parametrize("url", ["bigquery://", "bigquery://project", "bigquery://project/a/b", "bigquery://P/d;"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="WAREHOUSE"):
        settings({"WAREHOUSE": url}, None)


def statements() -> list[str]:
    """Every SQL statement that is sent to BigQuery or suggested in a message."""
    table, staging = describe(ANALYSED), ["p.d.s1", "p.d.s2"]
    texts = [merge_sql(table, "p.d.t", staging), moved_sql(table, "p.d.t", staging)]
    texts += [days_sql(table, "p.d.t"), delete_sql(table, "p.d.t")]
    texts += [view.replace("{dataset}", "p.d") for view in table.views("bigquery").values()]
    texts += [check.sql for check in table.checks()]
    there = {column.name: "STRING" for column in table.columns if column.name != "sentiment"} | {"mood": "STRING"}
    return [*texts, rebuilding(table, "p.d.t"), *differences(table, there, "p.d.t")[1]]


def test_every_statement_parses_in_the_bigquery_dialect() -> None:
    for text in statements():
        assert all(sqlglot.parse(text, read="bigquery")), text
        assert "INFORMATION_SCHEMA" not in text.upper()


def test_no_statement_combines_a_window_with_a_group_by() -> None:
    """BigQuery treats an expression on a column that is grouped under an alias as not grouped."""
    for text in statements():
        for statement in sqlglot.parse(text, read="bigquery"):
            for select in statement.find_all(sqlglot.exp.Select):
                windows = [one for one in select.find_all(sqlglot.exp.Window) if one.parent_select is select]
                assert not (select.args.get("group") and windows), text


@pytest.mark.parametrize("reason", ["backendError", "quotaExceeded", "stopped"])
def test_a_load_job_that_failed_temporarily_is_repeated(bigquery: Place, reason: str) -> None:
    bigquery.load(many(5))
    with closing(sqlite3.connect(bigquery.file)) as connection, connection:
        for job_id, resource in connection.execute("SELECT job_id, resource FROM _jobs").fetchall():
            job = json.loads(resource)
            if "load" in job["configuration"]:
                error = {"reason": reason, "message": "a moment without room"}
                job["status"] |= {"errorResult": error, "errors": [error]}
                connection.execute("UPDATE _jobs SET resource = ? WHERE job_id = ?", (json.dumps(job), job_id))
    assert bigquery.load(many(5)).held == 5
    assert bigquery.rows() == expected(many(5))


def test_a_table_with_other_partitions_or_stricter_columns_is_rejected_with_the_sql_to_fix_it(bigquery: Place) -> None:
    bigquery.load([])
    change(bigquery, lambda table: [field.update(mode="REQUIRED") for field in table["schema"]["fields"]])
    with pytest.raises(SettingsError, match=r"ALTER TABLE `.*` ALTER COLUMN text DROP NOT NULL;"):
        bigquery.open()
    change(bigquery, lambda table: table["timePartitioning"].update(type="MONTH"))
    with pytest.raises(SettingsError, match=r"CREATE TABLE `.*_new` PARTITION BY seen_on CLUSTER BY .* AS SELECT"):
        bigquery.open()


def change(place: Place, how: Callable[[dict[str, Any]], object]) -> None:
    """Change the table's description so that it differs from the created table."""
    with closing(sqlite3.connect(place.file)) as connection, connection:
        find = "SELECT resource FROM _tables WHERE name = ?"
        table = json.loads(connection.execute(find, (ANALYSED,)).fetchone()[0])
        how(table)
        connection.execute("UPDATE _tables SET resource = ? WHERE name = ?", (json.dumps(table), ANALYSED))


def test_no_request_waits_longer_than_the_limit_for_one_request(
    bigquery: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    import requests

    waits: list[float | None] = []
    real = requests.Session.request

    def request(self: requests.Session, *arguments: Any, **options: Any) -> requests.Response:
        waits.append(options.get("timeout"))
        return real(self, *arguments, **options)

    monkeypatch.setattr(requests.Session, "request", request)
    bigquery.load(many(5), outdated=("v1",))
    with closing(bigquery.open()) as warehouse:
        assert warehouse.query("SELECT count(*) AS found FROM verbatims_analysed_v2", {}) == [{"found": 4}]
    # Google's client waits at least two minutes for the result of a query
    assert len(waits) > 10 and all(wait in (module.TIMEOUT_S, 120) for wait in waits)


def test_the_former_table_becomes_a_view_and_its_rows_and_marks_are_taken_over(bigquery: Place) -> None:
    """A process may be killed in between: the next one does it again."""
    names = [column.split()[0] for column in COLUMNS.split(", ")]
    kinds = {"rating": "FLOAT", "cost_usd": "FLOAT", "seen_on": "DATE", "analysed_at": "TIMESTAMP", "topics": "JSON"}
    fields = [{"name": name, "type": kinds.get(name, "STRING"), "mode": "NULLABLE"} for name in names]
    resource = {
        "tableReference": {"projectId": "sandbox", "datasetId": "verbatims", "tableId": FORMER},
        "schema": {"fields": fields},
        "labels": {"verbatims_load_abc": "7"},
    }
    with opened(bigquery.file) as tables:
        tables.create("verbatims", FORMER, resource)
    marks = ", ".join("?" * len(names))
    with closing(sqlite3.connect(bigquery.file)) as connection, connection:
        connection.executemany(f'INSERT INTO "verbatims.{FORMER}" VALUES ({marks})', former_rows())
    for _ in range(2):
        with closing(bigquery.open()) as warehouse:
            assert warehouse.marks() == {"abc": 7}
    assert [(row["verbatim_id"], row["written_at"], row["written_on"]) for row in bigquery.rows()] == [
        ("a", None, "2026-01-02"),
        ("b", datetime(2026, 1, 2, 9, 30, tzinfo=UTC), "2026-01-02"),
        ("c", None, None),
        ("d", datetime(2026, 1, 2, 10, 30, tzinfo=UTC), "2026-01-02"),
    ]
    with opened(bigquery.file) as tables:
        view = tables.get("verbatims", FORMER)["view"]["query"]
    assert "verbatims_analysed_v2" in view and "AS written_at" in view
