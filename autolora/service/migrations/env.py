"""Run by Alembic: brings the tables of the connection that it is given up to date."""

from __future__ import annotations

from alembic import context

from autolora.service.tables import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
