"""Indexes by which a day's work starts from its run and from what is open, not from all that the store holds."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

OPEN = "current IS NULL AND skip_reason IS NULL AND text IS NOT NULL AND "


def upgrade() -> None:
    op.create_index("attempts_by_run", "attempts", ["run_id", "sent_at"])
    _create_partial("texts_open", ["kept", "seen_on"], f"{OPEN}superseded = 0", f"{OPEN}NOT superseded")
    _create_partial("texts_replaced", ["superseded", "current"], "superseded = 1", "superseded")


def _create_partial(name: str, columns: list[str], sqlite: str, postgresql: str) -> None:
    op.create_index(name, "texts", columns, sqlite_where=sa.text(sqlite), postgresql_where=sa.text(postgresql))
