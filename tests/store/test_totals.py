"""Totals are kept up by those who change them, each in rows of its own that are folded later: none is lost."""

import subprocess
import sys
import threading

import pytest
import sqlalchemy as sa

from pipeline.store import Store, StoreTotals
from pipeline.store.database import Turn
from pipeline.store.tables import attempts, totals
from pipeline.store.totals import fold

from .test_claims import kept
from .test_deliveries import TWO, answered

WORKER = """
import sys
from pipeline.store.database import Database
from pipeline.store.totals import Tally, Total
url, run_id = sys.argv[1:]
database = Database(url)
for number in range(200):
    tally = Tally()
    tally.add(Total.NEW_TOPICS)
    tally.add(Total.ATTEMPTS, "analysed", amount=0.5)
    with database.write() as connection:
        tally.write(connection, run_id, database.process)
"""


def rows(store: Store) -> int:
    with store.database.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(totals)).scalar_one())


@pytest.mark.long
def test_nothing_is_lost_while_processes_count_and_others_fold(store: Store, store_url: str) -> None:
    run_id = kept(store, "merci")
    started = [subprocess.Popen([sys.executable, "-c", WORKER, store_url, run_id]) for _ in range(2)]
    done = threading.Event()

    def fold_on() -> None:
        while not done.is_set():
            with store.database.write() as connection:
                store.database.take_turns(connection, Turn.FOLDING)
                fold(connection)

    folding = threading.Thread(target=fold_on)
    folding.start()
    codes = [process.wait(120) for process in started]
    done.set()
    folding.join()
    assert codes == [0, 0]
    assert (store.totals.new_topics(), store.totals.durations()["analysed"]) == (400, (400, 200.0))
    assert store.runs.count(run_id).calls == 400


def test_folding_changes_no_total_and_leaves_a_row_for_each_series(store: Store) -> None:
    run_id = answered(store, TWO)
    methods = [name for name in vars(StoreTotals) if not name.startswith("_")]
    before = {name: getattr(store.totals, name)() for name in methods}, store.runs.count(run_id)
    unfolded = rows(store)
    for _ in range(2):
        store.runs.finish(run_id)
        assert ({name: getattr(store.totals, name)() for name in methods}, store.runs.count(run_id)) == before
        assert rows(store) == 2 * unfolded, "of the run, and of all runs"


def test_a_run_that_never_ended_is_folded_with_the_next_one(store: Store) -> None:
    answered(store, {"a": "merci"})
    store.runs.finish(answered(store, {"b": "bof"}))
    with store.database.read() as connection:
        assert connection.execute(sa.select(totals).where(totals.c.process != "")).all() == []
    assert store.totals.new_topics() == 2


def test_cost_and_tokens_are_those_of_the_source_that_asked(store: Store) -> None:
    answered(store, TWO)
    [(source, cost)] = store.totals.cost_usd().items()
    assert source == "shop" and cost > 0
    with store.database.read() as connection:
        given, made = connection.execute(
            sa.select(sa.func.sum(attempts.c.input_tokens), sa.func.sum(attempts.c.output_tokens))
        ).one()
    assert store.totals.tokens() == {("shop", "input"): given, ("shop", "output"): made}


def test_topics_and_languages_count_each_verbatim_once(store: Store) -> None:
    answered(store, TWO, language="fr")
    answered(store, TWO, language="fr")  # read again: nothing counts twice
    answered(store, {"c": "neu"})
    assert store.totals.languages() == {"fr": len(TWO), "unknown": 1}
    assert store.totals.topics() == {"delivery": len(TWO) + 1}
