"""What every stage reads and leaves: runs, verbatims, calls, answers, topics. Nothing else speaks SQL to it."""

from pipeline.store.claims import Claims
from pipeline.store.counts import Failure, RunCounts, count_rows, count_run, failures, too_long
from pipeline.store.erasure import Erasure, RedactedRows
from pipeline.store.runs import day_run_id
from pipeline.store.store import Decision, Store, open_store, peek_store, verbatim_id
from pipeline.store.totals import StoreTotals
from pipeline.store.visits import Crawls

__all__ = [
    "Claims",
    "Crawls",
    "Decision",
    "Erasure",
    "Failure",
    "RedactedRows",
    "RunCounts",
    "Store",
    "StoreTotals",
    "count_rows",
    "count_run",
    "day_run_id",
    "failures",
    "open_store",
    "peek_store",
    "too_long",
    "verbatim_id",
]
