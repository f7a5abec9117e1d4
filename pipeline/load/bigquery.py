"""The BigQuery warehouse. Rows are loaded into staging tables and merged into the table, a range of days at a time."""

from __future__ import annotations

import hashlib
import io
import re
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from google.api_core import exceptions as google
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from pipeline.errors import SettingsError, TransientError
from pipeline.given import use_google_key
from pipeline.load.bigquery_errors import errors_while_loading, errors_while_opening
from pipeline.load.bigquery_jobs import RETRY, TIMEOUT_S, Jobs, Overtaken, new_job_id
from pipeline.load.bigquery_schema import field_of, loosening, schema_of, types_of
from pipeline.load.day_ranges import Range, day_ranges
from pipeline.load.merge import days_sql, delete_sql, merge_sql, moved_sql, take_over_sql
from pipeline.load.payload import Shard, shards
from pipeline.load.table import ANALYSED, FORMER, Parameter, TableDescription, describe, differences, rebuilding
from pipeline.load.warehouse import Load, Loaded, RejectedRow, overtaken
from pipeline.records import WarehouseRow

SANDBOX_PROJECT = "sandbox"
"""The stand-in's project: the only one in sandbox mode, and never used in prod."""

STAGING = "__load_"
"""Between the table's name and the digest of the rows, in the name of a staging table."""

STAGING_LIFE = timedelta(days=1)
"""Staging tables expire instead of being dropped after the MERGE: another loader of the same rows may use them."""

LABEL = "verbatims_load_"
"""Prefix of the table's labels that hold the load watermarks, followed by the store's identity."""

ATTEMPTS = 5
"""How many deterministic job ids are tried before a random one.

Each earlier load of the same rows whose staging table has expired takes one.
"""

MAX_HALVINGS = 200
"""How often one load halves shards to find rows that BigQuery rejects without naming them.

Enough for a dozen rows; if more are needed, the rows are not the cause.
"""

SERIALIZE_ATTEMPTS = 5
"""How often a MERGE is tried: BigQuery rejects one of two that change the same partitions at once."""

_POSITION = re.compile(r"row starting at position (\d+)")


