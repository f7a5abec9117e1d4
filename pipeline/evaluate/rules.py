"""The limits, each with the false alarms it was measured to raise: `python -m tests.bench.drift` measures them.

The goal is at most four false pages a year for an installation of five sources, which has 20 charts of sentiment given
the stars, 35 of rare events and one sentinel. With the usual limits of a single chart, 3.5 and 3.0, the stars of such
an installation would page 11 times a year. What other limits cost and find; the worst of 50, 300 and 3000 verbatims a
night, steady, mixed and wobbling:

    given the stars       3.5, 3.0   4.0, 3.5   4.25, 3.75   4.5, 4.0
    false pages a year       10.9        2.0          0.8        0.4
    found, 50 a night         .97        .93          .88        .82     ten points within a week; 1.00 from 300 on

    rare events            2.3e-4       1e-4         5e-5     5e-5 without the week
    false pages a year        3.7        1.6          0.8        0.5
    found, 300 a night        .81        .77          .72        .15     refusals five times as frequent, within a week

The second column of the stars and the third of the rare events are in use: with the sentinel 2.9 false pages a year at
worst, 1.4 where no source is a pool; 3.4 and 1.7 with two other seeds, on which the limits were not chosen. The false
pages grow with the number of sources: twenty have four times as many.

Where the limits do not hold: a pool whose parts the model treats differently. At 3000 a night it pages 5 times a year
where its apps differ twice as much as in the measurement, and a change of their proportions is taken for another model
in 10 to 40 %. Hence charts by source, and sources that are not pools.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """A limit and what it costs."""

    limit: float
    unit: str
    """Of the limit: what is compared with it."""
    false_alarms_a_year: float
    """Of one source, all its sentiments or events together, where nothing changed: the highest that was measured. The
    sentinel's is that of an installation."""


@dataclass(frozen=True, slots=True)
class ChartRule:
    """The two limits of a chart: one night far out, or many nights a little on one side."""

    night: Rule
    average: Rule


_NIGHT, _AVERAGE = "|z'| of a night", "|moving average of z'|, in its standard deviations"

GIVEN_STARS = ChartRule(Rule(4.0, _NIGHT, 0.27), Rule(3.5, _AVERAGE, 0.14))
MIX = ChartRule(Rule(4.0, _NIGHT, 1.76), Rule(3.5, _AVERAGE, 0.63))
TOPIC = ChartRule(Rule(4.0, _NIGHT, 0.55), Rule(3.5, _AVERAGE, 0.33))
RARE = Rule(5e-5, "probability of so many events or more, in a night or a week", 0.15)
BASELINE = Rule(3.3, "|z'| of four weeks", 0.07)
SENTINEL = Rule(1e-3, "probability of so many flips or more, in a week's question", 0.20)
