"""The budget of a run in Message Batches."""

from __future__ import annotations

from collections import Counter

import pytest
from batch_place import NOTHING, TEXTS, Place, analyse, check, ignore, left_over, worst_of
from store.test_claims import kept

from pipeline import batch_journey, journey
from pipeline.errors import BudgetUsedUp
from pipeline.store import Store


def test_a_batch_keeps_to_the_budget(place: Place, store: Store) -> None:
    place.serve()
    run_id = kept(store, *TEXTS)
    with place.session() as session:
        worst_usd = worst_of(session)
    with place.session(run_budget_usd=worst_usd * 1.05) as session, pytest.raises(BudgetUsedUp, match="this run"):
        analyse(session, run_id)
    counts = store.runs.count(run_id)
    assert 0 < counts.analysed < 40 and counts.cost_usd <= worst_usd * 1.05
    assert left_over(store) == NOTHING


def test_what_a_batch_did_not_cost_pays_for_the_next_one(place: Place, store: Store) -> None:
    """A tenth of what is reserved is spent: a budget for some of the texts is enough for all of them, a few at once."""
    place.serve()
    run_id = kept(store, *TEXTS)
    with place.session() as session:
        worst_usd = worst_of(session)
    with place.session(run_budget_usd=worst_usd * 15) as session:
        assert analyse(session, run_id) == 0
    check(place, store, run_id)
    assert max(Counter(line["batch_id"] for line in place.billed()).values()) == 15


def test_a_step_says_that_the_budget_may_pay_for_more_later(place: Place, store: Store) -> None:
    place.serve()
    run_id = kept(store, *TEXTS)
    with place.session() as session:
        worst_usd = worst_of(session)
    with place.session(run_budget_usd=worst_usd * 15) as session:
        under_way, more = journey.send_or_collect(session, run_id, sends=True)
        assert len(under_way) == 1 and more and store.texts.count_pending(run_id) == 40
    with place.session(run_budget_usd=worst_usd / 2) as session:
        assert batch_journey.collect_batches(session, ignore) == 0
        with pytest.raises(BudgetUsedUp):
            journey.send_or_collect(session, run_id, sends=True)
