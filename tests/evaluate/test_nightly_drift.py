"""What the last night of a source says: each signal alarms where its cause is there, and is silent where it is not."""

import pytest
from drift_nights import PER_NIGHT, night

from pipeline.evaluate.chart import LEAST_A_NIGHT, LEAST_NIGHTS
from pipeline.evaluate.drift import HISTORY_NIGHTS, judge
from pipeline.evaluate.night import BREACHES, OUTCOMES, TOPICS, Night
from pipeline.evaluate.verdict import State, Verdict
from pipeline.records import Sentiment, Signal

QUIET = [night()] * HISTORY_NIGHTS


def alarms(nights: list[Night]) -> set[Signal]:
    return {verdict.signal for verdict in judge(nights) if verdict.alarms}


def of(nights: list[Night], signal: Signal, sentiment: Sentiment | None = None) -> Verdict:
    [found] = [one for one in judge(nights) if (one.signal, one.sentiment) == (signal, sentiment)]
    return found


def test_nights_that_are_alike_raise_no_alarm() -> None:
    verdicts = judge(QUIET)
    assert {one.state for one in verdicts} == {State.READY} and not any(one.alarms for one in verdicts)
    assert all(one.share == pytest.approx(one.expected) for one in verdicts)


def test_another_model_alarms_given_the_stars_and_pages() -> None:
    changed = [*QUIET, night(to_mixed=30)]
    assert alarms(changed) == {Signal.MIX, Signal.GIVEN_STARS}
    assert {one.signal for one in judge(changed) if one.pages} == {Signal.GIVEN_STARS}
    found = of(changed, Signal.GIVEN_STARS, Sentiment.MIXED)
    assert found.share == pytest.approx(85 / 300) and found.expected == pytest.approx(55 / 300)


def test_other_customers_alarm_the_mix_alone_and_page_nobody() -> None:
    changed = [*QUIET, night(stars={1: 160, 3: 100, 5: 40})]
    assert alarms(changed) == {Signal.MIX}
    assert not any(one.pages for one in judge(changed))


def test_a_small_change_that_lasts_alarms_by_the_average() -> None:
    """Ten of 300 answers: z is 2.2, far from the limit of one night."""
    assert alarms([*QUIET, night(to_mixed=10)]) == set()
    assert Signal.GIVEN_STARS in alarms([*QUIET, *[night(to_mixed=10)] * 7])


def test_a_change_does_not_hide_in_the_spread_that_it_makes() -> None:
    """One night of it alarms, and so do all others of the week."""
    for nights in range(1, 8):
        assert Signal.GIVEN_STARS in alarms([*QUIET, *[night(to_mixed=30)] * nights])


def test_a_source_that_varies_by_itself_has_a_wider_limit() -> None:
    varying = [night(to_mixed=22 * (at % 2)) for at in range(HISTORY_NIGHTS)]
    assert alarms([*varying, night(to_mixed=40)]) == set()
    assert Signal.GIVEN_STARS in alarms([*[night(to_mixed=11)] * HISTORY_NIGHTS, night(to_mixed=40)])


@pytest.mark.parametrize("signal", [*OUTCOMES, *BREACHES])
def test_a_rare_event_alarms_where_there_are_many_and_not_where_there_is_one(signal: Signal) -> None:
    assert alarms([*QUIET, night(**{signal: 15})]) == {signal}
    assert {one.signal for one in judge([*QUIET, night(**{signal: 15})]) if one.pages} == {signal}
    assert alarms([*QUIET, night(**{signal: 1})]) == set()


def test_a_rare_event_that_is_somewhat_more_frequent_alarms_within_a_week() -> None:
    often = night(refusal=5)
    assert alarms([*QUIET, often]) == set()
    assert alarms([*QUIET, *[often] * 7]) == {Signal.REFUSAL}


def test_fewer_events_than_before_are_no_alarm() -> None:
    assert of([*QUIET, night(summary_too_long=0)], Signal.SUMMARY_TOO_LONG).score == 0


@pytest.mark.parametrize("signal", TOPICS)
def test_the_share_of_topics_alarms_in_both_directions_and_pages_nobody(signal: Signal) -> None:
    usual = QUIET[0].events[signal]
    assert alarms([*QUIET, night(**{signal: 3 * usual})]) == {signal}
    assert alarms([*QUIET, *[night(**{signal: 0})] * 10]) == {signal}
    assert not any(one.pages for one in judge([*QUIET, night(**{signal: 3 * usual})]))
    assert alarms([*QUIET, night(**{signal: usual + 5})]) == set()


def test_with_too_few_nights_nothing_is_said() -> None:
    few = [night()] * LEAST_NIGHTS
    assert {one.state for one in judge(few)} == {State.NOT_ENOUGH} == {one.state for one in judge([])}
    assert not any(one.alarms for one in judge([*few[:-1], night(to_mixed=80)]))
    assert {one.state for one in judge([*few, night()])} == {State.READY}


def test_with_too_few_verbatims_nothing_is_said() -> None:
    """Fourteen nights of 42 are 588 verbatims, fifteen are 630."""
    small = night(size=42)
    assert small.answers < 43
    assert {one.state for one in judge([small] * 15)} == {State.NOT_ENOUGH}
    assert {one.state for one in judge([small] * 17)} == {State.READY}


def test_a_small_night_joins_the_next() -> None:
    small = Night(20, {(1, Sentiment.NEGATIVE): 20}, {})
    assert small.requests < LEAST_A_NIGHT
    assert {one.state for one in judge([*QUIET, small])} == {State.NOT_ENOUGH}
    found = of([*QUIET, small, small], Signal.MIX, Sentiment.NEGATIVE)
    assert found.state is State.READY and found.share == 1


def test_reviews_without_stars_are_in_the_mix_only() -> None:
    plain = Night(PER_NIGHT, {(None, Sentiment.POSITIVE): 200, (None, Sentiment.NEGATIVE): 100}, {})
    other = Night(PER_NIGHT, {(None, Sentiment.POSITIVE): 100, (None, Sentiment.NEGATIVE): 200}, {})
    assert alarms([*[plain] * 30, other]) == {Signal.MIX}
    assert of([plain] * 30, Signal.GIVEN_STARS, Sentiment.POSITIVE).state is State.NOT_ENOUGH
