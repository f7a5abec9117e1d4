"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "claims",
        sa.Column("request_key", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False, comment="seconds since 1970 by the database's clock"),
        sa.PrimaryKeyConstraint("request_key"),
    )
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False, comment="sandbox or prod: a store holds one kind only"),
        sa.Column("input", sa.String(), nullable=False, comment="what was read: a file's name, a site's address"),
        sa.Column("started_at", sa.String(), nullable=False),
        sa.Column("ended_at", sa.String(), nullable=True, comment="null until a whole run has come to its end"),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_table(
        "answers",
        sa.Column("request_key", sa.String(), nullable=False, comment="SHA-256 of the request as sent"),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False, comment="the verbatim that paid for it"),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("sentiment", sa.String(), nullable=False),
        sa.Column("topics", sa.Text(), nullable=False, comment="JSON list of ids"),
        sa.Column("new_topics", sa.Text(), nullable=False, comment="JSON list of label, definition, quote"),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("prompt_version", sa.String(), nullable=False),
        sa.Column("trace_id", sa.String(), nullable=True),
        sa.Column("analysed_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["runs.run_id"],
        ),
        sa.PrimaryKeyConstraint("request_key"),
    )
    op.create_table(
        "load_errors",
        sa.Column("load_error", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("verbatim_id", sa.String(), nullable=True, comment="null where a whole job failed"),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("happened_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["runs.run_id"],
        ),
        sa.PrimaryKeyConstraint("load_error"),
    )
    op.create_table(
        "verbatims",
        sa.Column("row", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column(
            "verbatim_id",
            sa.String(),
            nullable=False,
            comment="hash of source and external id: the same in every store",
        ),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("rating", sa.Float(), nullable=True),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column("written_at", sa.String(), nullable=True),
        sa.Column(
            "seen_on", sa.String(), nullable=False, comment="UTC day on which the id was first read; never changes"
        ),
        sa.Column("text", sa.Text(), nullable=True, comment="masked; null once an edited text has replaced it"),
        sa.Column("text_hash", sa.String(), nullable=False),
        sa.Column("characters", sa.Integer(), nullable=False),
        sa.Column(
            "superseded", sa.Boolean(), nullable=False, comment="an edited text has replaced this one; counts stay"
        ),
        sa.Column("kept", sa.Boolean(), nullable=False, comment="cleaning has looked at it and lets it through"),
        sa.Column(
            "outcome",
            sa.String(),
            nullable=True,
            comment="null until it stands: skipped, analysed, or how the call finally failed",
        ),
        sa.Column("reason", sa.String(), nullable=True, comment="why it was skipped"),
        sa.Column("answer_key", sa.String(), nullable=True),
        sa.Column("run_id", sa.String(), nullable=True, comment="the run in which the outcome was first committed"),
        sa.ForeignKeyConstraint(
            ["answer_key"],
            ["answers.request_key"],
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["runs.run_id"],
        ),
        sa.PrimaryKeyConstraint("row"),
    )
    op.create_index("verbatims_by_outcome", "verbatims", ["outcome", "source", "reason"], unique=False)
    op.create_index("verbatims_by_id", "verbatims", ["verbatim_id"], unique=False)
    op.create_index("verbatims_by_text", "verbatims", ["source", "text_hash"], unique=False)
    op.create_index(
        "verbatims_current",
        "verbatims",
        ["verbatim_id"],
        unique=True,
        sqlite_where=sa.text("NOT superseded"),
        postgresql_where=sa.text("NOT superseded"),
    )
    op.create_table(
        "calls",
        sa.Column("call", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("request_key", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("json_error", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column(
            "cost_usd", sa.Float(), nullable=False, comment="what it costs by the price list; a sandbox's is not billed"
        ),
        sa.Column("sent_at", sa.String(), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=True, comment="the answer as received"),
        sa.Column("trace_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["row"],
            ["verbatims.row"],
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["runs.run_id"],
        ),
        sa.PrimaryKeyConstraint("call"),
    )
    op.create_index("calls_by_key", "calls", ["request_key"], unique=False)
    op.create_index("calls_by_row", "calls", ["row"], unique=False)
    op.create_index("calls_by_run", "calls", ["run_id", "outcome"], unique=False)
    op.create_index("calls_by_time", "calls", ["sent_at"], unique=False)
    op.create_table(
        "readings",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="line of the file, running number over pages"),
        sa.Column("row", sa.Integer(), nullable=True, comment="null where the record could not be read"),
        sa.Column(
            "problem",
            sa.String(),
            nullable=True,
            comment="why it is no verbatim of its own: unreadable, or an id seen before in the run",
        ),
        sa.ForeignKeyConstraint(
            ["row"],
            ["verbatims.row"],
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["runs.run_id"],
        ),
        sa.PrimaryKeyConstraint("run_id", "position"),
    )
    op.create_index("readings_by_row", "readings", ["run_id", "row"], unique=False)
    op.create_table(
        "topics",
        sa.Column("topic", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column(
            "label", sa.String(), nullable=False, comment="a theme outside the reference base, one line per verbatim"
        ),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["row"],
            ["verbatims.row"],
        ),
        sa.PrimaryKeyConstraint("topic"),
        sa.UniqueConstraint("row", "label", "quote", name="topics_once"),
    )
