"""What a call may cost is reserved before it is sent: no budget is exceeded, whoever asks."""

from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace

import pytest
import sqlalchemy as sa
from analysers import ANALYSER
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.analyse.policy import FINAL_OUTCOMES
from pipeline.claiming import Budget, CompletedRequest
from pipeline.errors import BudgetUsedUp
from pipeline.records import Ask
from pipeline.store import Claims, Store, open_store
from pipeline.store.tables import spending

from .test_claims import GOOD, OVERLOADED, asks, kept

WORST = 0.01
"""The most that each request of these tests can cost; GOOD has cost 0.001."""


def claims_of(store: Store, run_id: str, run_usd: float | None = None, day_usd: float | None = None) -> Claims:
    return store.claims(run_id, ANALYSER, FINAL_OUTCOMES, Budget(run_usd, day_usd))


def priced(claims: Claims) -> list[Ask]:
    return [replace(ask, worst_usd=WORST) for ask in asks(claims)]


def answered(*taken: Ask, maybe_usd: float = 0.0) -> list[CompletedRequest]:
    return [CompletedRequest(ask, (replace(GOOD, maybe_usd=maybe_usd),), None, False) for ask in taken]


def spent(store: Store) -> float:
    with store.database.read() as connection:
        return float(connection.execute(sa.select(sa.func.sum(spending.c.usd))).scalar_one() or 0.0)


@pytest.fixture
def other(store_url: str) -> Iterator[Store]:
    with closing(open_store(store_url)) as opened:
        yield opened


def texts(number: int) -> list[str]:
    return [f"texte {position}" for position in range(number)]


def test_only_as_much_is_claimed_as_the_budget_can_pay(store: Store) -> None:
    mine = claims_of(store, kept(store, *texts(10)), run_usd=0.035)
    taken = mine.take(priced(mine))
    assert (len(taken.asks), len(taken.unaffordable), taken.finished) == (3, 7, 0)
    # three calls in flight: what they have reserved too much comes back
    assert taken.shortage is None
    assert store.totals.spent_today_usd() == pytest.approx(0.03)
    mine.commit(answered(*taken.asks))
    assert spent(store) == store.totals.spent_today_usd() == pytest.approx(0.003)
    assert len(mine.take(taken.unaffordable).asks) == 3


def test_when_nothing_more_comes_back_the_budget_is_used_up(store: Store) -> None:
    mine = claims_of(store, kept(store, *texts(3)), run_usd=0.0105)
    taken = mine.take(priced(mine))
    mine.commit(answered(*taken.asks))
    last = mine.take(taken.unaffordable)
    assert last.asks == ()
    assert last.shortage == (
        "the budget is used up: $0.0010 of the $0.0105 of this run are spent or reserved, and a call may cost $0.0100"
    )


def test_all_runs_of_a_day_share_its_budget_and_a_run_has_its_own(store: Store, other: Store) -> None:
    first, second = kept(store, *texts(4), name="a"), kept(store, *texts(8), name="b")
    mine, theirs = claims_of(store, first, day_usd=0.045), claims_of(other, second, day_usd=0.045)
    assert len(mine.take(priced(mine)[:3]).asks) == 3
    assert len(theirs.take(priced(theirs)[4:]).asks) == 1
    assert len(claims_of(other, second, run_usd=0.025).take(priced(theirs)[5:]).asks) == 1


def test_yesterdays_spending_is_not_todays(store: Store) -> None:
    run_id = kept(store, *texts(2))
    with store.database.write() as connection:
        connection.execute(sa.insert(spending).values(day="2026-01-01", run_id=run_id, process="x", usd=9.0))
    mine = claims_of(store, run_id, day_usd=0.02)
    assert len(mine.take(priced(mine)).asks) == 2
    assert claims_of(store, run_id, run_usd=9.02).take(priced(mine)).asks == ()


def test_what_was_never_sent_is_given_back(store: Store) -> None:
    mine = claims_of(store, kept(store, *texts(3)))
    taken = mine.take(priced(mine))
    mine.commit(answered(taken.asks[0]))
    mine.release(taken.asks[1:])
    assert spent(store) == pytest.approx(0.001)


def test_what_a_killed_process_had_reserved_stays_spent(store: Store, other: Store) -> None:
    """It may have been sent, and billed."""
    run_id = kept(store, *texts(2))
    mine = claims_of(store, run_id)
    mine.take(priced(mine))
    mine.release()  # what was sent and not answered
    assert spent(store) == pytest.approx(2 * WORST)
    theirs = claims_of(other, run_id, day_usd=0.025)
    taken = theirs.take(priced(theirs))
    assert (taken.asks, taken.shortage is not None) == ((), True)


def test_a_try_of_which_nobody_can_tell_stays_spent(store: Store) -> None:
    mine = claims_of(store, kept(store, *texts(1)))
    [ask] = mine.take(priced(mine)).asks
    mine.reserve(ask, WORST)
    assert spent(store) == pytest.approx(2 * WORST)
    mine.commit([CompletedRequest(ask, (replace(OVERLOADED, error="timeout", maybe_usd=WORST),), None, False)])
    assert spent(store) == pytest.approx(WORST)


def test_a_second_question_needs_room_in_the_budget(store: Store) -> None:
    mine = claims_of(store, kept(store, *texts(1)), run_usd=0.0149)
    [ask] = mine.take(priced(mine)).asks
    with pytest.raises(BudgetUsedUp, match=r"\$0\.0100 of the \$0\.0149 of this run"):
        mine.reserve(ask, WORST)
    mine.commit(answered(ask))
    assert spent(store) == pytest.approx(0.001)


STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),  # which process
        st.sampled_from(["take", "answer", "time-out", "second question", "die"]),
        st.floats(0.001, WORST),  # what an answer costs
    ),
    max_size=40,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, budget_usd=st.floats(0.0, 0.2))
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_whatever_happens_the_budget_is_never_exceeded(
    store: Store, steps: list[tuple[int, str, float]], budget_usd: float
) -> None:
    """Billed is every answer, and the worst case of every request that was never answered."""
    run_id = kept(store, *(f"{id(steps)} {number}" for number in range(30)), name=f"{id(steps)}")
    processes = [claims_of(store, run_id, run_usd=budget_usd) for _ in range(3)]
    tries: list[dict[Ask, int]] = [{}, {}, {}]
    ended_usd = 0.0
    for who, what, cost in steps:
        process, flight = processes[who], tries[who]
        if what == "take":
            flight.update(dict.fromkeys(process.take(priced(process)[:4]).asks, 1))
        elif what == "die":
            process.release()
            processes[who] = claims_of(store, run_id, run_usd=budget_usd)
            ended_usd += WORST * sum(flight.values())
            flight.clear()
        elif flight:
            ask, number = next(iter(flight.items()))
            if what == "second question":
                with suppress(BudgetUsedUp):
                    process.reserve(ask, WORST)
                    flight[ask] += 1
            else:
                del flight[ask]
                lost = WORST * (number - 1 if what == "answer" else number)
                attempt = replace(GOOD if what == "answer" else OVERLOADED, maybe_usd=lost)
                attempt = replace(attempt, cost_usd=cost) if what == "answer" else attempt
                process.commit([CompletedRequest(ask, (attempt,), None, False)])
                ended_usd += attempt.cost_usd + lost
        assert ended_usd + WORST * sum(sum(flight.values()) for flight in tries) <= budget_usd + 1e-9
