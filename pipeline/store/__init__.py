"""What every stage reads and leaves. Nothing else speaks SQL to it.

store.py      opens one; its nouns          database.py  transactions, SQLite and Postgres alike
runs.py       what began, and its counts    counts.py, failures.py   by which records are counted
intake.py     what is read: versions.py writes it, comparison.py compares it with what is known
texts.py      what was read and decided     crawls.py    how sources were last seen
claims.py     who asks what just now        holders.py   who is alive
analyses.py   attempts, answers, and what is current        analysers.py  who has answered
sentinel.py   what is asked again each week  labels.py     what people say of texts
nights.py     what each night came to        evaluations.py  results against labels
topics.py     new topics and decisions       model_tables.py  the tables of these four
reanalyses.py asking again                  retries.py   failures that are asked again
erasure.py    words that go
deliveries.py what a warehouse lacks        rows.py      the rows it is given
totals.py     what is counted               predicates.py  conditions on texts
identity.py   who a verbatim is             sources.py    how many sources there may be
dossier.py    all that is known of one verbatim               run_facts.py  what a run came to
driver_errors.py  what a driver says, as one line
tables.py     all tables                    migrate.py, migrations/   how older stores become these
"""

from pipeline.store.analysers import RESERVED, AnalyserShown
from pipeline.store.claims import Claims
from pipeline.store.counts import RowCounts, RunCounts
from pipeline.store.crawls import Crawls
from pipeline.store.decisions import Decision as TopicDecision
from pipeline.store.deliveries import Due, Loading
from pipeline.store.dossier import AnalysisShown, Dossier
from pipeline.store.erasure import Forgotten
from pipeline.store.evaluations import EvaluationShown
from pipeline.store.failures import Failure
from pipeline.store.labels import LabelledText
from pipeline.store.nights import Baseline, Judged, NightKey, PaidRequest
from pipeline.store.past_calls import PastCalls
from pipeline.store.reanalyses import ALL, Touched, Wanted
from pipeline.store.retries import Reopened
from pipeline.store.run_facts import (
    CallShown,
    CallsTimed,
    Feelings,
    NewTopicSaid,
    Paid,
    RunFacts,
    RunPaid,
    RunShown,
    Said,
)
from pipeline.store.runs import day_run_id
from pipeline.store.sentinel import ACCEPTANCE, WEEKLY, Flips, SentinelRun, SentinelSet
from pipeline.store.store import Store, open_store, peek_store
from pipeline.store.texts import Decision
from pipeline.store.totals import StoreTotals

__all__ = [
    "ACCEPTANCE",
    "ALL",
    "RESERVED",
    "WEEKLY",
    "AnalyserShown",
    "AnalysisShown",
    "Baseline",
    "CallShown",
    "CallsTimed",
    "Claims",
    "Crawls",
    "Decision",
    "Dossier",
    "Due",
    "EvaluationShown",
    "Failure",
    "Feelings",
    "Flips",
    "Forgotten",
    "Judged",
    "LabelledText",
    "Loading",
    "NewTopicSaid",
    "NightKey",
    "Paid",
    "PaidRequest",
    "PastCalls",
    "Reopened",
    "RowCounts",
    "RunCounts",
    "RunFacts",
    "RunPaid",
    "RunShown",
    "Said",
    "SentinelRun",
    "SentinelSet",
    "Store",
    "StoreTotals",
    "TopicDecision",
    "Touched",
    "Wanted",
    "day_run_id",
    "open_store",
    "peek_store",
]
