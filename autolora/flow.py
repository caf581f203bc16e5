"""The whole way in order: check, explore, confirm, recommend, bundle, report. What CLI, service and portfolio call.

Everything that can be wrong with a request is found before the run folder is made; from then on every step is kept
there, so that a search that was killed goes on where it was.
"""

from __future__ import annotations

import contextlib
import gc
import math
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from autolora import plan, request, results, store
from autolora.budget import Clock, as_event, confirming_of, plan_of, seconds_used, settled_of
from autolora.candidate_scores import CandidateScores
from autolora.closing import Closing
from autolora.confirm import Confirmation, Confirmed
from autolora.data import READ_OTHERWISE, find_in_tokens, record
from autolora.energy import Meter, energy_used
from autolora.errors import DataError, RunFolderError
from autolora.margins import check_margin, planned_margin
from autolora.pages import engineer_page
from autolora.plan import Plan
from autolora.portions import Portions, sizes_of
from autolora.prepared import Prepared, checked
from autolora.recommend import finalists
from autolora.records import Finding, TrialRecord
from autolora.request import Request
from autolora.results import SearchRecord
from autolora.search.engines import Engines
from autolora.search.explore import Exploration, explore
from autolora.search.study_file import open_ledger
from autolora.sensitivity import Sensitivity
from autolora.starting import measured_work, started
from autolora.tasks.problems import problem_of
from autolora.verdict import judge

_METERED = ("confirm", "settled", "test_opened", "interrupted", "done")
"""Events that say how much energy was drawn by then."""


class Progress(Protocol):
    """Is told how a search goes."""

    def budget(self, left: Callable[[], str]) -> None:
        """There is a budget; ``left`` says what is left of it."""

    def stage(self, text: str) -> None:
        """A part of the way begins."""

    def trial(self, event: str, trial: TrialRecord, total: int) -> None:
        """A trial was started, reached a rung, or ended."""

    def confirming(self, done: int, total: int) -> None:
        """Another full training of a finalist or baseline ended."""

    def note(self, text: str) -> None:
        """Something the user should know."""


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
    prepared = checked(wanted)
    check_margin(wanted.limits, prepared.metric, prepared.dataset)
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
    known = run.data()
    if known is not None and known.hash != prepared.dataset.hash:
        raise DataError(
            f"the data have changed since the search began: {prepared.dataset.hash[:19]}… is not {known.hash[:19]}…",
            "bring back the file as it was, or start a new search",
        )
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
        way = _Way(
            run=run,
            prepared=prepared,
            portions=portions,
            engines=engines,
            scratch=scratch,
            progress=progress,
            begun=begun,
            used=seconds_used(run) if held else 0.0,
            reopen_test=reopen_test,
        )
        try:
            way.go(resumed=held is not None)
        except KeyboardInterrupt:
            with contextlib.suppress(KeyboardInterrupt):  # asked twice: then it need not be kept
                way.drain()
            raise
        finally:
            way.meter.close()
    return results.read(out)


