"""A job's process: does what the job asks for with the library, and says in the end how it went. Knows no table.

    python -m autolora.service.worker JOB_FOLDER LOCK

``LOCK`` is the descriptor of the folder's lock, which the service took and handed down (``processes``).
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from autolora.durable import write_whole
from autolora.errors import AutoloraError
from autolora.interruption import Interruption, interruptible
from autolora.objectives import guide_of, metric_named
from autolora.records import to_json
from autolora.service import processes
from autolora.service.journal import BEGUN, Journal
from autolora.service.states import Ending, Kind
from autolora.service.workplace import FINDINGS, FORECAST, PROGRESS, REVIEW_PAGE, End, JobFolder


def main(path: str, lock: str) -> None:
    """Do the job in a folder."""
    folder = JobFolder(Path(path))
    with interruptible() as asked:
        try:
            processes.take_over(folder, int(lock))
            if folder.end() is not None:  # an earlier process ended while this one was being started
                return
            end = _ended(folder, asked)
        except KeyboardInterrupt:
            asked.leave()
            end = End(ending=Ending.STOPPED)
        folder.write_end(end)


def _ended(folder: JobFolder, asked: Interruption) -> End:
    """Do the job, and return how it ended."""
    try:
        wanted, journal = folder.request(), Journal(folder.path / PROGRESS)
        journal.say(BEGUN)
        _DOING[Kind(wanted["kind"])](folder, wanted, journal)
    except AutoloraError as error:
        return End(ending=Ending.REFUSED, cause=error.message, hint=error.hint)
    except (KeyboardInterrupt, SystemExit) as error:
        asked.leave()
        if isinstance(error, SystemExit) and not asked.signals:
            traceback.print_exc()
            return End(ending=Ending.BROKEN, cause=f"it ended itself with {error.code}")
        return End(ending=Ending.STOPPED)
    except Exception as error:
        traceback.print_exc()
        return End(ending=Ending.BROKEN, cause=_last_line(error), hint="log.txt in the job's folder says where")
    return End(ending=Ending.DONE)


def _last_line(error: Exception) -> str:
    """Return what an unexpected error says in the end: one that comes from another process carries its whole trace."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"an unexpected error: {lines[-1].strip()}" if lines else f"an unexpected {type(error).__name__}"


def _search(folder: JobFolder, wanted: Mapping[str, Any], journal: Journal) -> None:
    from autolora import flow, request, store

    task = request.from_mapping(wanted["task"])
    guide = guide_of(metric_named(task.metric), task.data.problem or "single_label")
    journal.say("guide", metric=guide.name, direction=guide.direction)
    if (folder.run / store.TASK).is_file():
        flow.resume(folder.run, progress=journal)
    else:
        flow.search(task, folder.run, progress=journal)


def _plan(folder: JobFolder, wanted: Mapping[str, Any], journal: Journal) -> None:
    from autolora import request
    from autolora.planning import forecast

    found = forecast(request.from_mapping(wanted["task"]), stage=journal.stage)
    write_whole(folder.path / FORECAST, to_json(found, indent=1).encode(), at=FORECAST)


def _check(folder: JobFolder, wanted: Mapping[str, Any], journal: Journal) -> None:
    from autolora.service.checking import keep_within_bounds, look_at

    keep_within_bounds()
    journal.stage("Reading the data")
    found = look_at(Path(wanted["file"]), wanted["data"], wanted["base_model"])
    write_whole(folder.path / FINDINGS, to_json(found, indent=1).encode(), at=FINDINGS)


def _batch(folder: JobFolder, wanted: Mapping[str, Any], journal: Journal) -> None:
    from autolora import request
    from autolora.portfolio import conduct
    from autolora.portfolio.folder import BATCH, BatchRequest
    from autolora.portfolio.members import Member, check_names

    if (folder.run / BATCH).is_file():
        conduct.resume(folder.run, progress=journal)
        return
    tasks = [request.from_mapping(task) for task in wanted["tasks"]]
    members = tuple(Member(name=task.name, source=task.name, request=task) for task in tasks)
    check_names(members)
    asked = BatchRequest(name=wanted["name"], members=members, minutes=wanted["minutes"])
    conduct.start(asked, folder.run, progress=journal)


def _review(folder: JobFolder, wanted: Mapping[str, Any], journal: Journal) -> None:
    from autolora.review.making import make
    from autolora.review.reading import read

    run = Path(wanted["run"])
    if wanted["reads"]:
        read(run, sorted(Path(wanted["reads"]).glob("*.json")), min_accepted=wanted["min_accepted"])
        return
    rows, language = wanted["rows"], wanted["language"]
    make(run, folder.path / REVIEW_PAGE, rows=rows, seed=0, language=language, format="html")


_DOING: dict[Kind, Callable[[JobFolder, Mapping[str, Any], Journal], None]] = {
    Kind.SEARCH: _search,
    Kind.BATCH: _batch,
    Kind.PLAN: _plan,
    Kind.CHECK: _check,
    Kind.REVIEW: _review,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
