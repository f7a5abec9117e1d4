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
    asked = {ask.text: ask for ask in taken.asks}
    failed = [(asked["bof"], (UNREADABLE, UNREADABLE)), (asked["un refus"], (REFUSED,))]
    claims.commit([*good(asked["merci"]), *(CompletedRequest(ask, attempts, "0f", True) for ask, attempts in failed)])
    claims.take(taken.waiting)
    found = store.runs.failures(run_id)
    assert [(one.outcome, one.detail, one.input_tokens, one.output_tokens) for one in found if one.input_tokens] in (
        [("unreadable", "invalid_json", 200, 20), ("refused", "cyber", 100, 10)],
        [("refused", "cyber", 100, 10), ("unreadable", "invalid_json", 200, 20)],
    )
    [identical] = [one for one in found if not one.input_tokens]
    assert (identical.outcome, identical.detail, identical.cost_usd) == ("unreadable", None, 0.0)
    assert sum(one.cost_usd for one in found) == pytest.approx(0.003)
