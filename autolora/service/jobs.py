"""The jobs as values: added, listed, wished for, moved. Writes the tables; starts and stops nothing."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine, delete, func, select, update
from sqlalchemy.orm import Session

from autolora.service.faults import Conflict, NotFound
from autolora.service.states import ENDED, Kind, State, Wish
from autolora.service.tables import DatasetRow, JobRow, KeyRow

_REMEMBERED = 1000
"""Jobs that are kept in memory."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as it stood when it was read."""

    seq: int
    id: str
    kind: Kind
    name: str
    state: State
    wish: Wish
    priority: int
    dataset: str | None
    subject: str | None
    created_at: str
    started_at: str | None
    ended_at: str | None
    crashes: int
    starts: int
    cause: str | None
    hint: str | None

    @property
    def has_ended(self) -> bool:
        """Whether nothing will become of it any more."""
        return self.state in ENDED


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """An uploaded table."""

    seq: int
    id: str
    name: str
    file: str
    bytes: int
    sha256: str
    created_at: str


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A job that is to be added."""

    id: str
    kind: Kind
    name: str
    priority: int = 0
    dataset: str | None = None
    subject: str | None = None


class Jobs:
    """The tables' only door.

    One lock is held while writing: SQLite has one writer at a time, and waiting here is in order of arrival.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writing = threading.Lock()
        self._known: OrderedDict[str, Job] = OrderedDict()
        """Jobs as they stand: whoever watches one asks for it every second, and only this door changes it."""
        self.changed = threading.Event()
        """Set when something may have to be done: a job was added, or something else is wanted of one."""

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()

    # ------------------------------------------------------------------------------------------------------------ jobs

    def add(self, new: NewJob, *, key: str | None = None, digest: str = "") -> Job:
        """Add a job to the queue; with an idempotency key that was used for the same, return what was added then.

        Args:
            new: The job.
            key: The idempotency key that came with the request.
            digest: Of the request.

        Raises:
            Conflict: If the key was used for something else.
        """
        with self._writing:
            with Session(self._engine) as session, session.begin():
                if key is not None:
                    used = session.get(KeyRow, key)
                    if used is not None and used.digest != digest:
                        raise Conflict("the Idempotency-Key was used for another request", "send a new key with it")
                    if used is not None:
                        return _job(_row(session, used.job))
                    session.add(KeyRow(key=key, digest=digest, job=new.id, created_at=now()))
                row = JobRow(
                    id=new.id,
                    kind=new.kind.value,
                    name=new.name,
                    state=State.QUEUED.value,
                    wish=Wish.RUN.value,
                    priority=new.priority,
                    dataset=new.dataset,
                    subject=new.subject,
                    created_at=now(),
                    crashes=0,
                    starts=0,
                )
                session.add(row)
                session.flush()
                added = _job(row)
            self._remember(added)
        self.changed.set()
        return added

    def get(self, id: str) -> Job:
        """Return a job.

        Raises:
            NotFound: If there is none of this id.
        """
        known = self._known.get(id)
        if known is not None:
            return known
        with self._writing, Session(self._engine) as session:  # nobody changes it between reading and remembering
            found = _job(_row(session, id))
            self._remember(found)
        return found

    def page(self, kinds: Sequence[Kind], *, limit: int, before: int | None = None) -> list[Job]:
        """Return jobs, the newest first.

        Args:
            kinds: Of which kinds.
            limit: How many at most.
            before: Only those that came before the one of this number.
        """
        wanted = select(JobRow).where(JobRow.kind.in_([kind.value for kind in kinds]))
        wanted = wanted if before is None else wanted.where(JobRow.seq < before)
        with Session(self._engine) as session:
            return [_job(row) for row in session.scalars(wanted.order_by(JobRow.seq.desc()).limit(limit))]

    def of_dataset(self, dataset: str, kinds: Sequence[Kind]) -> list[Job]:
        """Return the jobs on a dataset, the newest first."""
        wanted = select(JobRow).where(JobRow.dataset == dataset, JobRow.kind.in_([kind.value for kind in kinds]))
        with Session(self._engine) as session:
            return [_job(row) for row in session.scalars(wanted.order_by(JobRow.seq.desc()))]

    def about(self, subject: str) -> list[Job]:
        """Return the jobs that are about a search, the newest first."""
        wanted = select(JobRow).where(JobRow.subject == subject).order_by(JobRow.seq.desc())
        with Session(self._engine) as session:
            return [_job(row) for row in session.scalars(wanted)]

    def unfinished(self) -> list[Job]:
        """Return the jobs that have not ended, in the order in which they are to be begun."""
        wanted = select(JobRow).where(JobRow.state.not_in([state.value for state in ENDED]))
        with Session(self._engine) as session:
            return [_job(row) for row in session.scalars(wanted.order_by(JobRow.priority.desc(), JobRow.seq))]

    def counts(self) -> dict[tuple[Kind, State], int]:
        """Return how many jobs of which kind stand where."""
        wanted = select(JobRow.kind, JobRow.state, func.count()).group_by(JobRow.kind, JobRow.state)
        with Session(self._engine) as session:
            return {(Kind(kind), State(state)): count for kind, state, count in session.execute(wanted)}

    def ids(self) -> set[str]:
        """Return the ids of all jobs."""
        with Session(self._engine) as session:
            return set(session.scalars(select(JobRow.id)))

    def want(self, id: str, wish: Wish) -> Job:
        """Say what is wanted of a job; wanting the same again changes nothing.

        Raises:
            NotFound: If there is none of this id.
            Conflict: If it has ended otherwise; a failed one may be gone on with.
        """

        def change(row: JobRow) -> None:
            if State(row.state) == State.CANCELLED and wish == Wish.CANCEL:
                return
            if State(row.state) == State.FAILED and wish == Wish.RUN:
                # The one state that a wish ends: nothing is there for the supervisor to look at.
                row.state, row.wish, row.crashes = State.QUEUED.value, wish.value, 0
                row.cause = row.hint = row.ended_at = None
                return
            if State(row.state) in ENDED or Wish(row.wish) == Wish.CANCEL != wish:
                said = row.state if State(row.state) in ENDED else "being cancelled"
                raise Conflict(f"the job is {said}, and cannot be asked to {wish.value}", "start another one")
            row.wish = wish.value

        changed = self._change(id, change)
        self.changed.set()
        return changed

    def remove(self, id: str) -> None:
        """Forget a job.

        Raises:
            NotFound: If there is none of this id.
        """
        with self._writing:
            with Session(self._engine) as session, session.begin():
                session.delete(_row(session, id))
                session.execute(delete(KeyRow).where(KeyRow.job == id))
            self._known.pop(id, None)

    def move(
        self,
        id: str,
        state: State,
        *,
        crashes: int | None = None,
        starts: bool = False,
        cause: str | None = None,
        hint: str | None = None,
    ) -> Job:
        """Write where a job stands now; for the supervisor alone.

        Args:
            id: Of the job.
            state: Where it stands.
            crashes: Times that its process ended without a word; as before where it is None.
            starts: Whether a process is about to be started for it.
            cause: Why it failed.
            hint: What can be done about that.
        """

        def change(row: JobRow) -> None:
            row.state = state.value
            row.crashes = row.crashes if crashes is None else crashes
            row.starts += starts
            row.cause, row.hint = cause, hint
            if starts and row.started_at is None:
                row.started_at = now()
            if state in ENDED:
                row.ended_at = now()

        return self._change(id, change)

    def _change(self, id: str, change: Callable[[JobRow], None]) -> Job:
        with self._writing:
            with Session(self._engine) as session, session.begin():
                row = _row(session, id)
                change(row)
                session.flush()
                changed = _job(row)
            self._remember(changed)
        return changed

    def _remember(self, job: Job) -> None:
        """Keep a job as it stands; those that were changed longest ago make room."""
        self._known[job.id] = job
        self._known.move_to_end(job.id)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    # -------------------------------------------------------------------------------------------------------- datasets

    def add_dataset(self, *, id: str, name: str, file: str, bytes: int, sha256: str) -> Dataset:
        """Add an uploaded table."""
        with self._writing, Session(self._engine) as session, session.begin():
            row = DatasetRow(id=id, name=name, file=file, bytes=bytes, sha256=sha256, created_at=now())
            session.add(row)
            session.flush()
            return _dataset(row)

    def dataset_ids(self) -> set[str]:
        """Return the ids of all datasets."""
        with Session(self._engine) as session:
            return set(session.scalars(select(DatasetRow.id)))

    def remove_dataset(self, id: str) -> None:
        """Forget a dataset; jobs on it stay, without it."""
        with self._writing:
            with Session(self._engine) as session, session.begin():
                session.execute(update(JobRow).where(JobRow.dataset == id).values(dataset=None))
                session.execute(delete(DatasetRow).where(DatasetRow.id == id))
            self._known.clear()

    def dataset(self, id: str) -> Dataset:
        """Return an uploaded table.

        Raises:
            NotFound: If there is none of this id.
        """
        with Session(self._engine) as session:
            row = session.scalar(select(DatasetRow).where(DatasetRow.id == id))
            if row is None:
                raise NotFound(f"there is no dataset {id}", "list them with GET /v1/datasets")
            return _dataset(row)

    def datasets(self, *, limit: int, before: int | None = None) -> list[Dataset]:
        """Return uploaded tables, the newest first; of those before the one of a number where it is given."""
        wanted = select(DatasetRow) if before is None else select(DatasetRow).where(DatasetRow.seq < before)
        with Session(self._engine) as session:
            return [_dataset(row) for row in session.scalars(wanted.order_by(DatasetRow.seq.desc()).limit(limit))]


def now() -> str:
    """Return the time in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _row(session: Session, id: str) -> JobRow:
    row = session.scalar(select(JobRow).where(JobRow.id == id))
    if row is None:
        raise NotFound(f"there is no job {id}", "list them with GET /v1/searches, /v1/batches or /v1/plans")
    return row


def _job(row: JobRow) -> Job:
    return Job(
        seq=row.seq,
        id=row.id,
        kind=Kind(row.kind),
        name=row.name,
        state=State(row.state),
        wish=Wish(row.wish),
        priority=row.priority,
        dataset=row.dataset,
        subject=row.subject,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        crashes=row.crashes,
        starts=row.starts,
        cause=row.cause,
        hint=row.hint,
    )


def _dataset(row: DatasetRow) -> Dataset:
    return Dataset(
        seq=row.seq,
        id=row.id,
        name=row.name,
        file=row.file,
        bytes=row.bytes,
        sha256=row.sha256,
        created_at=row.created_at,
    )
