"""What must hold after a round, counted by hand from the input, the bills and the databases."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from otlp_receiver import Receiver

from .bills import ASKED_AGAIN, Bills, most_questions
from .faults import Striking
from .place import Place, Row, expected_rows, warehouse_rows
from .plan import KILL, KILLED_EXPIRE, KILLED_LOAD, LONG_FREEZE, OUTAGE, Plan
from .process import Process
from .reviews import copies, skipped

INPUT = "avis.csv"
TABLES = "bigquery.db"


@dataclass(frozen=True)
class Seen:
    """A round that is over."""

    plan: Plan
    folder: Path
    store: Place
    warehouse: Place
    bills: Bills
    striking: Striking
    receiver: Receiver
    processes: list[Process]

    @property
    def gone(self) -> list[str]:
        """Canaries whose words were erased."""
        return [review.canary for review in (*self.plan.expired, *self.plan.forgotten)]

    @property
    def exported(self) -> bytes:
        """All spans and metrics."""
        return b"".join(one.SerializeToString() for one in (*self.receiver.traces, *self.receiver.metrics))


QUESTIONS = """
SELECT COALESCE(request_key, CAST(text_id AS VARCHAR)) AS question, outcome FROM attempts
WHERE input_tokens > 0 ORDER BY attempt_id
"""
"""A text, and the settings it is asked with; of a forgotten text the key is gone."""


def check_bills(seen: Seen) -> None:
    """Nothing is paid twice but what was in flight where a fault struck, and the store knows of each other bill."""
    lost = seen.striking.may_be_lost
    asked, most = seen.bills.questions, most_questions(seen.plan)
    assert asked <= most + lost, f"{asked} questions were billed, {most} texts wait for an answer, {lost} may be lost"
    if not lost:
        _check_each_question(seen)
    paid = seen.store.rows("SELECT input_tokens, output_tokens FROM attempts WHERE input_tokens > 0")
    unknown = len(seen.bills.lines) - len(paid)
    assert 0 <= unknown <= lost * 2, f"the store lacks {unknown} of {len(seen.bills.lines)} bills; {lost} may be lost"
    if not unknown:
        billed = sorted((line["input_tokens"], line["output_tokens"]) for line in seen.bills.lines)
        assert billed == sorted((row["input_tokens"], row["output_tokens"]) for row in paid), "other tokens were billed"


def _check_each_question(seen: Seen) -> None:
    """Where nothing may be lost: one answer to each, and a second one only to a first that was of no use."""
    answers: dict[str, list[str]] = defaultdict(list)
    for row in seen.store.rows(QUESTIONS):
        answers[row["question"]].append(row["outcome"])
    twice = [one for one in answers.values() if len(one) > 2 or not set(one[:-1]) <= set(ASKED_AGAIN)]
    assert not twice, f"{len(twice)} questions were paid too often: {twice[0]}"


OUTCOMES = """
SELECT t.text_id, t.text, t.current, (SELECT count(*) FROM analyses n WHERE n.text_id = t.text_id) AS outcomes
FROM texts t WHERE t.kept AND NOT t.erased
"""


def check_outcomes(seen: Seen) -> None:
    """Each review of the input that is kept is there once, with one outcome; the others have their reason."""
    found = seen.store.rows(OUTCOMES)
    wanted = Counter({canary: n for canary, n in copies(seen.plan.reviews).items() if canary not in seen.gone})
    kept = Counter(_canary(row["text"], wanted) for row in found)
    assert kept == wanted, f"too many are kept: {kept - wanted}; too few: {wanted - kept}"
    # a process that was taken for dead stores what it has paid, beside the answer of whoever took over
    most = 2 if any(strike.kind == LONG_FREEZE for strike in seen.striking.struck) else 1
    odd = [row for row in found if not 1 <= row["outcomes"] <= most]
    assert not odd, f"{len(odd)} texts do not have one outcome, such as {odd[0]['text_id']}: {odd[0]['outcomes']}"
    reasons = seen.store.rows("SELECT skip_reason, count(*) AS n FROM texts WHERE skip_reason IS NOT NULL GROUP BY 1")
    told, wanted = {row["skip_reason"]: row["n"] for row in reasons}, skipped(seen.plan.reviews)
    assert told == wanted, f"skipped are {told}, and the input says {dict(wanted)}"


def check_rows(seen: Seen) -> None:
    """The warehouse holds what the store says, each verbatim once; erased ones without words."""
    held, wanted = warehouse_rows(seen.warehouse), expected_rows(seen.store)
    twice = [identity for identity, n in Counter(row["verbatim_id"] for row in held).items() if n > 1]
    assert not twice, f"{len(twice)} verbatims have several rows, such as {twice[0]}"
    assert held == wanted, f"the warehouse is not what the store says:\n{_difference(held, wanted)}"
    wordless = [row for row in held if row["text"] is None]
    assert all(row["summary"] is None for row in wordless), "a row without text has a summary"


def check_erased(seen: Seen) -> None:
    """What was expired or forgotten is in no store, warehouse or report, and has not come back."""
    for report in seen.folder.rglob("reports/*.html"):
        _clean(str(report), report.read_bytes(), {canary.encode() for canary in seen.gone})
    for place in (seen.store, seen.warehouse):
        words = place.words()
        left = [canary for canary in seen.gone if canary in words]
        assert not left, f"{place.url} still has, or has again, the words of {len(left)} erased verbatims: {left[0]}"
        names = [review.id for review in seen.plan.forgotten if f"'{review.id}'" in words]
        assert not names, f"{place.url} has the id of a forgotten verbatim: {names[0]}"
    # of the verbatims themselves; longer texts have another one for their words
    mine = "SELECT count(DISTINCT t.verbatim_id) AS n FROM texts t JOIN forgotten f ON f.verbatim_id = t.verbatim_id"
    [tombstones] = seen.store.rows(mine)
    assert tombstones["n"] == len(seen.plan.forgotten), "not every forgotten verbatim has its tombstone"


EVER = "SELECT name, label, detail, sum(n) AS n, sum(amount) AS amount FROM totals WHERE {which} GROUP BY 1, 2, 3"
BY_HAND = {
    "analysed": "SELECT t.source AS label, a.sentiment AS detail, count(*) AS n FROM texts t"
    " JOIN analyses y ON y.analysis_id = t.current JOIN answers a ON a.request_key = y.request_key GROUP BY 1, 2",
    "skipped": "SELECT source AS label, skip_reason AS detail, count(*) AS n FROM texts"
    " WHERE skip_reason IS NOT NULL GROUP BY 1, 2",
    "lengths": "SELECT CASE WHEN characters < 100 THEN 'short' WHEN characters < 500 THEN 'medium' ELSE 'long' END"
    " AS label, '' AS detail, count(*) AS n FROM texts WHERE current IS NOT NULL GROUP BY 1",
    "languages": "SELECT coalesce(language, 'unknown') AS label, '' AS detail, count(*) AS n FROM texts"
    " WHERE current IS NOT NULL GROUP BY 1",
    "attempts": "SELECT outcome AS label, '' AS detail, count(*) AS n FROM attempts GROUP BY 1",
    "json_errors": "SELECT json_error AS label, '' AS detail, count(*) AS n FROM attempts"
    " WHERE json_error IS NOT NULL GROUP BY 1",
    "input_tokens": "SELECT t.source AS label, '' AS detail, sum(a.input_tokens) AS n FROM attempts a"
    " JOIN texts t ON t.text_id = a.text_id GROUP BY 1",
    "output_tokens": "SELECT t.source AS label, '' AS detail, sum(a.output_tokens) AS n FROM attempts a"
    " JOIN texts t ON t.text_id = a.text_id GROUP BY 1",
}


def check_totals(seen: Seen) -> None:
    """The totals are what the tables add up to; so are those of the runs taken together."""
    for which in ("run_id = '' OR process <> ''", "run_id <> ''"):
        kept = seen.store.rows(EVER.format(which=which))
        for name, sql in BY_HAND.items():
            told = {(row["label"], row["detail"]): row["n"] for row in kept if row["name"] == name}
            counted = {(row["label"], row["detail"]): row["n"] for row in seen.store.rows(sql) if row["n"]}
            assert told == counted, f"total {name} ({which}) says {told}, and the tables say {counted}"
        [cost] = seen.store.rows("SELECT sum(cost_usd) AS usd FROM attempts")
        told_usd = sum(row["amount"] for row in kept if row["name"] == "cost_usd")
        assert abs(told_usd - cost["usd"]) < 1e-9, f"total cost is {told_usd}, and the attempts cost {cost['usd']}"


def check_exits(seen: Seen) -> None:
    """Every command ended as the README says: done, with failures, stopped; no error came through as a stack trace."""
    allowed = {0, 1, 3}
    struck = {strike.kind for strike in seen.striking.struck}
    allowed |= {-9} if struck & {KILL, KILLED_LOAD, KILLED_EXPIRE} else set()
    allowed |= {2} if OUTAGE in struck and seen.striking.server else set()  # a server that was never reached
    for process in seen.processes:
        code = process.code
        assert code is None or code in allowed, f"{process.name} ended with {code}: {process.said[-300:]}"
        assert "Traceback" not in process.said, f"{process.name}: {process.said[-600:]}"


def check_silence(seen: Seen, *, erased: bool) -> None:
    """No text and no phone number is anywhere but in the input; the databases and reports have texts until erased."""
    canaries = {review.canary.encode() for review in seen.plan.reviews}
    numbers = {review.id.encode() for review in seen.plan.reviews if review.secret_id}
    _clean("telemetry", seen.exported, canaries | numbers)
    for file in sorted(seen.folder.rglob("*")):
        if file.is_file() and file.name != INPUT:
            has_texts = file.name.startswith(("store.db", "rows.db", TABLES)) or file.suffix == ".html"
            _clean(str(file), file.read_bytes(), numbers if has_texts and not erased else canaries | numbers)


def _clean(name: str, content: bytes, secrets: set[bytes]) -> None:
    found = [secret.decode() for secret in secrets if secret in content]
    assert not found, f"{name} holds {len(found)} words of the input, such as {found[0]}"


def _canary(text: str, known: dict[str, int]) -> str:
    return next((word for word in text.replace(",", " ").split() if word in known), text)


def _difference(held: list[Row], wanted: list[Row]) -> str:
    extra = [row for row in held if row not in wanted]
    missing = [row for row in wanted if row not in held]
    return f"{len(extra)} rows are there, such as {extra[:1]}; {len(missing)} are not, such as {missing[:1]}"
