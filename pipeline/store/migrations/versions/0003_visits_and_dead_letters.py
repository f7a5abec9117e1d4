"""Visits to sources with what their pages were, and what became of rows that the warehouse refused."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column(
        "load_errors",
        sa.Column(
            "problem",
            sa.String(),
            nullable=True,
            comment="what the warehouse said, without the row's values",
        ),
    )
    op.add_column(
        "load_errors",
        sa.Column(
            "mended_at",
            sa.String(),
            nullable=True,
            comment="when a later load brought it in after all; null: a dead letter still",
        ),
    )
    op.create_table(
        "visits",
        sa.Column("visit", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("definition", sa.String(), nullable=False, comment="hash of how the source is described and read"),
        sa.Column("began_at", sa.String(), nullable=False),
        sa.Column(
            "ended_at", sa.String(), nullable=True, comment="null unless all that was to be read is in the store"
        ),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("found", sa.Integer(), nullable=True, comment="verbatims on those pages, known ones included"),
        sa.Column("fresh", sa.Integer(), nullable=True, comment="of them the ones that were new"),
        sa.Column(
            "layout",
            sa.Text(),
            nullable=True,
            comment="JSON: names of fields that no verbatim had, and of those that nobody reads",
        ),
        sa.PrimaryKeyConstraint("visit"),
    )
    op.create_index("visits_by_source", "visits", ["source", "visit"], unique=False)
    op.create_table(
        "pages",
        sa.Column("url", sa.String(), nullable=False),
        sa.Column(
            "definition",
            sa.String(),
            nullable=False,
            comment="as in visits: another reader may see more on the same page",
        ),
        sa.Column("etag", sa.String(), nullable=True),
        sa.Column("last_modified", sa.String(), nullable=True),
        sa.Column("found", sa.Integer(), nullable=False, comment="verbatims that it held; the page itself is not kept"),
        sa.Column("next_url", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("url"),
    )
