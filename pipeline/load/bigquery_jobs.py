"""Jobs of BigQuery: started under an id, found again, waited for, ended."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Any

from google.api_core import exceptions as google
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

TIMEOUT_S = 30.0
"""Timeout of one request. The client has none by default: a closed port blocked it for 593 s."""

RETRY_S = 120.0
"""How long a failed request is repeated; the client's default is ten minutes."""

JOB_S = 600.0
"""Timeout of one job; loads of this size take seconds."""

LOOK_AGAIN_S = 1.0
"""How often a job that was cancelled is looked at."""

RETRY = DEFAULT_RETRY.with_timeout(RETRY_S)

NOTHING = "SELECT 1"
"""The query of a job that only takes an id."""


class Overtaken(Exception):
    """A later load has taken the id of this job: it must not run."""


class Jobs:
    """The jobs of one project in one location."""

    def __init__(self, client: bigquery.Client, dataset: str) -> None:
        """`dataset`: project and name, for tables that a query names without."""
        self._client = client
        self._dataset = dataset
        self.location: str | None = None
        """Outside of the US and EU multi-regions BigQuery finds a job only by its location."""

    def find(self, job_id: str) -> Any:
        """The job with this id. Raises google.NotFound."""
        return self._client.get_job(job_id, location=self.location, retry=RETRY, timeout=TIMEOUT_S)

    def start_query(self, sql: str, parameters: Sequence[Any] = (), job_id: str | None = None) -> bigquery.QueryJob:
        """Start a query. Raises Overtaken where `end` has taken the id."""
        job_id = job_id or new_job_id()
        config = bigquery.QueryJobConfig(
            query_parameters=list(parameters), use_legacy_sql=False, default_dataset=self._dataset
        )
        try:
            return self._client.query(
                sql,
                job_config=config,
                job_id=job_id,
                location=self.location,
                retry=RETRY,
                timeout=TIMEOUT_S,
                job_retry=None,
            )
        except google.Conflict:  # a retry after a lost response
            found: bigquery.QueryJob = self.find(job_id)
            if found.query != sql:
                raise Overtaken from None
            return found

    def result(self, job: bigquery.QueryJob) -> Any:
        """Wait for a query's result, JOB_S at most."""
        # `timeout` limits a single request and the whole wait alike, so a short one is repeated
        end = time.monotonic() + JOB_S
        while True:
            try:
                return job.result(timeout=TIMEOUT_S, retry=RETRY)
            except TimeoutError:
                if time.monotonic() > end:
                    raise

    def wait(self, job: Any) -> None:
        """Wait until the job has ended. Bad rows raise no error: `job.errors` lists them."""
        try:
            job.result(timeout=JOB_S, retry=RETRY)
        except google.GoogleAPICallError:
            if job.error_result is None or job.error_result.get("reason") not in ("invalid", "invalidQuery"):
                raise

    def succeeded(self, job: Any) -> bool:
        """Whether an earlier job has succeeded."""
        # its error is not raised: a cause such as a quota may be over, and the job is sent again
        try:
            self.wait(job)
        except google.GoogleAPICallError:
            if job.error_result is None:
                raise
        return job.error_result is None

    def end(self, job_id: str) -> None:
        """See to it that a query of an earlier load has ended, or never runs.

        Ids of jobs are unique in a project. One that is not there may still be on its way, from a process that was
        stopped: a query that does nothing takes its id.
        """
        try:
            job = self.find(job_id)
        except google.NotFound:
            try:
                self.result(self.start_query(NOTHING, job_id=job_id))
                return
            except Overtaken:  # it has come in between
                job = self.find(job_id)
        if job.state != "DONE":
            job.cancel(retry=RETRY, timeout=TIMEOUT_S)
        self._wait_until_done(job)

    def _wait_until_done(self, job: Any) -> None:
        end = time.monotonic() + JOB_S
        while job.state != "DONE":
            if time.monotonic() > end:
                raise TimeoutError
            time.sleep(LOOK_AGAIN_S)
            job.reload(retry=RETRY, timeout=TIMEOUT_S)


def new_job_id() -> str:
    """A random id: a statement has to run again even if its text is the same."""
    return f"verbatims_query_{secrets.token_hex(16)}"
