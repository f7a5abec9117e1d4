"""What `verbatims failed` says of a record: how it failed, and what that has cost."""

from dataclasses import replace

import pytest
from analysers import ANALYSER

from pipeline.analyse.policy import FINAL_OUTCOMES
from pipeline.claiming import CompletedRequest
from pipeline.records import Outcome
from pipeline.store import Store

from .test_claims import UNREADABLE, asks, good, kept

REFUSED = replace(UNREADABLE, outcome=Outcome.REFUSED, json_error=None, refusal="cyber")


def test_a_failed_record_has_its_reason_and_what_all_its_calls_without_a_good_answer_cost(store: Store) -> None:
    run_id = kept(store, "merci", "bof", "un refus", "bof")
    claims = store.claims(run_id, ANALYSER, FINAL_OUTCOMES)
    taken = claims.take(asks(claims))
    fine, unreadable, refused = taken.asks
    failed = [(unreadable, (UNREADABLE, UNREADABLE)), (refused, (REFUSED,))]
    claims.commit([*good(fine), *(CompletedRequest(ask, attempts, "0f", True) for ask, attempts in failed)])
    claims.take(taken.waiting)
    first, second, identical = store.runs.failures(run_id)
    assert (first.detail, first.input_tokens, first.output_tokens) == ("invalid_json", 200, 20)
    assert (second.detail, second.input_tokens, second.cost_usd) == ("cyber", 100, pytest.approx(0.001))
    assert (identical.outcome, identical.detail, identical.cost_usd) == ("unreadable", None, 0.0)
    assert sum(one.cost_usd for one in (first, second, identical)) == pytest.approx(0.003)