@dataclass
class _Way:
    """One process's walk along the way."""

    run: store.RunFolder
    prepared: Prepared
    portions: Portions
    engines: Engines
    scratch: Path
    progress: Progress
    begun: float
    """``time.monotonic()`` at the start of this process's part."""
    used: float
    """Seconds that earlier processes spent on the same search."""
    reopen_test: bool = False
    """Whether the test split may be opened for a second choice."""

    def __post_init__(self) -> None:
        """Start the clock of the budget."""
        minutes = self.prepared.minutes
        self.clock = Clock(start=self.begun - self.used, budget_seconds=math.inf if minutes is None else minutes * 60)
        self.engines.on_loss = self._note_loss
        self.meter = Meter(before=energy_used(self.run))
        if minutes is not None:
            self.progress.budget(lambda: self.clock.left_in_words(self.prepared.request))

    def go(self, *, resumed: bool) -> None:
        self._event("resumed" if resumed else "started", device=self.engines.facts.device)
        self._describe_data()
        planned = self._plan()
        trials = self._explore(planned)
        confirmed = self._with_sensitivity(self._confirm(trials, planned), planned)
        self.run.write_confirm(confirmed.record)
        closing = Closing(
            run=self.run,
            prepared=self.prepared,
            engines=self.engines,
            used_rows=self.used_rows,
            planned=planned,
            stage=self.progress.stage,
        )
        closing.keep(confirmed)
        choice = judge(
            confirmed.chosen, confirmed.record, self.prepared.metric, self.prepared.request.limits, self._findings()
        )
        final = closing.recommendation(
            trials, confirmed, choice, spent=self.clock.spent, drawn=self.meter.kilowatt_hours
        )
        self.run.write_recommendation(final)
        self.progress.stage("Writing the report")
        self.run.write_report(engineer_page(results.read(self.run.path)))
        self._event("done", verdict=final.verdict)
        shutil.rmtree(self.run.path / store.PREFIXES, ignore_errors=True)
        self.run.write_done()

    def drain(self) -> None:
        """Keep where every trial stands, so that a resumed search goes on from there."""
        self.progress.stage("Stopping: keeping where every trial stands")
        self._event("interrupted", kept=self.engines.drain())

    # ---------------------------------------------------------------------------------------------------------- parts

    def _event(self, kind: str, **details: Any) -> None:
        """Keep what happened, with the seconds that all processes have worked on the search by then, and the energy."""
        if kind in _METERED and (drawn := self.meter.kilowatt_hours()) is not None:
            details["kwh"] = round(drawn, 6)
        self.run.event(kind, spent=round(self.clock.spent(), 1), **details)

    def _note_loss(self, reason: str) -> None:
        self._event("engine_lost", reason=reason)
        self.progress.note(f"{reason[:1].upper()}{reason[1:]}; its trials go on elsewhere from their last rung.")

    def _findings(self) -> tuple[Finding, ...]:
        facts = self.engines.facts
        return find_in_tokens(
            facts.unknown_token_share,
            facts.truncated_share,
            self.prepared.max_length,
            writes=facts.prompts is not None,
            controls=facts.control_rows,
        )

    def _describe_data(self) -> None:
        facts = self.engines.facts
        for finding in self._findings():
            self.progress.note(finding.advice)
        self.run.write_data(
            record(
                self.prepared.dataset,
                seed=self.prepared.request.seed,
                max_length=self.prepared.max_length,
                token_lengths=facts.token_lengths,
                truncated_share=facts.truncated_share,
                unknown_token_share=facts.unknown_token_share,
                extra_findings=self._findings(),
            )
        )

    def _plan(self) -> Plan:
        """Return the plan, made by an earlier process or now, and say it."""
        made, work = plan_of(self.run), measured_work(self.prepared, self.engines)
        sizes, budget = sizes_of(self.prepared.dataset), self.clock.budget_seconds
        if made is None:
            spent = self.clock.spent()
            made = plan.everything(sizes) if work is None else plan.make(budget, sizes, work, begun=spent)
            self._event("plan", **as_event(made))
        self.clock.follow(made, work)
        self.progress.note(plan.in_words(made, budget))
        if too_fine := planned_margin(
            self.prepared.request.limits,
            self.prepared.metric,
            self.prepared.dataset,
            validation=made.confirm.validation,
            test=made.test,
        ):
            self.progress.note(too_fine)
        return made

    def _explore(self, planned: Plan) -> tuple[TrialRecord, ...]:
        wanted = self.prepared.request
        splits, validation = self.portions.explored(planned, self.engines)
        ledger = open_ledger(self.run.path, seed=wanted.seed, direction=self.prepared.guide.direction)
        self.run.write_trials(ledger.records())  # readers' copy: behind by a kill, or damaged
        self.progress.stage("Searching")
        self._event("explore", trials=wanted.budget.trials)

        def listen(event: str, trial: TrialRecord) -> None:
            if event == "ended":
                self.run.write_trials(ledger.records())
                self._event("trial", number=trial.number, state=trial.state)
            self.clock.learn(trial)
            self.progress.trial(event, trial, wanted.budget.trials)

        trials = explore(
            Exploration(
                space=self.prepared.space,
                problem=problem_of(self.prepared.dataset),
                metric=self.prepared.guide,
                limits=wanted.limits,
                trials=wanted.budget.trials,
                deadline=self.clock.exploring_ends,
                last_moment=lambda: self.clock.start + self.clock.budget_seconds,
                seed=wanted.seed,
                first_suggestions=wanted.first_suggestions,
                splits=splits,
            ),
            ledger=ledger,
            engines=self.engines,
            validation=validation,
            run=self.run.path,
            scratch=self.scratch,
            listener=listen,
            note=self.progress.note,
        )
        ledger.close()
        self.run.write_trials(trials)
        return trials

    def _confirm(self, trials: tuple[TrialRecord, ...], planned: Plan) -> Confirmed:
        self.progress.stage("Training finalists and baselines on fresh seeds")
        now = confirming_of(self.run) or self.clock.confirming()
        self._event("confirm", **as_event(now))
        if now != planned.confirm or now.depth != plan.DEPTHS[0]:
            self.progress.note(plan.confirming_in_words(now, planned))
        wanted, fixed = self.prepared.request, self.prepared.space.fixed
        self.used_rows = self.portions.confirmed(planned, now, self.engines)
        confirmation = Confirmation(
            dataset=self.used_rows,
            metric=self.prepared.metric,
            costs=self.engines.facts.costs,
            trainer=self.engines,
            folder=self.run.path / store.CONFIRM_DIR,
            seed=wanted.seed,
            slots_per_engine=self.engines.facts.slots,
            required=wanted.limits,
            baselines=wanted.baselines,
            baseline_seeds=now.depth.baseline_seeds,
            every_seed=planned.every_seed,
            seconds_left=lambda: self._seconds_left(planned),
            out_of_time=lambda: self.clock.left_before(planned.closing_seconds, fitted_rows=now.train) <= 0,
            settled=settled_of(self.run),
            on_settled=lambda trained: self._event("settled", trained=trained),
            on_trained=self.progress.confirming,
            on_test_opened=self._open_test,
        )
        chosen = finalists(trials, self.prepared.guide, now.depth.finalists)
        if not chosen:
            self.progress.note("No trial was trained in full; there is nothing to confirm but the baselines.")
        return confirmation.run(
            chosen, epochs=float(fixed.get("epochs", 3.0)), batch_size=int(fixed.get("batch_size", 16))
        )

    def _with_sensitivity(self, confirmed: Confirmed, planned: Plan) -> Confirmed:
        """Train the chosen configuration on fewer rows and, where all is wanted, on wrong labels, if there is time."""
        chosen, wish = confirmed.chosen, self.prepared.request.baselines
        if chosen is None or chosen.config is None or wish == "none":
            return confirmed
        seeds = [s.seed for s in chosen.seeds]
        guide, scores = self.prepared.guide, confirmed.scores
        if guide != self.prepared.metric:  # answers are not written for this; their losses are known
            scores = CandidateScores.of(self.used_rows, guide.name, seeds)
        sensitivity = Sensitivity(
            dataset=self.used_rows,
            scores=scores,
            trainer=self.engines,
            folder=self.run.path / store.CONFIRM_DIR,
            name=chosen.name,
            config=chosen.config,
            seeds=seeds if wish == "all" else seeds[:1],
            slots_per_engine=self.engines.facts.slots,
        )
        return replace(
            confirmed,
            record=sensitivity.noted(
                confirmed.record,
                wrong_labels=wish == "all",
                training_seconds=chosen.seconds / len(seeds),
                seconds_left=lambda: self._seconds_left(planned),
            ),
        )

    def _seconds_left(self, planned: Plan) -> float:
        """Return what is left of the budget before the rest must begin."""
        return self.clock.left_before(planned.closing_seconds)

    def _open_test(self, seal: str) -> None:
        """Keep that the test split is opened, once for one choice; who goes on after a kill opens nothing anew.

        Raises:
            RunFolderError: If it was opened for another choice.
        """
        opened = [event for event in self.run.events() if event.get("event") == "test_opened"]
        if opened and opened[-1].get("seal") == seal:
            return
        if opened and not self.reopen_test:
            raise RunFolderError(
                f"the test split of {str(self.run.path)!r} was opened at {opened[-1].get('at')} for another choice, and"
                " test scores that were seen before can no longer judge fairly",
                "search again with fresh test rows (--test), or go on with --resume --reopen-test, which the report"
                " will say for ever",
            )
        self._event("test_opened", seal=seal)
