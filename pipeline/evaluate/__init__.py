"""Is the model still the one that was accepted? Arithmetic on counts, without I/O: give it counts, get verdicts.

drift.py      what a source's last night says, signal by signal: read it first
baseline.py   four weeks against the nights of acceptance
sentinel.py   the same texts asked again: how many answers differ
contract.py   what an answer promises beyond its shape
candidates.py new topics grouped by theme, and what resembles them
night.py      the counts of a night
verdict.py    what one signal says of a night
rules.py      the limits, and the false alarms that they cost
chart.py      Laney's p′ of a share, night by night
share.py      shares in strata, and the test that compares them
binomial.py   exact tails for rare counts

With labels that people give, and the extra `model` (extra.py):

sample.py     which texts to label            agreement.py  two people's labels
scores.py     an analyser against labels      resampling.py the bootstrap of its intervals
corrected.py  the sentiments' shares without the analyser's mistakes
paired.py     is the second of two analysers worse?
"""
