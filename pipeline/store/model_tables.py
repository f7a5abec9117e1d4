"""The tables by which the model is watched and improved: labels, evaluations, nights, sentinel, topics."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, String, Table, Text

from pipeline.store.tables import metadata

labels = Table(
    "labels",
    metadata,
    Column("text_id", Integer, ForeignKey("texts.text_id"), primary_key=True, autoincrement=False),
    Column("person", String, primary_key=True, comment="whose judgement: the name of the file that it came in"),
    Column("sentiment", String, nullable=False),
    Column("topics", Text, comment="JSON list of ids; null: not judged"),
    Column("stratum", String, nullable=False, comment="of the sample, as a number that does not tell the prediction"),
    Column("weight", Float, nullable=False, comment="how many analysed verbatims it stands for"),
    Column("labelled_on", String, nullable=False, comment="UTC day on which it was imported"),
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("evaluation_id", Integer, primary_key=True, autoincrement=True),
    Column("analyser", String, ForeignKey("analysers.analyser"), nullable=False),
    Column("evaluated_at", String, nullable=False),
    Column("labels", Integer, nullable=False, comment="how many labelled texts it has answered or failed on"),
    Column("result", Text, nullable=False, comment="JSON: scores with their intervals; no texts"),
    Index("evaluations_by_analyser", "analyser", "evaluation_id"),
)

comparisons = Table(
    "comparisons",
    metadata,
    Column("comparison_id", Integer, primary_key=True, autoincrement=True),
    Column("first", String, ForeignKey("analysers.analyser"), nullable=False),
    Column("second", String, ForeignKey("analysers.analyser"), nullable=False),
    Column("compared_at", String, nullable=False),
    Column("verdict", String, nullable=False, comment="of the second: worse, cannot_tell or not_worse"),
    Column("result", Text, nullable=False, comment="JSON: counts and intervals; no texts"),
    Index("comparisons_by_second", "second", "comparison_id"),
)

nights = Table(
    "nights",
    metadata,
    Column("series", String, primary_key=True, comment="of the analysers that answered"),
    Column("source", String, primary_key=True),
    Column("day", String, primary_key=True, comment="UTC: when it was asked; of a re-analysis, when it was first seen"),
    Column("sent_on", String, primary_key=True, comment="UTC day of the calls: counted anew while it may still grow"),
    Column("counts", Text, nullable=False, comment="JSON: requests, sentiments by stars, events"),
    Index("nights_by_sending", "sent_on"),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("source", String, primary_key=True, comment="empty: of the whole installation"),
    Column("signal", String, primary_key=True),
    Column("sentiment", String, primary_key=True, comment="whose share it is; empty where there is one only"),
    Column("series", String, nullable=False),
    Column("night", String, nullable=False, comment="UTC day that is judged"),
    Column("state", String, nullable=False, comment="ready or not_enough"),
    Column("score", Float, comment="1 is the limit"),
    Column("share", Float),
    Column("expected", Float),
    Column("judged_at", String, nullable=False),
)

baselines = Table(
    "baselines",
    metadata,
    Column("series", String, primary_key=True),
    Column("first_day", String, nullable=False),
    Column("last_day", String, nullable=False),
    Column("accepted_at", String, nullable=False),
)

sentinel = Table(
    "sentinel",
    metadata,
    Column("text_id", Integer, ForeignKey("texts.text_id"), primary_key=True, autoincrement=False),
    Column("source", String, nullable=False),
    Column("accepted", String, nullable=False, comment="the sentiment that is expected again; with source the stratum"),
    Column("series", String, nullable=False, comment="of the analyser whose answer was accepted"),
    Index("sentinel_by_series", "series"),
)

sentinel_answers = Table(
    "sentinel_answers",
    metadata,
    Column("run_id", String, ForeignKey("runs.run_id"), primary_key=True),
    Column("text_id", Integer, ForeignKey("texts.text_id"), primary_key=True, autoincrement=False),
    Column("outcome", String, nullable=False),
    Column("sentiment", String, comment="null where there was no good answer"),
    Column("accepted", String, nullable=False, comment="what was expected: another sentiment is a flip"),
)

topics = Table(
    "topics",
    metadata,
    Column("topic", String, primary_key=True, comment="its id, as in rows"),
    Column("fr", Text, nullable=False),
    Column("en", Text, nullable=False),
    Column("accepted_at", String, primary_key=True, comment="runs that began before do not name it"),
    Column("retired_at", String, comment="runs that begin later do not name it"),
)

topic_decisions = Table(
    "topic_decisions",
    metadata,
    Column("topic_key", String, primary_key=True, comment="what all spellings of a new topic have in common"),
    Column("label", Text, nullable=False, comment="one of these spellings"),
    Column("topic", String, comment="the id that stands for it in rows; null: it was rejected"),
    Column("merged_into", String, comment="another key, whose decision it shares; null: a decision of its own"),
    Column("decided_at", String, nullable=False),
)
