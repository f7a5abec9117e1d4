"""What the model is watched and improved by: labels, evaluations, nights, sentinel, decisions on topics."""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    _add_columns()
    _create_tables()
    _set_series(op.get_bind())


def _add_columns() -> None:
    purpose = "null: its answers are analyses; sentinel or acceptance: only compared"
    for table, name, comment in (
        ("runs", "purpose", purpose),
        ("attempts", "purpose", "as in runs: what it has cost is no part of a row"),
        ("claims", "purpose", "as in runs"),
        ("analysers", "name", "given by a person"),
        ("analysers", "accepted_at", "when its answers were last made the current ones, all at once"),
    ):
        op.add_column(table, sa.Column(name, sa.String(), nullable=True, comment=comment))
    series = "the same for analysers that differ in their topics only"
    op.add_column("analysers", sa.Column("series", sa.String(), nullable=False, server_default="", comment=series))
    op.create_index("analysers_by_name", "analysers", ["name"], unique=True)


def _create_tables() -> None:
    op.create_table(
        "labels",
        sa.Column("text_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "person", sa.String(), nullable=False, comment="whose judgement: the name of the file that it came in"
        ),
        sa.Column("sentiment", sa.String(), nullable=False),
        sa.Column("topics", sa.Text(), nullable=True, comment="JSON list of ids; null: not judged"),
        sa.Column(
            "stratum",
            sa.String(),
            nullable=False,
            comment="of the sample, as a number that does not tell the prediction",
        ),
        sa.Column("weight", sa.Float(), nullable=False, comment="how many analysed verbatims it stands for"),
        sa.Column("labelled_on", sa.String(), nullable=False, comment="UTC day on which it was imported"),
        sa.ForeignKeyConstraint(["text_id"], ["texts.text_id"]),
        sa.PrimaryKeyConstraint("text_id", "person"),
    )
    op.create_table(
        "evaluations",
        sa.Column("evaluation_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("analyser", sa.String(), nullable=False),
        sa.Column("evaluated_at", sa.String(), nullable=False),
        sa.Column(
            "labels", sa.Integer(), nullable=False, comment="how many labelled texts it has answered or failed on"
        ),
        sa.Column("result", sa.Text(), nullable=False, comment="JSON: scores with their intervals; no texts"),
        sa.ForeignKeyConstraint(["analyser"], ["analysers.analyser"]),
        sa.PrimaryKeyConstraint("evaluation_id"),
    )
    op.create_index("evaluations_by_analyser", "evaluations", ["analyser", "evaluation_id"])
    op.create_table(
        "comparisons",
        sa.Column("comparison_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("first", sa.String(), nullable=False),
        sa.Column("second", sa.String(), nullable=False),
        sa.Column("compared_at", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False, comment="of the second: worse, cannot_tell or not_worse"),
        sa.Column("result", sa.Text(), nullable=False, comment="JSON: counts and intervals; no texts"),
        sa.ForeignKeyConstraint(["first"], ["analysers.analyser"]),
        sa.ForeignKeyConstraint(["second"], ["analysers.analyser"]),
        sa.PrimaryKeyConstraint("comparison_id"),
    )
    op.create_index("comparisons_by_second", "comparisons", ["second", "comparison_id"])
    op.create_table(
        "nights",
        sa.Column("series", sa.String(), nullable=False, comment="of the analysers that answered"),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column(
            "day",
            sa.String(),
            nullable=False,
            comment="UTC: when it was asked; of a re-analysis, when it was first seen",
        ),
        sa.Column(
            "sent_on", sa.String(), nullable=False, comment="UTC day of the calls: counted anew while it may still grow"
        ),
        sa.Column("counts", sa.Text(), nullable=False, comment="JSON: requests, sentiments by stars, events"),
        sa.PrimaryKeyConstraint("series", "source", "day", "sent_on"),
    )
    op.create_index("nights_by_sending", "nights", ["sent_on"])
    op.create_table(
        "verdicts",
        sa.Column("source", sa.String(), nullable=False, comment="empty: of the whole installation"),
        sa.Column("signal", sa.String(), nullable=False),
        sa.Column("sentiment", sa.String(), nullable=False, comment="whose share it is; empty where there is one only"),
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("night", sa.String(), nullable=False, comment="UTC day that is judged"),
        sa.Column("state", sa.String(), nullable=False, comment="ready or not_enough"),
        sa.Column("score", sa.Float(), nullable=True, comment="1 is the limit"),
        sa.Column("share", sa.Float(), nullable=True),
        sa.Column("expected", sa.Float(), nullable=True),
        sa.Column("judged_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("source", "signal", "sentiment"),
    )
    op.create_table(
        "baselines",
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("first_day", sa.String(), nullable=False),
        sa.Column("last_day", sa.String(), nullable=False),
        sa.Column("accepted_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("series"),
    )
    op.create_table(
        "sentinel",
        sa.Column("text_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column(
            "accepted",
            sa.String(),
            nullable=False,
            comment="the sentiment that is expected again; with source the stratum",
        ),
        sa.Column("series", sa.String(), nullable=False, comment="of the analyser whose answer was accepted"),
        sa.ForeignKeyConstraint(["text_id"], ["texts.text_id"]),
        sa.PrimaryKeyConstraint("text_id"),
    )
    op.create_index("sentinel_by_series", "sentinel", ["series"])
    op.create_table(
        "sentinel_answers",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("text_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("sentiment", sa.String(), nullable=True, comment="null where there was no good answer"),
        sa.Column("accepted", sa.String(), nullable=False, comment="what was expected: another sentiment is a flip"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"]),
        sa.ForeignKeyConstraint(["text_id"], ["texts.text_id"]),
        sa.PrimaryKeyConstraint("run_id", "text_id"),
    )
    op.create_table(
        "topics",
        sa.Column("topic", sa.String(), nullable=False, comment="its id, as in rows"),
        sa.Column("fr", sa.Text(), nullable=False),
        sa.Column("en", sa.Text(), nullable=False),
        sa.Column("accepted_at", sa.String(), nullable=False, comment="runs that began before do not name it"),
        sa.Column("retired_at", sa.String(), nullable=True, comment="runs that begin later do not name it"),
        sa.PrimaryKeyConstraint("topic", "accepted_at"),
    )
    op.create_table(
        "topic_decisions",
        sa.Column("topic_key", sa.String(), nullable=False, comment="what all spellings of a new topic have in common"),
        sa.Column("label", sa.Text(), nullable=False, comment="one of these spellings"),
        sa.Column(
            "topic", sa.String(), nullable=True, comment="the id that stands for it in rows; null: it was rejected"
        ),
        sa.Column(
            "merged_into",
            sa.String(),
            nullable=True,
            comment="another key, whose decision it shares; null: a decision of its own",
        ),
        sa.Column("decided_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("topic_key"),
    )


def _set_series(connection: sa.Connection) -> None:
    for fingerprint, definition in connection.execute(sa.text("SELECT analyser, definition FROM analysers")).all():
        values = {"analyser": fingerprint, "series": _series(fingerprint, definition)}
        connection.execute(sa.text("UPDATE analysers SET series = :series WHERE analyser = :analyser"), values)


def _series(fingerprint: str, definition: str | None) -> str:
    """As pipeline/analyser_series.py had it at this revision."""
    if definition is None:
        return fingerprint
    whole = json.loads(definition)
    listed = tuple(f"- {topic} — " for topic in whole.pop("topics"))
    lines = whole["instructions"].split("\n")
    whole["instructions"] = "\n".join(line for line in lines if not line.startswith(listed))
    whole["schema"]["properties"]["topics"]["items"].pop("enum", None)
    return hashlib.sha256(json.dumps(whole, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:32]
