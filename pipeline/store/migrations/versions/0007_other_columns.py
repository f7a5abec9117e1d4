"""The other columns of a file, kept with each text, and what of the tokens was cached or spent on thinking."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    extra = sa.Column("extra", sa.Text(), nullable=True, comment="JSON: the file's other columns, masked; or null")
    cached = sa.Column("cached_tokens", sa.Integer(), nullable=True, comment="of input_tokens: read from the cache")
    thinking = sa.Column("thinking_tokens", sa.Integer(), nullable=True, comment="of output_tokens: spent on thinking")
    op.add_column("texts", extra)
    op.add_column("attempts", cached)
    op.add_column("attempts", thinking)
    op.create_table(
        "aliases",
        sa.Column("alias", sa.String(), nullable=False, comment="an id that a file has given to a known verbatim"),
        sa.Column("verbatim_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("alias"),
    )
    op.create_index("aliases_by_verbatim", "aliases", ["verbatim_id"])
    # rows of the warehouse have more columns now: the next load brings all of them
    op.get_bind().execute(sa.text("UPDATE deliveries SET due = due + 1"))
