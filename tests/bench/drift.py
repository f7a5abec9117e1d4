"""How often the nightly charts page for nothing, and what they find: `python -m tests.bench.drift` (one minute).

An installation has five sources. All signals that page are judged each night, together: sentiment given the stars of
each source, its four rare outcomes, its three breaches of the contract, and the weekly sentinel of the installation.
The stars are real (`../shared/data`), the model is invented: `drift_world.py` says how. Two years are never alike, but
the same seed draws the same ones.

false pages  pages a year of one installation where nothing changed. A page begins where a signal of a source alarms
             and did not the night before; four sentiments that alarm together are one page
found        the model of one source calls ten points of its answers something else than before, in one of four ways
             (MODELS): the share of changes that page within seven nights
blamed       ten points more, or fewer, of one source's customers give one or two stars: the share of changes after
             which a signal that pages alarms within seven nights; and within 28

The usual tests compare the shares of the sentiments of a night with those of the 28 nights before, and know nothing of
stars. They are counted in the same way: each source of an installation pages for itself.

Each number of the last line is the worst over the three regimes of `drift_world.py`; `blamed_for_customers` is the
worst over all sizes as well. The exit code is 0 even where a goal is missed: at most 4 false pages, 90 % found at 300
and 3000 verbatims a night, at most 5 % blamed.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pipeline.evaluate.binomial import deviate
from pipeline.evaluate.rules import BASELINE, GIVEN_STARS, MIX, RARE, SENTINEL, TOPIC, ChartRule
from pipeline.evaluate.sentinel import flip_limit
from pipeline.records import Sentiment, Signal

from .drift_arrays import baseline_z, laney, rare_deviates, strictest, usual_tests, z_of
from .drift_world import REGIMES, App, Array, Counts, draw, make_app, pools, read_apps

DATA = Path(__file__).parents[3] / "shared" / "data"
SEED = 7

SIZES = (50, 300, 3000)
"""Verbatims a night and source."""

SOURCES = 5
INSTALLATIONS = 40
"""Years of an installation for each size and regime: three pages a year are known to ± 0.2."""

NIGHTS = 14 + 365
"""The first 14 have no verdict."""

CHANGES = 600
"""A share of .90 is known to ± .012."""

QUIET, WEEK, MONTH = 63, 7, 28
"""Nights before a change, and after it."""

POINTS = 0.10
MODELS = (
    (Sentiment.POSITIVE, Sentiment.NEGATIVE),
    (Sentiment.NEGATIVE, Sentiment.MIXED),
    (Sentiment.POSITIVE, Sentiment.NEUTRAL),
    (Sentiment.NEGATIVE, Sentiment.POSITIVE),
)
"""What the changed model finds no longer, and what instead."""

SATISFIED = Counter({1: 2, 2: 1, 3: 2, 4: 10, 5: 85})

OTHER_PROPORTIONS = (6.0, 1.5, 1.5)
"""Of the apps of a pool, after its customers changed."""

LIMITS = ((3.5, 3.0), (4.0, 3.5), (4.25, 3.75), (4.5, 4.0))
"""Of a night and of the average, given the stars: what each would cost and find."""

CHANCES = (2.3e-4, 1e-4, 5e-5)
"""Limits of rare counts: what each would cost."""

WITH_WEEK = {"night": False, "week": True}
"""Rare counts by night alone, and by night and week."""

RARE_EVENTS = 7
"""Of the events of `drift_world.py`: the others are shares of topics."""

ASKED, FLIP_RATE, WEEKS = 300, 0.03, 52
PAIRS = (300, 900)
"""From how many pairs of answers the rate of flips is known. The second is what the sentinel asks for."""

Numbers = dict[str, float]


def main() -> None:
    """Measure, and print the tables and the JSON object."""
    started = time.monotonic()
    if not DATA.is_dir():
        sys.exit(f"the real reviews are not here: {DATA}")
    apps = read_apps(DATA)
    cells = {(size, regime): _cell(apps, size, regime) for size in SIZES for regime in REGIMES}
    sentinel = {pairs: sentinel_pages(pairs) for pairs in PAIRS}
    for numbers in cells.values():
        numbers["pages: sentinel"] = sentinel[PAIRS[1]]
        numbers["pages: all"] = sum(numbers[f"pages: {name}"] for name in ("given the stars", "rare", "sentinel"))
    _print_table(cells)
    _print_rules(cells, sentinel[PAIRS[1]])
    for pairs, pages in sentinel.items():
        print(f"sentinel: {pages:.2f} false pages a year where the rate of flips is known from {pairs} pairs")
    _print_limits()
    _print_satisfied()
    _say(f"{time.monotonic() - started:.0f} s")
    print(json.dumps(summary(cells)))


def summary(cells: dict[tuple[int, str], Numbers]) -> Numbers:
    """The worst of each size, over the regimes."""

    def worst(of: Callable[..., float], name: str, *sizes: int) -> float:
        return round(of(numbers[name] for (size, _), numbers in cells.items() if size in sizes), 3)

    found = {f"false_pages_{size}": worst(max, "pages: all", size) for size in SIZES}
    found |= {f"found_{size}": worst(min, "found", size) for size in SIZES[1:]}
    return found | {"blamed_for_customers": worst(max, "blamed in 7", *SIZES)}


RULES = {
    "given the stars: night": GIVEN_STARS.night,
    "given the stars: average": GIVEN_STARS.average,
    "mix: night": MIX.night,
    "mix: average": MIX.average,
    "topics: night": TOPIC.night,
    "topics: average": TOPIC.average,
    "pages: rare": RARE,
    "baseline": BASELINE,
}


def _print_rules(cells: dict[tuple[int, str], Numbers], sentinel: float) -> None:
    """Beside each rule of rules.py what was measured now: of one source, where an installation has five."""
    print("false alarms a year of one source, worst of all: measured, and as rules.py says")
    for name, rule in RULES.items():
        measured = max(numbers[name] for numbers in cells.values()) / SOURCES
        print(f"  {name:<30}{measured:>6.2f}{rule.false_alarms_a_year:>6.2f}")
    print(f"  {'sentinel (installation)':<30}{sentinel:>6.2f}{SENTINEL.false_alarms_a_year:>6.2f}")


def _print_limits() -> None:
    """Where the charts no longer tell the customers from the model: pools whose apps the model treats differently."""
    print("3000 a night, mixed, where the apps of a pool differ more:")
    for differ in (1, 2, 3):
        apps, rng = read_apps(DATA, differ), _rng(SIZES[-1], "mixed", 3)
        quiet = draw(rng, pools(apps, "mixed", INSTALLATIONS * SOURCES), NIGHTS, SIZES[-1], "mixed")
        print(f"  {differ} times: {pages(_given(quiet)):.2f} false pages a year given the stars", end="; ")
        sources = pools(apps, "mixed", CHANGES)
        later = draw(rng, sources, WEEK, SIZES[-1], "mixed", QUIET, OTHER_PROPORTIONS)
        moved = draw(rng, sources, QUIET, SIZES[-1], "mixed").then(later)
        print(f"blamed in {share(_given(moved), WEEK):.2f} where one app's customers become two thirds")


def _print_satisfied() -> None:
    """Where a sentiment is rare its counts are small, and their distribution is skew."""
    print(f"five sources where {SATISFIED[5]} of 100 customers give five stars, steady:")
    app = make_app("fr", SATISFIED, 0)
    for size in SIZES:
        sources = pools([app], "steady", INSTALLATIONS * SOURCES)
        quiet = draw(_rng(size, "steady", 5), sources, NIGHTS, size, "steady")
        print(f"  {size} a night: {pages(_given(quiet)):.2f} false pages a year given the stars")


def _cell(apps: list[App], size: int, regime: str) -> Numbers:
    started = time.monotonic()
    found: Numbers = {}
    for measure in (false_pages, changed_models, more_refusals, changed_customers):
        found |= measure(apps, size, regime)
    _say(f"{size} a night, {regime}: {time.monotonic() - started:.1f} s")
    return found


def false_pages(apps: list[App], size: int, regime: str) -> Numbers:
    """Pages a year of an installation by signal, where nothing changes."""
    quiet = draw(_rng(size, regime, 0), pools(apps, regime, INSTALLATIONS * SOURCES), NIGHTS, size, regime)
    given, rare = strictest(quiet.sentiments, True), _rare(quiet)
    found = {"pages: given the stars": pages(_beyond(given, *_limits(GIVEN_STARS)))}
    found["pages: rare"] = pages(rare > deviate(RARE.limit))
    for night, average in LIMITS:
        found[f"stars, pages: {night}, {average}"] = pages(_beyond(given, night, average))
    undelayed = _beyond(strictest(quiet.sentiments, True, delay=0), *_limits(GIVEN_STARS))
    found["stars, pages: undelayed spread"] = pages(undelayed)
    by_night = _rare(quiet, week=False)
    for chance in CHANCES:
        found[f"rare, pages: {chance:g}, night"] = pages(by_night > deviate(chance))
        found[f"rare, pages: {chance:g}, week"] = pages(rare > deviate(chance))
    return found | _by_rule(quiet, given) | {f"pages: {name}": pages(one) for name, one in _usual(quiet).items()}


def changed_models(apps: list[App], size: int, regime: str) -> Numbers:
    """The share of changed models that page within a week."""
    rng, sources = _rng(size, regime, 1), pools(apps, regime, CHANGES)
    changed = [
        [app.with_model(*MODELS[at // len(apps) % len(MODELS)], POINTS) for app in source]
        for at, source in enumerate(sources)
    ]
    counts = _with_change(rng, sources, changed, size, regime, WEEK)
    given = strictest(counts.sentiments, True)
    found = {"found": share(_beyond(given, *_limits(GIVEN_STARS)), WEEK)}
    for night, average in LIMITS:
        found[f"stars, found: {night}, {average}"] = share(_beyond(given, night, average), WEEK)
    undelayed = _beyond(strictest(counts.sentiments, True, delay=0), *_limits(GIVEN_STARS))
    found["stars, found: undelayed spread"] = share(undelayed, WEEK)
    return found | {f"found: {name}": share(one, WEEK) for name, one in _usual(counts).items()}


def more_refusals(apps: list[App], size: int, regime: str) -> Numbers:
    """The share of sources that page within a week where refusals are five times as frequent: 1 % after 0.2 %."""
    sources = pools(apps, regime, CHANGES)
    changed = [[app.with_event(Signal.REFUSAL, 5) for app in source] for source in sources]
    counts = _with_change(_rng(size, regime, 4), sources, changed, size, regime, WEEK)
    by_name = {name: rare_deviates(counts.events[..., 0], counts.totals, week) for name, week in WITH_WEEK.items()}
    return {
        f"refusals, found: {chance:g}, {name}": share(deviates > deviate(chance), WEEK)
        for chance in CHANCES
        for name, deviates in by_name.items()
    }


def changed_customers(apps: list[App], size: int, regime: str) -> Numbers:
    """The share of changed customers for which the model is blamed."""
    rng, sources = _rng(size, regime, 2), pools(apps, regime, CHANGES)
    changed = [
        [app.with_customers(POINTS if at // len(apps) % 2 else -POINTS) for app in source]
        for at, source in enumerate(sources)
    ]
    counts = _with_change(rng, sources, changed, size, regime, MONTH)
    alarms = _given(counts) | (_rare(counts) > deviate(RARE.limit)).any(2)
    week = QUIET + WEEK
    found = {"blamed in 7": share(alarms[:, :week], WEEK), "blamed in 28": share(alarms, MONTH)}
    return found | {f"blamed in 7: {name}": share(one[:, :week], WEEK) for name, one in _usual(counts).items()}


def sentinel_pages(pairs: int) -> float:
    """False pages a year of the sentinel, where the rate of flips is known from so many pairs of answers."""
    rng = np.random.default_rng([SEED, pairs])
    known = rng.binomial(pairs, FLIP_RATE, 20_000)
    limits = {count: flip_limit(ASKED, count / pairs) for count in set(known.tolist())}
    weeks = rng.binomial(ASKED, FLIP_RATE, (len(known), WEEKS))
    return float(onsets(weeks > np.array([limits[count] for count in known.tolist()])[:, None]) / len(known))


def pages(alarms: Array) -> float:
    """Pages a year of an installation."""
    return float(onsets(alarms) / INSTALLATIONS)


def onsets(alarms: Array) -> int:
    """How often an alarm begins: nights are the second axis."""
    return int(alarms[:, 0].sum() + (alarms[:, 1:] & ~alarms[:, :-1]).sum())


def share(alarms: Array, nights: int) -> float:
    """The share of sources with an alarm in the last so many nights."""
    return float(alarms[:, -nights:].any(1).mean())


def _with_change(
    rng: np.random.Generator, before: list[list[App]], after: list[list[App]], size: int, regime: str, nights: int
) -> Counts:
    return draw(rng, before, QUIET, size, regime).then(draw(rng, after, nights, size, regime, first=QUIET))


def _by_rule(quiet: Counts, given: tuple[Array, Array]) -> Numbers:
    """Alarms a year of an installation by each limit alone; most of these signals do not page."""
    topics = [
        laney(z_of(quiet.events[..., at, None], quiet.totals[..., None]))
        for at in range(RARE_EVENTS, quiet.events.shape[2])
    ]
    both = np.stack([z for z, _ in topics], 2), np.stack([average for _, average in topics], 2)
    charts = {"given the stars": given, "mix": strictest(quiet.sentiments, False), "topics": both}
    found = {"baseline": pages(baseline_z(quiet.sentiments) > BASELINE.limit)}
    for name, (z, average) in charts.items():
        found[f"{name}: night"] = pages(z > RULES[f"{name}: night"].limit)
        found[f"{name}: average"] = pages(average > RULES[f"{name}: average"].limit)
    return found


def _limits(rule: ChartRule) -> tuple[float, float]:
    return rule.night.limit, rule.average.limit


def _given(counts: Counts) -> Array:
    """Where sentiment given the stars alarms: sources × nights."""
    return _beyond(strictest(counts.sentiments, True), *_limits(GIVEN_STARS))


def _beyond(chart: tuple[Array, Array], night: float, average: float) -> Array:
    return (chart[0] > night) | (chart[1] > average)


def _rare(counts: Counts, week: bool = True) -> Array:
    deviates = [rare_deviates(counts.events[..., at], counts.totals, week) for at in range(RARE_EVENTS)]
    return np.stack(deviates, 2)


def _usual(counts: Counts) -> dict[str, Array]:
    return usual_tests(counts.sentiments)


def _rng(size: int, regime: str, measure: int) -> np.random.Generator:
    return np.random.default_rng([SEED, size, REGIMES.index(regime), measure])


def _print_table(cells: dict[tuple[int, str], Numbers]) -> None:
    heads = [f"{size} {regime}" for size, regime in cells]
    print(f"{'five sources, a year; or shares':<32}", *(f"{head:>11}" for head in heads))
    for name in next(iter(cells.values())):
        print(f"{name:<32}", *(f"{numbers[name]:>11.2f}" for numbers in cells.values()))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
