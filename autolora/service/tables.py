"""The service's own tables: which jobs and datasets there are, and what is wanted of them. SQLite, one file.

What a search has found stands in its run folder and nowhere else; these tables could not tell it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, ForeignKey, Index, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

BUSY_SECONDS = 30
"""How long a statement waits for another's lock; one process writes, and its statements take milliseconds."""


class Base(DeclarativeBase):
    """All tables."""


class JobRow(Base):
    """A job."""

    __tablename__ = "jobs"
    __table_args__ = (Index("jobs_by_state", "state", "priority", "seq"),)

    seq: Mapped[int] = mapped_column(primary_key=True)
    """Order in which jobs came; lists and cursors go by it."""
    id: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    name: Mapped[str]
    state: Mapped[str]
    wish: Mapped[str]
    priority: Mapped[int]
    """Of two that wait, the one with more is begun first."""
    dataset: Mapped[str | None] = mapped_column(ForeignKey("datasets.id"), index=True)
    subject: Mapped[str | None] = mapped_column(index=True)
    """Id of the search that the job is about, where it is about one."""
    created_at: Mapped[str]
    """UTC, ISO 8601, as all times."""
    started_at: Mapped[str | None]
    ended_at: Mapped[str | None]
    crashes: Mapped[int]
    """Times that its process ended without a word."""
    starts: Mapped[int]
    """Times that a process was started for it."""
    cause: Mapped[str | None]
    """Why it failed."""
    hint: Mapped[str | None]
    """What can be done about that."""


class DatasetRow(Base):
    """An uploaded table."""

    __tablename__ = "datasets"

    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    """As the user's file was called; never a part of a path."""
    file: Mapped[str]
    """Name of the file in the dataset's folder: what is harmless of the user's."""
    bytes: Mapped[int]
    sha256: Mapped[str]
    created_at: Mapped[str]


class KeyRow(Base):
    """An idempotency key that was used."""

    __tablename__ = "idempotency_keys"

    key: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    """SHA-256 of the route and the body that came with it."""
    job: Mapped[str]
    created_at: Mapped[str]


def open_tables(path: Path) -> Engine:
    """Open the file, make it if it is not there, and bring its tables up to date."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        # Readers do not wait for the writer then; what is acknowledged survives a loss of power.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    config = Config()
    config.set_main_option("script_location", "autolora.service:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return engine
