"""What the service can be asked for, as plain calls: the REST routes and the pages say the same things through here.

Knows jobs, folders and the library's readers; knows no HTTP. Ids come checked by shape, and are looked up in the tables
before they become paths.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from autolora import results
from autolora.durable import write_whole
from autolora.folder import DONE
from autolora.portfolio.folder import BatchFolder
from autolora.records.forecast import Forecast
from autolora.records.portfolio import PortfolioRecord
from autolora.results import SearchRecord
from autolora.service import asking, processes
from autolora.service.answering import Answerer
from autolora.service.bases import Bases
from autolora.service.faults import Conflict, Invalid, NotFound, NotYet
from autolora.service.following import Following
from autolora.service.ids import Prefix, is_id, new_id
from autolora.service.jobs import Dataset, Job, Jobs, NewJob
from autolora.service.look import Look, Trouble
from autolora.service.settings import Settings
from autolora.service.states import Kind, State, Wish
from autolora.service.supervisor import Supervisor
from autolora.service.workplace import FINDINGS, FORECAST, PROGRESS, REVIEW_PAGE, REVIEWS, JobFolder, Workplace
from autolora.store import RECOMMENDATION, TRIALS, bundle_of

_PREFIXES = {
    Kind.SEARCH: Prefix.SEARCH,
    Kind.BATCH: Prefix.BATCH,
    Kind.PLAN: Prefix.PLAN,
    Kind.CHECK: Prefix.CHECK,
    Kind.REVIEW: Prefix.REVIEW,
}


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Everything that a request may need."""

    settings: Settings
    jobs: Jobs
    place: Workplace
    bases: Bases
    supervisor: Supervisor
    following: Following
    answerer: Answerer

    # -------------------------------------------------------------------------------------------------------- datasets

    def dataset(self, id: str) -> Dataset:
        """Return a dataset.

        Raises:
            NotFound: If there is none of this id.
        """
        if not is_id(id, Prefix.DATA):
            raise NotFound(f"there is no dataset {id[:40]!r}", "list them with GET /v1/datasets")
        return self.jobs.dataset(id)

    def file_of(self, id: str) -> Path:
        """Return the file of a dataset.

        Raises:
            NotFound: If there is none of this id.
        """
        return self.place.dataset(id) / self.dataset(id).file

    def forget_dataset(self, id: str) -> None:
        """Delete a dataset.

        Raises:
            NotFound: If there is none of this id.
            Conflict: If a job that has not ended needs it.
        """
        known = self.dataset(id)
        for job in self.jobs.of_dataset(id, list(Kind)):
            if not job.has_ended:
                raise Conflict(f"{job.kind.value} {job.id} works on it", "cancel that first")
        self.jobs.remove_dataset(known.id)
        shutil.rmtree(self.place.dataset(id), ignore_errors=True)

    def check(self, dataset: str, data: Mapping[str, Any], base_model: str | None = None) -> Job:
        """Have a dataset looked at.

        Args:
            dataset: Its id.
            data: How it is to be read, as under ``data`` of a task file.
            base_model: Whose tokenizer counts the tokens.
        """
        known = self.dataset(dataset)
        for name in asking.PLACES:
            if name in data:
                raise Invalid(f"data.{name} must not be given", "upload the table instead", param=f"data.{name}")
        base = None if base_model is None else str(self.bases.folder(base_model))
        wanted = {"file": str(self.file_of(dataset)), "data": dict(data), "base_model": base}
        return self._add(Kind.CHECK, known.name, wanted, dataset=dataset)

    def look(self, dataset: str) -> Look | None:
        """Return what the last check of a dataset saw, None while it looks."""
        last = next(iter(self.jobs.of_dataset(dataset, [Kind.CHECK])), None)
        if last is None or not last.has_ended:
            return None
        path = self.place.job(last.id).path / FINDINGS
        if path.exists():
            return msgspec.json.decode(path.read_bytes(), type=Look)
        cause, hint = last.cause or "the check was given up", last.hint or "check it again, or upload the table anew"
        return Look(trouble=Trouble(message=cause, hint=hint))

    # -------------------------------------------------------------------------------------------------- what is started

    def search(self, body: Mapping[str, Any], *, key: str | None = None) -> Job:
        """Start a search.

        Args:
            body: As ``schemas.SearchIn``.
            key: Of idempotency.

        Raises:
            Fault: If it cannot be: a wrong value, a dataset that is not ready, a full disk.
        """
        priority = body.get("priority", 0)
        task = self._task({name: value for name, value in body.items() if name != "priority"})
        request = {"task": task}
        return self._add(
            Kind.SEARCH, task["name"], request, dataset=body["dataset"], priority=priority, key=key, body=body
        )

    def plan(self, body: Mapping[str, Any], *, key: str | None = None) -> Job:
        """Have it said what a search would take; see ``search``."""
        task = self._task({name: value for name, value in body.items() if name != "priority"})
        request = {"task": task, "body": dict(body)}
        return self._add(Kind.PLAN, task["name"], request, dataset=body["dataset"], priority=1, key=key, body=body)

    def batch(self, body: Mapping[str, Any], *, key: str | None = None) -> Job:
        """Start a batch; see ``search``."""
        tasks, seen = [], set()
        for at, each in enumerate(body["tasks"]):
            try:
                task = self._task(each)
            except Invalid as fault:
                where = f"tasks.{at}" if fault.param is None else f"tasks.{at}.{fault.param}"
                raise Invalid(fault.message, fault.hint, param=where) from None
            if task["name"].casefold() in seen:
                raise Invalid(
                    f"two tasks have the name {task['name']!r}", "name one otherwise", param=f"tasks.{at}.name"
                )
            seen.add(task["name"].casefold())
            tasks.append(task)
        request = {"name": body["name"], "tasks": tasks, "minutes": body.get("minutes")}
        return self._add(Kind.BATCH, body["name"], request, priority=body.get("priority", 0), key=key, body=body)

    def _task(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return a task as a task file says it, on datasets that are ready."""
        dataset = self.dataset(str(body["dataset"]))
        completed = dict(body)
        if not completed.get("data"):
            look = self.look(dataset.id)
            if look is None:
                raise NotYet("the dataset is still being checked", "ask again when GET /v1/datasets/ID says ready")
            if not look.is_ready:
                said = "" if look.trouble is None else f": {look.trouble.message}"
                raise Invalid(f"the dataset is not ready{said}", "check it again with other columns, or upload it anew",
                              param="dataset")  # fmt: skip
            completed["data"] = look.data
        completed["name"] = completed.get("name") or asking.name_from(dataset.name)
        task, _ = asking.task_of(completed, bases=self.bases, file_of=self.file_of, address=self.settings.address)
        return task

    def _add(
        self,
        kind: Kind,
        name: str,
        request: Mapping[str, Any],
        *,
        dataset: str | None = None,
        subject: str | None = None,
        priority: int = 0,
        key: str | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Job:
        """Add a job: its folder first, so that whatever stands in the tables can be begun."""
        self.supervisor.check_room()
        id = new_id(_PREFIXES[kind])
        new = NewJob(id=id, kind=kind, name=name, priority=priority, dataset=dataset, subject=subject)
        folder = JobFolder.make(self.place.jobs / new.id, {"kind": kind.value, **request})
        digest = hashlib.sha256(json.dumps([kind.value, body], sort_keys=True).encode()).hexdigest()
        try:
            added = self.jobs.add(new, key=key, digest=digest)
        except BaseException:
            shutil.rmtree(folder.path, ignore_errors=True)
            raise
        if added.id != new.id:  # the key was used before
            shutil.rmtree(folder.path, ignore_errors=True)
        return added

    # ------------------------------------------------------------------------------------------------ what has a folder

    def job(self, id: str, *kinds: Kind) -> Job:
        """Return a job of one of some kinds.

        Raises:
            NotFound: If there is none of this id.
        """
        if not is_id(id, *(_PREFIXES[kind] for kind in kinds)):
            raise NotFound(f"there is no {' or '.join(kinds)} {id[:40]!r}", "list them with GET")
        return self.jobs.get(id)

    def want(self, id: str, wish: Wish, *kinds: Kind) -> Job:
        """Say what is wanted of a job; a failed one may be gone on with.

        Raises:
            NotFound: If there is none of this id.
            Conflict: If it has ended otherwise.
        """
        self.job(id, *kinds)
        if wish == Wish.RUN:
            self.supervisor.check_room()
        return self.jobs.want(id, wish)

    def forget(self, id: str, *kinds: Kind) -> None:
        """Delete a job that has ended, with everything that it found.

        Raises:
            NotFound: If there is none of this id.
            Conflict: If it has not ended.
        """
        job = self.job(id, *kinds)
        if not job.has_ended:
            raise Conflict(f"the {job.kind.value} is {job.state.value}", "cancel it first")
        processes.kill_all(id)
        self.jobs.remove(id)
        shutil.rmtree(self.place.job(id).path, ignore_errors=True)

    def events(self, id: str, after: int) -> list[dict[str, Any]]:
        """Return what a job has said after the line of a number."""
        return self.following.lines(self.place.job(id).path / PROGRESS, after)

    def found(self, id: str, task: str | None = None) -> SearchRecord:
        """Return what a search has found so far.

        Args:
            id: Of the search, or of a batch.
            task: Name of the task of a batch.

        Raises:
            NotYet: If it has not read its data yet.
        """
        run = self.run_of(id, task)
        if not (run / TRIALS).exists():
            raise NotYet("the search has not begun: it has no trials yet", "ask again when it is running")
        return _read(run, _stamp(run))

    def version(self, job: Job) -> tuple[object, ...]:
        """Return what is another as soon as there is anything new to show of a search."""
        said = self.following.standing(self.place.job(job.id).path / PROGRESS).last_event
        return job, self.position(job), said, _stamp(self.place.job(job.id).run)

    def run_of(self, id: str, task: str | None = None) -> Path:
        """Return a run folder.

        Raises:
            NotFound: If a batch has no such task.
        """
        run = self.place.job(id).run
        if task is None:
            return run
        names = self.task_names(id)
        if task not in names:
            raise NotFound(f"the batch has no task {task[:80]!r}", f"its tasks: {', '.join(names)[:400]}")
        return run / task

    def task_names(self, id: str) -> list[str]:
        """Return the names of the tasks of a batch, as they were asked for."""
        return [each["name"] for each in self.place.job(id).request().get("tasks", ())]

    def portfolio(self, id: str) -> PortfolioRecord | None:
        """Return what a batch came to so far, None before there is anything."""
        return BatchFolder(self.run_of(id)).portfolio()

    def bundle(self, id: str, task: str | None = None) -> Path:
        """Return the adapter folder of a search: that which its verdict would have used.

        Raises:
            NotYet: If there is none.
        """
        run = self.run_of(id, task)
        found = bundle_of(run)
        if not (run / DONE).exists() or not found.is_dir():
            raise NotYet("there is no adapter yet", "ask again when the search has succeeded")
        return found

    def answers(self, search: str, texts: Sequence[str], *, abstain_below: float | None) -> list[dict[str, Any]]:
        """Return what the adapter of a search says of each text.

        Raises:
            NotYet: If there is no adapter, or its base model is gone.
            Busy: If others are being answered for too long, or the adapter's process broke down.
            Invalid: If the adapter cannot be loaded, or does not abstain.
        """
        bundle, base = self.bundle(search), Path(self.place.job(search).request()["task"]["base_model"])
        if not base.is_dir():
            raise NotYet("the adapter's base model is no longer there", "copy it back into the folder of base models")
        return self.answerer.answers(bundle, base, texts, abstain_below=abstain_below)

    # --------------------------------------------------------------------------------------------------------- reviews

    def make_review(self, search: str, *, rows: int, language: str) -> Job:
        """Have the page made on which people judge the answers of a search.

        Args:
            search: Its id.
            rows: Test rows that are shown at most.
            language: Of the page.
        """
        return self._review(search, {"rows": rows, "language": language, "reads": None})

    def read_review(self, search: str, said: bytes, *, min_accepted: float | None) -> Job:
        """Have what a reviewer saved, and all before, bear on the verdict of a search.

        Args:
            search: Its id.
            said: The file that the reviewer's page saved.
            min_accepted: Share of the adapter's answers that must be accepted as they are, if one is asked for.

        Raises:
            Invalid: If it is no such file.
        """
        self.job(search, Kind.SEARCH)
        try:
            reviewer = json.loads(said)["reviewer"]
        except (ValueError, TypeError, KeyError):
            raise Invalid("this is no file that a review page has saved", "save it again on that page") from None
        folder = self.place.job(search).path / REVIEWS
        folder.mkdir(exist_ok=True)
        # By whom it is: what somebody sends again takes the place of what they sent before.
        name = hashlib.sha256(str(reviewer).encode()).hexdigest()[:16]
        write_whole(folder / f"{name}.json", said, at=REVIEWS)
        return self._review(search, {"reads": str(folder), "min_accepted": min_accepted})

    def reviews(self, search: str) -> list[Job]:
        """Return what was done about reviews of a search, the newest first."""
        return self.jobs.about(search)

    def review_page(self, id: str) -> Path:
        """Return the file of a review page.

        Raises:
            NotYet: If it is not made, or the job has read one.
        """
        path = self.place.job(id).path / REVIEW_PAGE
        if not path.exists():
            raise NotYet("there is no review page", "ask again when the job has succeeded")
        return path

    def has_review_page(self, id: str) -> bool:
        """Return whether a job has made a review page."""
        return (self.place.job(id).path / REVIEW_PAGE).exists()

    def _review(self, search: str, request: Mapping[str, Any]) -> Job:
        job = self.job(search, Kind.SEARCH)
        if job.state != State.SUCCEEDED:
            raise NotYet("the search is not finished", "ask again when it has succeeded")
        run = {"run": str(self.run_of(search))}
        return self._add(Kind.REVIEW, job.name, {**run, **request}, dataset=job.dataset, subject=search)

    # ----------------------------------------------------------------------------------------------------------- plans

    def forecast(self, id: str) -> Forecast:
        """Return what a search would take.

        Raises:
            NotYet: If that is still being found out.
        """
        path = self.place.job(id).path / FORECAST
        if not path.exists():
            raise NotYet("the plan is not ready", "ask again when it has succeeded")
        return msgspec.json.decode(path.read_bytes(), type=Forecast)

    def position(self, job: Job) -> int | None:
        """Return how many jobs wait before a job, None where it does not wait."""
        if job.state != State.QUEUED:
            return None
        waiting = [each.id for each in self.jobs.unfinished() if each.state == State.QUEUED and each.kind != Kind.CHECK]
        return waiting.index(job.id) if job.id in waiting else None


def _stamp(run: Path) -> tuple[Any, ...]:
    """Return what changes whenever a reader would see something else."""
    names = (TRIALS, "confirm.json", RECOMMENDATION, "review.json", DONE)
    return tuple((run / name).stat().st_mtime_ns if (run / name).exists() else 0 for name in names)


@lru_cache(maxsize=32)
def _read(run: Path, stamp: tuple[Any, ...]) -> SearchRecord:
    return results.read(run)
