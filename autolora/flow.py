"""The whole way in order: check, explore, confirm, recommend, bundle, report. What CLI, service and portfolio call.

Everything that can be wrong with a request is found before the run folder is made; from then on every step is kept
there, so that a search that was killed goes on where it was.
"""

from __future__ import annotations

import contextlib
import gc
import math
import time
from collections.abc import Iterator
from pathlib import Path

from autolora import request, results, store
from autolora.budget import Clock, Stopwatch, seconds_used
from autolora.data import READ_OTHERWISE
from autolora.energy import Meter, energy_used
from autolora.errors import RunFolderError
from autolora.past import Memory
from autolora.portions import Portions
from autolora.prepared import Prepared, check_unchanged, checked, startable
from autolora.request import Request
from autolora.results import SearchRecord
from autolora.search.explore import explore_alone
from autolora.search.study_file import open_ledger
from autolora.starting import started
from autolora.values import listed
from autolora.way import Progress, Way


@contextlib.contextmanager
def _swept() -> Iterator[None]:
    """Give back at once what a search held: Tune leaves cycles behind, which keep the data's file open for long."""
    try:
        yield
    finally:
        gc.collect()


@_swept()
def search(wanted: Request, out: Path, *, progress: Progress) -> SearchRecord:
    """Run a new search.

    Args:
        wanted: What is asked for.
        out: The run folder; must not hold anything yet.
        progress: Is told how it goes.

    Raises:
        InputError: If anything about the request is wrong; nothing was written then.
    """
    # task.yaml will stand in the run folder: from there, relative paths would mean something else.
    wanted = request.with_paths_from(wanted, Path.cwd())
    store.RunFolder.check_free(out)
    begun = time.monotonic()
    progress.stage("Reading the data")
    prepared = startable(wanted)
    return _run(prepared, out, progress, begun=begun)


@_swept()
def resume(out: Path, *, progress: Progress, reopen_test: bool = False) -> SearchRecord:
    """Go on with a search that ended before it was done; a finished one is only read.

    Args:
        out: The run folder.
        progress: Is told how it goes.
        reopen_test: Whether the test split may be opened although it was before, for another choice.

    Raises:
        RunFolderError: If there is no search in the folder, or another process works on it.
        DataError: If the data are not those that the search began with.
    """
    run = store.RunFolder.existing(out)
    if run.is_done:
        progress.note(f"The search in {out} is finished; nothing was done.")
        run.tidy()
        return _read_finished(run)
    begun = time.monotonic()
    progress.stage("Reading the data")
    prepared = checked(request.read(out / store.TASK))
    check_unchanged(prepared, run, otherwise="start a new search")
    with run.owned():  # before the engine starts: a second process is told at once
        return _run(prepared, out, progress, begun=begun, held=run, reopen_test=reopen_test)


def _read_finished(run: store.RunFolder) -> SearchRecord:
    """Read a finished search; should the readers' copy of its trials be damaged, the study has them all."""
    try:
        run.trials()
    except RunFolderError:
        with run.owned():
            ledger = open_ledger(run.path, seed=0)
            run.write_trials(ledger.records())
            ledger.close()
    return results.read(run.path)


def _run(
    prepared: Prepared,
    out: Path,
    progress: Progress,
    *,
    begun: float,
    held: store.RunFolder | None = None,
    reopen_test: bool = False,
) -> SearchRecord:
    """Go the whole way in a new run folder, or in one that is held already."""
    dataset = prepared.dataset
    portions = Portions(dataset=dataset, seed=prepared.request.seed, limited=prepared.minutes is not None)
    for finding in dataset.findings:
        if finding.severity == "warning" or finding.code in READ_OTHERWISE:
            progress.note(finding.advice)
    progress.stage("Starting the engine")
    with (
        contextlib.ExitStack() as owning,  # outermost: the engines write in the folder to their end
        started(prepared, portions) as (scratch, engines),
    ):
        run = held or store.RunFolder.create(out, request.as_yaml(prepared.request))
        if not held:
            owning.enter_context(run.owned())
        engines.keep_prefixes(run.path / store.PREFIXES)
        minutes, before = prepared.minutes, seconds_used(run) if held else 0.0
        meter = Meter(before=energy_used(run))
        owning.callback(meter.close)
        way = Way(
            run=run,
            prepared=prepared,
            portions=portions,
            engines=engines,
            progress=progress,
            clock=Clock(
                watch=Stopwatch(before=before + time.monotonic() - begun),
                budget_seconds=math.inf if minutes is None else minutes * 60,
            ),
            meter=meter,
            reopen_test=reopen_test,
        )
        try:
            way.begin(resumed=held is not None)
            memory = None if prepared.request.memory is None else Memory(folder=Path(prepared.request.memory))
            if memory is not None and (sources := way.learn_from(memory.searches())):
                progress.note(f"First suggestions come from {listed([f'{n} ({c})' for n, c in sources.items()])}.")
            explore_alone(way.board(), scratch=scratch)
            if memory is not None:
                memory.keep(way.past())
            way.explored()
            way.finish()
        except KeyboardInterrupt:
            with contextlib.suppress(KeyboardInterrupt):  # asked twice: then it need not be kept
                way.drain()
            raise
    return results.read(out)
