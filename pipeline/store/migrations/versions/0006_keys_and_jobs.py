"""A key per store for the hashes that stand for ids, the job that a load may have left at a service, and the tries of
the transport."""

import hashlib
import hmac
import secrets

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column(
        "attempts",
        sa.Column(
            "retried",
            sa.String(),
            nullable=True,
            comment="errors of earlier tries of the transport, any of which may have been paid",
        ),
    )
    op.add_column(
        "warehouses",
        sa.Column(
            "job",
            sa.String(),
            nullable=True,
            comment="of the load that began last: the job of the service that may still write",
        ),
    )
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False, comment="hex; drawn when the store was made or upgraded"),
        sa.PrimaryKeyConstraint("name"),
    )
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":  # SQLite keeps no comments
        op.alter_column("holders", "heartbeat", comment="changes with each sign of life")
        op.alter_column("texts", "verbatim_id", comment="hash of source and external id")
    key = secrets.token_bytes(32)
    connection.execute(sa.text("INSERT INTO secrets (name, value) VALUES ('identity', :value)"), {"value": key.hex()})
    _rename(connection, key)


def _rename(connection: sa.Connection, key: bytes) -> None:
    """Ids that were plain hashes become keyed ones. The next load removes their rows and brings them under new ids."""
    hashed = sa.text("SELECT DISTINCT verbatim_id, source, external_id FROM texts WHERE external_id LIKE 'sha256:%'")
    renamed = [_renamed(key, *found) for found in connection.execute(hashed).all()]
    if not renamed:
        return
    for statement in (
        "UPDATE texts SET verbatim_id = :new, external_id = :external WHERE verbatim_id = :old",
        "INSERT INTO deliveries (verbatim_id, warehouse, due, sent) "
        "SELECT :new, warehouse, 1, 0 FROM deliveries WHERE verbatim_id = :old",
        "UPDATE deliveries SET due = due + 1 WHERE verbatim_id = :old",
    ):
        connection.execute(sa.text(statement), renamed)


def _renamed(key: bytes, old: str, source: str, external_id: str) -> dict[str, str]:
    external = "hmac:" + hmac.new(key, external_id.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]
    new = hashlib.sha256(f"{source}\0{external}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return {"old": old, "new": new, "external": external}
