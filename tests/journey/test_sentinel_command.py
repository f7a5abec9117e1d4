"""The sentinel asks the same texts again without the stored answers, and alarms where the model answers otherwise."""

import io
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from model_history import PROMPT, totals_of, write_reviews

from pipeline import sentinel
from pipeline.commands.output import open_console, terminal_on
from pipeline.sandbox import Sandbox
from pipeline.session import open_session

from .conftest import Command, Shell, query

pytestmark = pytest.mark.long

STORE, ROWS = "var/verbatims.db", "var/verbatims-warehouse.db"
ALL_ROWS = "SELECT * FROM verbatims_analysed_v2 ORDER BY verbatim_id"
WEEKLY_CALLS = "SELECT count(*), count(DISTINCT run_id) FROM attempts WHERE purpose = 'sentinel'"


@pytest.fixture
def analysed(verbatims: Command, tmp_path: Path) -> Command:
    """A store with 320 analysed reviews of two sources."""
    for source, count in (("shop", 220), ("app", 100)):
        file = write_reviews(tmp_path / f"{source}.csv", count, count)
        assert verbatims("run", "--input", file.name, "--source", source).code == 0
    return verbatims


def test_a_changed_model_alarms_and_nothing_but_calls_is_counted(analysed: Command, tmp_path: Path) -> None:
    store, warehouse = tmp_path / STORE, tmp_path / ROWS
    before, rows, answers = totals_of(store), query(warehouse, ALL_ROWS), query(store, "SELECT count(*) FROM answers")
    accepted = analysed("sentinel", "accept", "--yes", "--json")
    assert accepted.data == {"texts": 300, "pairs": 900, "flips": 0}
    steady = analysed("sentinel", "ask", "--json")
    assert (steady.code, steady.data["flips"], steady.data["alarms"]) == (0, 0, False)
    with Sandbox(latency_s=0, drift="negative=0.3") as drifting:
        changed = analysed("sentinel", "ask", "--json", ANTHROPIC_BASE_URL=drifting.url)
    assert changed.code == 1 and changed.data["alarms"] and changed.data["flips"] > changed.data["limit"]
    assert "the model may have changed" in changed.err
    alarming = "SELECT count(*) FROM verdicts WHERE signal = 'sentinel' AND score > 1"
    assert query(store, alarming) == [(1,)]

    assert totals_of(store) == before and query(store, "SELECT count(*) FROM answers") == answers
    assert query(store, "SELECT count(*) FROM analyses") == [(320,)]
    analysed("load", "--run", query(store, "SELECT run_id FROM runs ORDER BY started_at LIMIT 1")[0][0])
    assert query(warehouse, ALL_ROWS) == rows
    paid = query(store, "SELECT coalesce(purpose, ''), count(*) FROM attempts GROUP BY 1")
    assert paid == [("", 320), ("acceptance", 900), ("sentinel", 600)]
    sums = "sum(input_tokens), (SELECT round(sum(usd), 6) FROM spending) = round(sum(cost_usd), 6)"
    [(tokens, spent)] = query(store, f"SELECT {sums} FROM attempts")
    counted = "SELECT sum(n) FROM totals WHERE name = 'input_tokens' AND run_id <> ''"
    assert spent == 1 and query(store, counted) == [(tokens,)]
    assert analysed("sentinel", "accept", "--yes").code == 0 and query(store, alarming) == [(0,)]


def test_the_latest_run_is_never_one_of_the_sentinel(analysed: Command, tmp_path: Path) -> None:
    [(latest,)] = query(tmp_path / STORE, "SELECT run_id FROM runs ORDER BY started_at DESC LIMIT 1")
    assert analysed("sentinel", "accept", "--yes", "--sample", "120").code == 0
    assert analysed("publish", "--json").data["run_id"] == latest


def test_what_a_budget_has_stopped_goes_on(analysed: Command, tmp_path: Path) -> None:
    poor = analysed("sentinel", "accept", "--yes", "--budget", "0.005")
    assert poor.code == 3 and "budget" in poor.err
    [(chosen,)] = query(tmp_path / STORE, "SELECT group_concat(text_id) FROM sentinel")
    assert "no sentinel is accepted yet" in analysed("sentinel", "ask").err
    assert analysed("sentinel", "accept", "--yes", "--json").data == {"texts": 300, "pairs": 900, "flips": 0}
    assert query(tmp_path / STORE, "SELECT group_concat(text_id) FROM sentinel") == [(chosen,)]
    asked = "SELECT count(*), count(DISTINCT run_id) FROM attempts WHERE purpose = 'acceptance'"
    assert query(tmp_path / STORE, asked) == [(900, 3)]


def test_it_can_be_asked_in_batches(analysed: Command, tmp_path: Path) -> None:
    assert analysed("sentinel", "accept", "--yes", "--sample", "120", "--mode", "batch").code == 0
    asked = "SELECT count(*) FROM attempts WHERE batch IS NOT NULL AND purpose = 'acceptance'"
    assert query(tmp_path / STORE, asked) == [(360,)]
    few = analysed("sentinel", "ask", "--json")
    assert (few.code, few.data["state"], few.data["limit"]) == (0, "not_enough", None)


