"""What is reserved and spent of the budget by day and run, batches of Claude's, and what attempts waited for."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

SPENT = """
INSERT INTO spending (day, run_id, process, usd)
SELECT substr(sent_at, 1, 10), run_id, '', sum(cost_usd) FROM attempts GROUP BY 1, 2
"""


def upgrade() -> None:
    for column in (
        sa.Column("waited_s", sa.Float(), nullable=True, comment="for the rate limit; not part of duration_s"),
        sa.Column(
            "maybe_usd", sa.Float(), nullable=True, comment="the most that tries may have cost that were not answered"
        ),
        sa.Column("refusal", sa.String(), nullable=True, comment="the category of a refusal"),
        sa.Column("batch", sa.String(), nullable=True, comment="the batch that it was part of; null: asked live"),
    ):
        op.add_column("attempts", column)
    op.add_column(
        "claims",
        sa.Column(
            "reserved_usd", sa.Float(), server_default="0", nullable=False, comment="the most that its tries can cost"
        ),
    )
    op.add_column(
        "claims", sa.Column("reserved_on", sa.String(), nullable=True, comment="UTC day whose budget it is taken from")
    )
    op.create_table(
        "spending",
        sa.Column("day", sa.String(), nullable=False, comment="UTC"),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("process", sa.String(), nullable=False, comment="who spends: workers do not queue"),
        sa.Column("usd", sa.Float(), nullable=False, comment="spent and reserved"),
        sa.PrimaryKeyConstraint("day", "run_id", "process"),
    )
    op.create_index("spending_by_run", "spending", ["run_id"])
    op.create_table(
        "batches",
        sa.Column("batch", sa.String(), nullable=False, comment="drawn at random; the holder of its claims"),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("analyser", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False, comment="filling, sending, sent, collected or closed"),
        sa.Column("worker", sa.String(), nullable=True, comment="the process that fills and sends it"),
        sa.Column("claude_id", sa.String(), nullable=True, comment="what Claude's API calls it"),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("trace_parent", sa.String(), nullable=True, comment="W3C traceparent of its span"),
        sa.Column("made_at", sa.String(), nullable=False),
        sa.Column("sent_at", sa.String(), nullable=True),
        sa.Column("ended_at", sa.String(), nullable=True, comment="when Claude's API had worked on all of it"),
        sa.Column("collected_at", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"]),
        sa.ForeignKeyConstraint(["analyser"], ["analysers.analyser"]),
        sa.PrimaryKeyConstraint("batch"),
    )
    op.create_index(
        "batches_open",
        "batches",
        ["made_at"],
        sqlite_where=sa.text("state <> 'closed'"),
        postgresql_where=sa.text("state <> 'closed'"),
    )
    op.get_bind().execute(sa.text(SPENT))
