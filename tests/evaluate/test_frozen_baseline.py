"""Four weeks against the nights of acceptance."""

from drift_nights import night

from pipeline.evaluate.baseline import BLOCK_NIGHTS, judge_baseline, spread
from pipeline.evaluate.drift import judge
from pipeline.evaluate.night import Night
from pipeline.evaluate.share import Count
from pipeline.evaluate.verdict import State
from pipeline.records import Sentiment, Signal

ACCEPTED = [night()] * BLOCK_NIGHTS


def alarms(since: list[Night]) -> set[Sentiment | None]:
    return {one.sentiment for one in judge_baseline(ACCEPTED, since) if one.alarms}


def test_the_same_model_is_silent() -> None:
    verdicts = judge_baseline(ACCEPTED, [night()] * BLOCK_NIGHTS)
    assert {one.state for one in verdicts} == {State.READY} and not any(one.alarms for one in verdicts)


def test_a_change_too_slow_for_the_nightly_chart_alarms() -> None:
    """One answer of 300 more each week: the nightly chart moves along, the baseline stands still."""
    slow = [night(to_mixed=at // 7) for at in range(6 * BLOCK_NIGHTS)]
    nightly = {
        one.signal for at in range(1, len(slow) + 1, 7) for one in judge([*ACCEPTED, *slow[:at]][-91:]) if one.alarms
    }
    assert Signal.GIVEN_STARS not in nightly
    assert {Sentiment.POSITIVE, Sentiment.MIXED} <= alarms(slow)
    assert not any(one.pages for one in judge_baseline(ACCEPTED, slow))


def test_other_customers_are_silent() -> None:
    assert alarms([night(stars={1: 160, 3: 100, 5: 40})] * BLOCK_NIGHTS) == set()


def test_only_complete_blocks_are_tested() -> None:
    changed = [night(to_mixed=30)] * (BLOCK_NIGHTS - 1)
    assert {one.state for one in judge_baseline(ACCEPTED, changed)} == {State.NOT_ENOUGH}
    assert alarms([night()] * BLOCK_NIGHTS + changed) == set()
    assert alarms([night()] * BLOCK_NIGHTS + [*changed, night()])


def test_too_short_an_acceptance_says_nothing() -> None:
    short = judge_baseline(ACCEPTED[:13], [night(to_mixed=30)] * BLOCK_NIGHTS)
    assert {one.state for one in short} == {State.NOT_ENOUGH}


def test_the_spread_of_nights_is_never_below_one() -> None:
    alike = [{"all": Count(10, 100)}] * 28
    assert spread(alike) == spread([]) == 1
    assert spread([{"all": Count(40 * (at % 2), 100)} for at in range(28)]) > 3