def test_a_question_that_is_asked_is_not_paid_again_by_a_retry(analysed: Command, tmp_path: Path) -> None:
    assert analysed("sentinel", "accept", "--yes", "--sample", "120").code == 0
    monday = datetime.now(UTC)
    for _ in range(2):
        with open_session(terminal_on(open_console()), asks=True) as session:
            assert sentinel.ask(session, since=monday).flips.asked == 120
            assert sentinel.send_or_collect(session, sends=True, since=monday) == []
            assert sentinel.end(session, monday).flips.asked == 120
    assert query(tmp_path / STORE, WEEKLY_CALLS) == [(120, 1)]


def test_a_question_left_open_in_a_former_week_is_not_gone_on_with(analysed: Command, tmp_path: Path) -> None:
    assert analysed("sentinel", "accept", "--yes", "--sample", "120").code == 0
    assert analysed("sentinel", "ask", "--budget", "0.005").code == 3
    [(early, _)] = query(tmp_path / STORE, WEEKLY_CALLS)
    assert 0 < early < 120
    with closing(sqlite3.connect(tmp_path / STORE, isolation_level=None)) as store:
        last_week = (datetime.now(UTC) - timedelta(days=7)).isoformat()
        store.execute("UPDATE runs SET started_at = ? WHERE purpose = 'sentinel'", [last_week])
    assert analysed("sentinel", "ask", "--json").data["asked"] == 120
    assert query(tmp_path / STORE, WEEKLY_CALLS) == [(early + 120, 2)]
    assert query(tmp_path / STORE, "SELECT count(*) FROM runs WHERE purpose = 'sentinel' AND ended_at IS NULL") == [
        (0,)
    ]


def test_two_who_accept_at_once_pay_for_one_acceptance(analysed: Command, shell: Shell, tmp_path: Path) -> None:
    both = [shell.start("sentinel", "accept", "--yes", "--sample", "120") for _ in range(2)]
    ended = [shell.end(one) for one in both]
    assert {one.code for one in ended} <= {0, 3}, [one.err for one in ended]
    if all(one.code for one in ended):
        assert analysed("sentinel", "accept", "--yes", "--sample", "120").code == 0
    asked = "SELECT count(*), count(DISTINCT run_id) FROM attempts WHERE purpose = 'acceptance'"
    assert query(tmp_path / STORE, asked) == [(360, 3)]
    assert query(tmp_path / STORE, "SELECT count(*) FROM runs WHERE purpose <> 'acceptance'") == [(0,)]


def test_another_prompt_needs_another_acceptance(analysed: Command, tmp_path: Path) -> None:
    assert analysed("sentinel", "accept", "--yes", "--sample", "120").code == 0
    (tmp_path / "second.md").write_text(PROMPT, encoding="utf-8")
    other = analysed("sentinel", "ask", VERBATIMS_PROMPT="second.md")
    assert other.code == 2 and "another model, prompt or way of thinking" in other.err
    none = analysed("sentinel", "accept", "--yes", VERBATIMS_PROMPT="second.md")
    assert none.code == 2 and "a sentinel needs 100" in none.err


def test_a_forgotten_text_is_replaced_by_one_of_its_stratum(analysed: Command, tmp_path: Path) -> None:
    assert analysed("sentinel", "accept", "--yes", "--sample", "120").code == 0
    strata = "SELECT source, accepted, count(*) FROM sentinel GROUP BY 1, 2 ORDER BY 1, 2"
    before = query(tmp_path / STORE, strata)
    chosen = (
        "SELECT t.text_id, t.external_id FROM texts t JOIN sentinel s USING (text_id) WHERE s.accepted = 'positive'"
    )
    [(text_id, external_id), *_] = query(tmp_path / STORE, f"{chosen} AND t.source = 'shop' ORDER BY 1")
    assert analysed("forget", "shop", external_id).code == 0
    assert query(tmp_path / STORE, strata) == before
    assert query(tmp_path / STORE, f"SELECT count(*) FROM sentinel WHERE text_id = {text_id}") == [(0,)]


def test_an_acceptance_that_nobody_confirms_changes_nothing(
    analysed: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert analysed("sentinel", "accept", "--yes", "--sample", "120").code == 0
    stored = "SELECT (SELECT group_concat(text_id) FROM sentinel), group_concat(purpose) FROM runs"
    before = query(tmp_path / STORE, stored)
    asked = analysed("sentinel", "accept")
    assert asked.code == 2 and "300 texts are asked 3 times: 900 calls" in asked.err
    assert query(tmp_path / STORE, stored) == before
    assert analysed("sentinel", "ask").code == 0


def test_an_acceptance_with_texts_left_unanswered_is_none_and_goes_on(analysed: Command, tmp_path: Path) -> None:
    with Sandbox(latency_s=0, faults={"error": 0.02}) as failing:
        stopped = analysed("sentinel", "accept", "--yes", ANTHROPIC_BASE_URL=failing.url, VERBATIMS_RETRY_S="0")
    assert stopped.code == 3 and "have no answer yet" in stopped.err and "sentinel accept" in stopped.err
    assert "no sentinel is accepted yet" in analysed("sentinel", "ask").err
    assert analysed("sentinel", "accept", "--yes", "--json").data["pairs"] == 900
    good = "SELECT count(*) FROM attempts WHERE purpose = 'acceptance' AND outcome = 'analysed'"
    assert query(tmp_path / STORE, good) == [(900,)], "what was answered is not asked again"
