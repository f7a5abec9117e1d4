"""Alembic's entry: migrations run inside the transaction that `migrate.py` holds."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
