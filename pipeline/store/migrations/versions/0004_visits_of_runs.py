"""Which run a visit belongs to, since one that stopped on the way has to read its sources again; and two sources may
read the same page. No release has written a page yet, so the table is built anew."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("visits", sa.Column("run_id", sa.String(), nullable=True, comment="the run that it was part of"))
    op.drop_table("pages")
    op.create_table(
        "pages",
        sa.Column(
            "definition",
            sa.String(),
            nullable=False,
            comment="as in visits: another reader may see more on the same page",
        ),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("etag", sa.String(), nullable=True),
        sa.Column("last_modified", sa.String(), nullable=True),
        sa.Column("found", sa.Integer(), nullable=False, comment="verbatims that it held; the page itself is not kept"),
        sa.Column("next_url", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("definition", "url"),
    )
