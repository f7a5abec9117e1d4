"""What a turn says of itself; the measurements that take turns are no tests."""

from collections.abc import Iterator

import pytest

from tests.bench.turns import StandIn, nobody, receiver, take_turn

pytestmark = pytest.mark.long


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    process = StandIn(0.0)
    yield process
    process.stop()


def test_spans_that_did_not_arrive_are_counted(stand_in: StandIn) -> None:
    with receiver() as (endpoint, _):
        arrived = take_turn("analyse_stage", ["20"], 4, stand_in, endpoint)
    lost = take_turn("analyse_stage", ["20"], 4, stand_in, nobody())
    assert (arrived["right"], lost["right"]) == (20, 20)
    assert arrived["lost_spans"] == 0
    assert lost["lost_spans"] >= 2 * 20
