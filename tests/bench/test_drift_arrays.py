"""The bench counts what the pipeline would: its arrays give the same scores; the bench itself takes a minute."""

from collections import Counter

import numpy as np
import pytest

from pipeline.evaluate.baseline import BLOCK_NIGHTS, judge_baseline
from pipeline.evaluate.binomial import deviate
from pipeline.evaluate.drift import judge
from pipeline.evaluate.night import Night
from pipeline.evaluate.rules import BASELINE, GIVEN_STARS, RARE
from pipeline.records import Signal

from .drift import onsets
from .drift_arrays import baseline_z, rare_deviates, strictest
from .drift_world import RATES, SENTIMENTS, App, Counts, draw, make_app

NIGHTS = 2 * BLOCK_NIGHTS + 14
APPS = [make_app("fr", Counter({1: 3, 2: 1, 3: 1, 4: 2, 5: 5}), 0), make_app("fr", Counter({1: 1, 5: 3, 4: 1}), 2)]


def nights(counts: Counts) -> list[Night]:
    """The nights of the first source."""
    return [
        Night(
            int(sentiments.sum()),
            {(star + 1, one): int(sentiments[star, at]) for star in range(5) for at, one in enumerate(SENTIMENTS)},
            dict(zip(RATES, events.tolist(), strict=True)),
        )
        for sentiments, events in zip(counts.sentiments[0], counts.events[0], strict=True)
    ]


@pytest.fixture(scope="module", params=[60, 3000])
def counts(request: pytest.FixtureRequest) -> Counts:
    return draw(np.random.default_rng(3), [APPS], NIGHTS, request.param, "mixed")


@pytest.mark.parametrize("night", [10, 30, NIGHTS - 1])
def test_the_nightly_scores_are_those_of_the_pipeline(counts: Counts, night: int) -> None:
    z, average = strictest(counts.sentiments, True)
    verdicts = judge(nights(counts)[: night + 1])
    said = max(one.score or 0.0 for one in verdicts if one.signal is Signal.GIVEN_STARS)
    assert max(z[0, night] / GIVEN_STARS.night.limit, average[0, night] / GIVEN_STARS.average.limit) == (
        pytest.approx(said)
    )


def test_the_scores_of_rare_events_are_those_of_the_pipeline(counts: Counts) -> None:
    often = counts.events[..., 0].copy()
    often[0, -3:] += [9, 4, 6]
    changed = Counts(counts.sentiments, np.concatenate([often[..., None], counts.events[..., 1:]], 2))
    found = rare_deviates(often, counts.totals)[0] / deviate(RARE.limit)
    for last in (NIGHTS - 2, NIGHTS):
        [said] = [one for one in judge(nights(changed)[:last]) if one.signal is Signal.REFUSAL]
        assert found[last - 1] == pytest.approx(said.score) and found[last - 1] > 0


def test_the_baseline_is_that_of_the_pipeline(counts: Counts) -> None:
    every = nights(counts)
    said = judge_baseline(every[:BLOCK_NIGHTS], every[BLOCK_NIGHTS : 2 * BLOCK_NIGHTS])
    assert baseline_z(counts.sentiments)[0, 0] / BASELINE.limit == pytest.approx(max(one.score or 0.0 for one in said))


def test_an_alarm_that_goes_on_is_one_page() -> None:
    assert onsets(np.array([[True, True, False, True], [False, False, False, True]])) == 3


def test_changed_apps_change_by_the_points_they_say() -> None:
    def shares(app: App) -> list[float]:
        return list(app.stars @ app.given)

    app = APPS[0]
    taken, made = SENTIMENTS[0], SENTIMENTS[2]
    before, after = shares(app), shares(app.with_model(taken, made, 0.1))
    assert [new - old for old, new in zip(before, after, strict=True)] == pytest.approx([-0.1, 0, 0.1, 0])
    assert app.with_customers(0.1).stars[:2].sum() == pytest.approx(app.stars[:2].sum() + 0.1)
