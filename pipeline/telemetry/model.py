"""Gauges of the model's answers: nightly charts, evaluations and the sentinel, which the store alone knows."""

from __future__ import annotations

from pipeline.records import Sentiment, Signal
from pipeline.telemetry.metric import Kind, Metric

SIGNALS = tuple(signal.value for signal in Signal)
SENTIMENTS = (*(sentiment.value for sentiment in Sentiment), "")
"""Empty for a signal with one share only."""

CLASSES = (*(sentiment.value for sentiment in Sentiment), "macro")

SCORE = Metric(
    "model_signal_score",
    Kind.GAUGE,
    "{limit}",
    "How far a source's last night is from what is expected of it, as a part of the limit: above 1 it alarms; of a "
    "signal with several shares the largest. Source `all` is the sentinel's.",
    "model_signal_score",
    {"source": None, "signal": SIGNALS},
)
SHARE = Metric(
    "model_signal_share",
    Kind.GAUGE,
    "{share}",
    "The share that was observed in a source's last night, 0 to 1.",
    "model_signal_share",
    {"source": None, "signal": SIGNALS, "sentiment": SENTIMENTS},
)
EXPECTED_SHARE = Metric(
    "model_signal_expected_share",
    Kind.GAUGE,
    "{share}",
    "The share expected from the nights before, or from the accepted ones, 0 to 1.",
    "model_signal_expected_share",
    {"source": None, "signal": SIGNALS, "sentiment": SENTIMENTS},
)
READY = Metric(
    "model_signal_ready",
    Kind.GAUGE,
    "{signal}",
    "1 if there are enough nights and answers to judge the signal, 0 if there are not: then nothing is known.",
    "model_signal_ready",
    {"source": None, "signal": SIGNALS},
)
F1 = Metric(
    "model_evaluation_f1",
    Kind.GAUGE,
    "{f1}",
    "F1 of an analyser in its latest evaluation against labels, by class and as their mean (macro), 0 to 1; absent "
    "where there are not enough labels.",
    "model_evaluation_f1",
    {"analyser": None, "class": CLASSES},
)
F1_LOW = Metric(
    "model_evaluation_f1_low",
    Kind.GAUGE,
    "{f1}",
    "The lower end of its 95 % interval.",
    "model_evaluation_f1_low",
    {"analyser": None, "class": CLASSES},
)
F1_HIGH = Metric(
    "model_evaluation_f1_high",
    Kind.GAUGE,
    "{f1}",
    "The upper end of its 95 % interval.",
    "model_evaluation_f1_high",
    {"analyser": None, "class": CLASSES},
)
FLIPS = Metric(
    "model_sentinel_flips_ratio",
    Kind.GAUGE,
    "1",
    "The share of the sentinel's texts whose sentiment was another one when they were last asked again, 0 to 1.",
    "model_sentinel_flips_ratio",
)
EVALUATED_AT = Metric(
    "model_evaluation_timestamp",
    Kind.GAUGE,
    "s",
    "When an analyser was last evaluated against labels, in seconds since 1970; absent before the first time.",
    "model_evaluation_timestamp_seconds",
    {"analyser": None},
)

MODEL = (SCORE, SHARE, EXPECTED_SHARE, READY, F1, F1_LOW, F1_HIGH, FLIPS, EVALUATED_AT)
"""What the exporter serves of the model."""
