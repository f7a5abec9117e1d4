"""The estimate of the next calls rests on calls that asked each text once, or again because it had no answer."""

from analysers import ANALYSER

from pipeline.analyse.policy import FINAL_OUTCOMES
from pipeline.analyser_series import series_of
from pipeline.store import ACCEPTANCE, Store

from .test_claims import asks, good
from .test_deliveries import answered


def test_calls_of_the_sentinel_are_not_second_calls(store: Store) -> None:
    """Three for each text would be three quarters of all calls: more than the estimate takes for a probability."""
    answered(store, {str(number): f"merci {number}" for number in range(12)})
    before = store.past_calls(ANALYSER.fingerprint)
    series = series_of(ANALYSER.fingerprint, ANALYSER.definition)
    assert store.sentinel.draw(series, {("shop", "positive"): 12}, seed=1) == 12
    for _ in range(3):
        run_id = store.runs.start("sandbox", "the sentinel")
        store.sentinel.start(run_id, ANALYSER, ACCEPTANCE)
        claims = store.claims(run_id, ANALYSER, FINAL_OUTCOMES)
        claims.commit(good(*claims.take(asks(claims)).asks))
        store.runs.finish(run_id)
    assert store.runs.count(run_id).calls == 12
    assert before is not None and store.past_calls(ANALYSER.fingerprint) == before