class BigQueryWarehouse:
    """Creates its table and views when opened. `endpoint` is the stand-in's address in sandbox mode."""

    enforces_key = False

    def __init__(self, url: str, *, sandbox: bool, endpoint: str | None = None) -> None:
        self._project, _, self._dataset = url.removeprefix("bigquery://").partition("/")
        if (self._project == SANDBOX_PROJECT) != sandbox:
            raise SettingsError(
                f"WAREHOUSE: bigquery://{SANDBOX_PROJECT}/… is the stand-in of sandbox mode, and nothing else is; "
                "name the project that fits SCRAPER_MODE"
            )
        self._description = describe(ANALYSED)
        self._table = f"{self._project}.{self._dataset}.{ANALYSED}"
        self._load: Load | None = None
        self.name = f"BigQuery, table {self._table}" + (" (a sandbox, not Google's)" if sandbox else "")
        with errors_while_opening(self.name, self._project, self._dataset):
            self._client = _client(self._project, endpoint)
            self._jobs = Jobs(self._client, f"{self._project}.{self._dataset}")
            self._create_tables()

    def start_load(self, load: Load) -> None:
        """See `Warehouse.start_load`: a job goes on at Google's side when its process has been killed."""
        self._load = load
        if load.last_job:
            with errors_while_loading(self.name, self._project):
                self._jobs.end(load.last_job)

    def load_rows(self, pages: Iterable[Sequence[WarehouseRow]], outdated: Iterable[str] = ()) -> Loaded:
        """Load each shard into its staging table, then merge all of them, some neighbouring days at once.

        A killed process leaves each day either unchanged or complete.
        """
        refused: list[RejectedRow] = []
        staged: list[_Staged] = []
        self._halvings = 0
        with errors_while_loading(self.name, self._project):
            for shard in shards(pages, self._description, refused):
                staged += self._stage(shard, refused)
            if staged:
                self._merge(staged)
            self._remove(list(outdated))
        return Loaded(sum(one.rows for one in staged), tuple(refused))

    def drop_staged(self) -> None:
        """See `Warehouse.drop_staged`. A load of another store that loses its staging table has to be run again."""
        with errors_while_loading(self.name, self._project):
            for table in self._client.list_tables(self._dataset, retry=RETRY, timeout=TIMEOUT_S):
                if table.table_id.startswith(f"{ANALYSED}{STAGING}"):
                    self._client.delete_table(table, not_found_ok=True, retry=RETRY, timeout=TIMEOUT_S)

    def how_to_look(self) -> str:
        """See `Warehouse.how_to_look`."""
        # the stand-in has no command-line tool
        if self._project == SANDBOX_PROJECT:
            return "verbatims export"
        return f"bq query --use_legacy_sql=false 'SELECT * FROM `{self._project}.{self._dataset}.sentiment_by_week_v2`'"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()  # type: ignore[no-untyped-call]

    def query(self, sql: str, parameters: Mapping[str, Parameter]) -> list[Mapping[str, Any]]:
        """See `Warehouse.query`."""
        kinds = {str: "STRING", int: "INT64", float: "FLOAT64", date: "DATE"}
        given = [bigquery.ScalarQueryParameter(name, kinds[type(value)], value) for name, value in parameters.items()]
        with errors_while_loading(self.name, self._project):
            return [dict(row.items()) for row in self._jobs.result(self._jobs.start_query(sql, given))]

    def marks(self) -> Mapping[str, int]:
        """See `Warehouse.marks`."""
        # labels of the table: they vanish together with it, and access to them is free
        with errors_while_loading(self.name, self._project):
            found = self._client.get_table(self._table, retry=RETRY, timeout=TIMEOUT_S)
        return {
            name.removeprefix(LABEL): int(number) if found.num_rows else 0
            for name, number in found.labels.items()
            if name.startswith(LABEL) and number.isdecimal()
        }

    def mark(self, identity: str, number: int) -> None:
        """See `Warehouse.mark`."""
        with errors_while_loading(self.name, self._project):
            found = self._client.get_table(self._table, retry=RETRY, timeout=TIMEOUT_S)
            before = found.labels.get(LABEL + identity, "0")
            if not before.isdecimal() or int(before) < number:
                found.labels = {**found.labels, LABEL + identity: str(number)}
                self._client.update_table(found, ["labels"], retry=RETRY, timeout=TIMEOUT_S)

    def _stage(self, shard: Shard, refused: list[RejectedRow]) -> list[_Staged]:
        """Load the shard into its staging table without the rows that BigQuery rejects.

        If BigQuery does not name the bad rows, halve the shard until they are found.
        """
        while shard.ids:
            job = self._load_job(shard)
            if job.error_result is None:
                days = frozenset(map(date.fromisoformat, shard.days))
                return [_Staged(self._staging(shard), len(shard.ids), days)]
            bad = _bad_rows(shard, job)
            if not bad and len(shard.ids) > 1:
                self._halvings += 1
                if self._halvings > MAX_HALVINGS:
                    raise TransientError(f"{self.name}: refuses rows without naming them; look at its last load jobs")
                halves = shard.halves()
                return [staged for half in halves for staged in self._stage(half, refused)]
            bad = bad or {0: str(job.error_result.get("reason", "invalid"))}
            refused += [RejectedRow(shard.ids[number], problem) for number, problem in bad.items()]
            shard = shard.without(bad)
        return []

    def _load_job(self, shard: Shard) -> bigquery.LoadJob:
        """Run a load job, or find an earlier one that has loaded the same rows.

        The job id is derived from the payload, so BigQuery refuses a repeated job. If the earlier job has failed, or
        its staging table has expired, the next id is tried.
        """
        # the dataset is part of the id: job ids are unique per project
        digest = f"{ANALYSED}-{hashlib.sha256(self._dataset.encode()).hexdigest()[:8]}-{shard.digest}"
        for attempt in range(ATTEMPTS):
            try:
                job = self._jobs.find(f"{digest}-{attempt}")
            except google.NotFound:
                return self._start_load(shard, f"{digest}-{attempt}")
            if self._jobs.succeeded(job) and self._rows_staged(shard) == len(shard.ids):
                found: bigquery.LoadJob = job
                return found
        return self._start_load(shard, f"{digest}-{secrets.token_hex(8)}")

    def _start_load(self, shard: Shard, job_id: str) -> bigquery.LoadJob:
        table = bigquery.Table(self._staging(shard), schema=schema_of(self._description))
        table.expires = datetime.now(UTC) + STAGING_LIFE
        self._client.create_table(table, exists_ok=True, retry=RETRY, timeout=TIMEOUT_S)
        try:
            job = self._client.load_table_from_file(
                io.BytesIO(shard.payload),
                self._staging(shard),
                size=len(shard.payload),
                job_id=job_id,
                job_config=_load_config(self._description),
                location=self._jobs.location,
                timeout=TIMEOUT_S,
            )
        except google.Conflict:  # a retry after a lost response, or another loader of the same rows
            job = self._jobs.find(job_id)
        self._jobs.wait(job)
        return job

    def _rows_staged(self, shard: Shard) -> int:
        try:
            return int(self._client.get_table(self._staging(shard), retry=RETRY, timeout=TIMEOUT_S).num_rows or 0)
        except google.NotFound:
            return 0

    def _merge(self, staged: Sequence[_Staged]) -> None:
        """One MERGE for each range of neighbouring days."""
        tables = [one.table for one in staged]
        spans = {(day, day) for one in staged for day in one.days} | self._moved(tables)
        sql = merge_sql(self._description, self._table, tables)
        for first, last in day_ranges(spans):
            self._change(sql, _days(first, last))

    def _moved(self, staging: Sequence[str]) -> set[Range]:
        """Pairs of days, of rows that the table holds on another day than the staged one."""
        # another store may have seen a verbatim on another day: a MERGE without that partition would insert it twice
        found = self._jobs.result(self._jobs.start_query(moved_sql(self._description, self._table, staging)))
        pairs = [sorted(date.fromisoformat(str(day)) for day in row.values()) for row in found]
        return {(earlier, later) for earlier, later in pairs}

    def _remove(self, outdated: list[str]) -> None:
        if not outdated:
            return
        gone = [bigquery.ArrayQueryParameter("gone", "STRING", outdated)]
        found = self._jobs.result(self._jobs.start_query(days_sql(self._description, self._table), gone))
        days = [date.fromisoformat(str(row["day"])) for row in found]
        for first, last in day_ranges((day, day) for day in days):
            self._change(delete_sql(self._description, self._table), [*gone, *_days(first, last)])

    def _change(self, sql: str, parameters: Sequence[Any]) -> None:
        """Run a statement that changes rows, noted before it is sent."""
        for attempt in range(SERIALIZE_ATTEMPTS):
            job_id = new_job_id()
            if self._load and not self._load.note_job(job_id):
                raise overtaken(self.name)
            try:
                self._jobs.result(self._jobs.start_query(sql, parameters, job_id))
                return
            except Overtaken:
                raise overtaken(self.name) from None
            except google.BadRequest as error:
                if "serialize access" not in str(error) or attempt == SERIALIZE_ATTEMPTS - 1:
                    raise
                # random, so that two loaders do not collide again
                time.sleep(2**attempt * secrets.SystemRandom().uniform(0.5, 1.0))

    def _staging(self, shard: Shard) -> str:
        return f"{self._table}{STAGING}{shard.digest[:24]}"

    def _create_tables(self) -> None:
        wanted = bigquery.Table(self._table, schema=schema_of(self._description))
        wanted.description = self._description.description
        wanted.time_partitioning = bigquery.TimePartitioning(field=self._description.partition)
        wanted.clustering_fields = list(self._description.clustering)
        try:
            found = self._client.get_table(self._table, retry=RETRY, timeout=TIMEOUT_S)
        except google.NotFound:
            # NotFound for a missing dataset: the operator creates it, since its location cannot be changed later
            self._client.get_dataset(self._dataset, retry=RETRY, timeout=TIMEOUT_S)
            self._client.create_table(wanted, exists_ok=True, retry=RETRY, timeout=TIMEOUT_S)
            found = self._client.get_table(self._table, retry=RETRY, timeout=TIMEOUT_S)
        self._jobs.location = found.location
        self._add_columns(found)
        self._take_over()
        for view, select in self._description.views("bigquery").items():
            self._replace_view(view, select.replace("{dataset}", f"{self._project}.{self._dataset}").strip())

    def _take_over(self) -> None:
        """Move the rows of the former table, which becomes a view of this one with its old columns.

        A process that is killed meanwhile leaves both tables, and the next one does it again.
        """
        name = f"{self._project}.{self._dataset}.{FORMER}"
        try:
            former = self._client.get_table(name, retry=RETRY, timeout=TIMEOUT_S)
        except google.NotFound:
            return
        if former.table_type != "TABLE":
            return
        if "analyser" not in types_of(former.schema):
            former.schema = [*former.schema, bigquery.SchemaField("analyser", "STRING")]
            former = self._client.update_table(former, ["schema"], retry=RETRY, timeout=TIMEOUT_S)
        rows = self._description.former_rows("bigquery").replace("{dataset}", f"{self._project}.{self._dataset}")
        self._change(take_over_sql(self._description, self._table, rows), [])
        found = self._client.get_table(self._table, retry=RETRY, timeout=TIMEOUT_S)
        found.labels = {**former.labels, **found.labels}  # which loads of which stores it holds
        self._client.update_table(found, ["labels"], retry=RETRY, timeout=TIMEOUT_S)
        self._client.delete_table(name, not_found_ok=True, retry=RETRY, timeout=TIMEOUT_S)

    def _add_columns(self, found: bigquery.Table) -> None:
        """Add new nullable columns. Raises SettingsError for any other difference."""
        new, mending = differences(self._description, types_of(found.schema), self._table)
        mending += loosening(self._description, found.schema, self._table)
        partition = found.time_partitioning
        if partition is None or (partition.field, partition.type_) != (self._description.partition, "DAY"):
            mending = [rebuilding(self._description, self._table)]
        if mending:
            raise SettingsError(f"WAREHOUSE: {self._table} has another shape; to mend it: {' '.join(mending)}")
        if new:
            # BigQuery adds only nullable columns to an existing table
            added = [field_of(column, required=False) for column in new]
            found.schema = [*found.schema, *added]
            self._client.update_table(found, ["schema"], retry=RETRY, timeout=TIMEOUT_S)

    def _replace_view(self, view: str, select: str) -> None:
        """Create the view, or replace one of an older version; leave an unchanged one alone."""
        name = f"{self._project}.{self._dataset}.{view}"
        wanted = bigquery.Table(name)
        wanted.view_query = select
        try:
            found = self._client.get_table(name, retry=RETRY, timeout=TIMEOUT_S)
        except google.NotFound:
            self._client.create_table(wanted, exists_ok=True, retry=RETRY, timeout=TIMEOUT_S)
            return
        if found.view_query != select:
            found.view_query = select
            self._client.update_table(found, ["view_query"], retry=RETRY, timeout=TIMEOUT_S)


@dataclass(frozen=True, slots=True)
class _Staged:
    """A shard in its staging table; its rows are no longer in memory."""

    table: str
    rows: int
    days: frozenset[date]


def _days(first: date, last: date) -> list[Any]:
    named = (("first_day", first), ("last_day", last))
    return [bigquery.ScalarQueryParameter(name, "DATE", day) for name, day in named]


def _client(project: str, endpoint: str | None) -> bigquery.Client:
    if endpoint is None:
        use_google_key()
        return bigquery.Client(project)
    anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]
    return bigquery.Client(project, credentials=anonymous, client_options=ClientOptions(api_endpoint=endpoint))


def _load_config(table: TableDescription) -> bigquery.LoadJobConfig:
    return bigquery.LoadJobConfig(
        schema=schema_of(table),
        source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON,
        write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
        # a job that is late must not make a staging table anew that an erasure has deleted
        create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
        max_bad_records=0,
    )


def _bad_rows(shard: Shard, job: bigquery.LoadJob) -> dict[int, str]:
    """Row number → reason, for the rows whose position the job reports."""
    bad: dict[int, str] = {}
    for error in job.errors or []:
        found = _POSITION.search(error.get("message", ""))
        number = shard.row_at(int(found[1])) if found else None
        if number is not None:
            # the reason code only: the message may quote the row
            bad[number] = f"BigQuery: {error.get('reason', 'invalid')}"
    return bad
