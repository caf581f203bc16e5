"""The whole way in order: check, explore, confirm, recommend, bundle, report. What CLI, service and portfolio call.

Everything that can be wrong with a request is found before the run folder is made; from then on every step is kept
there, so that a search that was killed goes on where it was.
"""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Protocol

from autolora import bundle, request, results, space, store
from autolora.budget import PLANS, Clock, confirm_plan_of, seconds_used
from autolora.confirm import SEEDS, Confirmation, Confirmed
from autolora.data import READ_OTHERWISE, find_in_tokens, prepare, record
from autolora.engine.checkpoint import Checkpoint, find
from autolora.engine.measure_call import measured_peak
from autolora.engine.start import EngineFacts, EngineSpec
from autolora.errors import DataError, RunFolderError, SpaceError
from autolora.objectives import Objective
from autolora.pages import engineer_page
from autolora.recommend import Choice, finalists, judge
from autolora.records import Dataset, Finding, Recommendation, TrialRecord
from autolora.request import Request
from autolora.results import SearchRecord
from autolora.search.cluster import Engines, open_cluster, open_engines
from autolora.search.explore import Exploration, explore, slots_per_engine
from autolora.search.study_file import open_ledger
from autolora.space import Space
from autolora.summary import recommendation
from autolora.tasks.metrics import objective


class Progress(Protocol):
    """Is told how a search goes."""

    def stage(self, text: str) -> None:
        """A part of the way begins."""

    def trial(self, event: str, trial: TrialRecord, total: int) -> None:
        """A trial was started, reached a rung, or ended."""

    def confirming(self, done: int, total: int) -> None:
        """Another full training of a finalist or baseline ended."""

    def note(self, text: str) -> None:
        """Something the user should know."""


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    """A request whose parts were found and checked."""

    request: Request
    space: Space
    metric: Objective
    checkpoint: Checkpoint
    dataset: Dataset

    @property
    def max_length(self) -> int:
        return int(self.space.fixed["max_length"])


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
    progress.stage("Reading the data")
    prepared = _prepare(wanted)
    return _run(prepared, out, progress)


def resume(out: Path, *, progress: Progress) -> SearchRecord:
    """Go on with a search that ended before it was done; a finished one is only read.

    Raises:
        RunFolderError: If there is no search in the folder, or another process works on it.
        DataError: If the data are not those that the search began with.
    """
    run = store.RunFolder.existing(out)
    if run.is_done:
        progress.note(f"The search in {out} is finished; nothing was done.")
        return _read_finished(run)
    progress.stage("Reading the data")
    prepared = _prepare(request.read(out / store.TASK))
    known = run.data()
    if known is not None and known.hash != prepared.dataset.hash:
        raise DataError(
            f"the data have changed since the search began: {prepared.dataset.hash[:19]}… is not {known.hash[:19]}…",
            "bring back the file as it was, or start a new search",
        )
    with run.owned():  # before the engine starts: a second process is told at once
        return _run(prepared, out, progress, held=run)


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


def _prepare(wanted: Request) -> _Prepared:
    return _Prepared(
        request=wanted,
        metric=objective(wanted.metric),
        space=space.load(wanted.space),
        checkpoint=find(wanted.base_model, base_id=wanted.base_id),
        dataset=prepare(wanted.data, seed=wanted.seed),
    )


def _run(prepared: _Prepared, out: Path, progress: Progress, *, held: store.RunFolder | None = None) -> SearchRecord:
    """Go the whole way in a new run folder, or in one that is held already."""
    begun = time.monotonic()
    dataset = prepared.dataset
    for finding in dataset.findings:
        if finding.severity == "warning" or finding.code in READ_OTHERWISE:
            progress.note(finding.message)
    progress.stage("Starting the engine")
    spec = EngineSpec(
        folder=str(prepared.checkpoint.folder),
        base_id=prepared.checkpoint.id,
        classes=dataset.classes,
        metric=prepared.metric.name,
        max_length=prepared.max_length,
        train=dataset.train,
        validation=dataset.validation,
        precision=prepared.request.precision,
        choices=(*_pairs(prepared.space), ("attention_qv", "all")),
    )
    with open_cluster(prepared.request.address) as scratch, open_engines(spec) as engines:
        _check_limits(prepared, engines.facts)
        run = held or store.RunFolder.create(out, request.as_yaml(prepared.request))
        with contextlib.nullcontext() if held else run.owned():
            used = seconds_used(run) if held else 0.0
            way = _Way(
                run=run, prepared=prepared, engines=engines, scratch=scratch, progress=progress, begun=begun, used=used
            )
            try:
                way.go(resumed=held is not None)
            except KeyboardInterrupt:
                with contextlib.suppress(KeyboardInterrupt):  # asked twice: then it need not be kept
                    way.drain()
                raise
    return results.read(out)


def _pairs(it: Space) -> tuple[tuple[object, object], ...]:
    """Return every pair of modules and layers that the space can ask for."""

    def values(name: str) -> tuple[object, ...]:
        parameter = it.parameters.get(name)
        return tuple(parameter.values) if parameter is not None else (it.fixed[name],)  # type: ignore[union-attr]

    return tuple(product(values("target_modules"), values("layers")))


def _check_limits(prepared: _Prepared, facts: EngineFacts) -> None:
    """Refuse limits that no configuration of the space keeps.

    Raises:
        SpaceError: Naming the least that the space can do.
    """
    it, limits = prepared.space, prepared.request.limits
    rank = it.parameters.get("rank")
    least_rank = it.fixed["rank"] if rank is None else min(rank.values) if hasattr(rank, "values") else rank.low
    batch = it.parameters.get("batch_size")
    least_batch = (
        it.fixed["batch_size"] if batch is None else min(batch.values) if hasattr(batch, "values") else batch.low
    )
    some = {name: p.values[0] if hasattr(p, "values") else p.low for name, p in it.parameters.items()}
    configs = [
        facts.costs.config(
            it.fixed | some | {"rank": least_rank, "batch_size": least_batch, "target_modules": m, "layers": layers}
        )
        for m, layers in _pairs(it)
    ]
    params = min(facts.costs.trainable_params(c) for c in configs)
    memory = min(facts.costs.peak_memory_bytes(c) for c in configs)
    if limits.max_params is not None and params > limits.max_params:
        raise SpaceError(
            f"max_params is {limits.max_params:,}, but the smallest adapter of the space {it.name!r} trains {params:,}",
            "raise max_params, or search a space with lower ranks or fewer layers",
        )
    if limits.max_memory is not None and memory > limits.max_memory:
        raise SpaceError(
            f"max_memory is {limits.max_memory:,} bytes, but the least that the space {it.name!r} needs is {memory:,}",
            "raise max_memory, or search a space with fewer layers or a smaller batch",
        )


@dataclass
class _Way:
    """One process's walk along the way."""

    run: store.RunFolder
    prepared: _Prepared
    engines: Engines
    scratch: Path
    progress: Progress
    begun: float
    """``time.monotonic()`` at the start of this process's part."""
    used: float
    """Seconds that earlier processes spent on the same search."""

    def __post_init__(self) -> None:
        """Start the clock of the budget."""
        minutes = self.prepared.request.budget.minutes
        self.clock = Clock(start=self.begun - self.used, budget_seconds=math.inf if minutes is None else minutes * 60)

    def go(self, *, resumed: bool) -> None:
        self._event("resumed" if resumed else "started", device=self.engines.facts.device)
        self._describe_data()
        trials = self._explore()
        confirmed = self._confirm(trials)
        self.run.write_confirm(confirmed.record)
        choice = judge(
            confirmed.chosen, confirmed.record, self.prepared.metric, self.prepared.request.limits, self._findings()
        )
        final = self._bundle(trials, confirmed, choice)
        self.run.write_recommendation(final)
        self.progress.stage("Writing the report")
        self.run.write_report(engineer_page(results.read(self.run.path)))
        self._event("done", verdict=final.verdict)
        self.run.write_done()

    def drain(self) -> None:
        """Keep where every trial stands, so that a resumed search goes on from there."""
        self.progress.stage("Stopping: keeping where every trial stands")
        self._event("interrupted", kept=self.engines.drain())

    # ---------------------------------------------------------------------------------------------------------- parts

    def _event(self, kind: str, **details: Any) -> None:
        """Keep what happened, with the seconds that all processes have worked on the search by then."""
        self.run.event(kind, spent=round(self.clock.spent(), 1), **details)

    def _findings(self) -> tuple[Finding, ...]:
        facts = self.engines.facts
        return find_in_tokens(facts.unknown_token_share, facts.truncated_share, self.prepared.max_length)

    def _describe_data(self) -> None:
        facts = self.engines.facts
        for finding in self._findings():
            self.progress.note(finding.message)
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

    def _explore(self) -> tuple[TrialRecord, ...]:
        wanted = self.prepared.request
        ledger = open_ledger(self.run.path, seed=wanted.seed)
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
                metric=self.prepared.metric,
                limits=wanted.limits,
                trials=wanted.budget.trials,
                deadline=self.clock.exploring_ends,
                seed=wanted.seed,
                first_suggestions=wanted.first_suggestions,
            ),
            ledger=ledger,
            engines=self.engines,
            validation=self.prepared.dataset.validation,
            run=self.run.path,
            scratch=self.scratch,
            listener=listen,
            note=self.progress.note,
        )
        ledger.close()
        self.run.write_trials(trials)
        return trials

    def _confirm(self, trials: tuple[TrialRecord, ...]) -> Confirmed:
        self.progress.stage("Training finalists and baselines on fresh seeds")
        plan = confirm_plan_of(self.run) or self.clock.confirm_plan()
        self._event("confirm", finalists=plan.finalists, baseline_seeds=plan.baseline_seeds)
        if plan != PLANS[0]:
            self.progress.note(
                f"Time is short: up to {plan.finalists} finalists on {SEEDS} seeds, baselines on {plan.baseline_seeds}."
            )
        wanted, fixed = self.prepared.request, self.prepared.space.fixed
        confirmation = Confirmation(
            dataset=self.prepared.dataset,
            metric=self.prepared.metric,
            costs=self.engines.facts.costs,
            trainer=self.engines,
            folder=self.run.path / store.CONFIRM_DIR,
            seed=wanted.seed,
            slots_per_engine=slots_per_engine(self.engines.facts),
            required=wanted.limits,
            baseline_seeds=plan.baseline_seeds,
            on_trained=self.progress.confirming,
            on_test_opened=lambda: self._event("test_opened"),
        )
        chosen = finalists(trials, self.prepared.metric, plan.finalists)
        if not chosen:
            self.progress.note("No trial was trained in full; there is nothing to confirm but the baselines.")
        return confirmation.run(
            chosen, epochs=float(fixed.get("epochs", 3.0)), batch_size=int(fixed.get("batch_size", 16))
        )

    def _bundle(self, trials: tuple[TrialRecord, ...], confirmed: Confirmed, choice: Choice) -> Recommendation:
        chosen, facts = confirmed.chosen, self.engines.facts
        measured = None
        if chosen is not None and chosen.config is not None and confirmed.adapter is not None:
            self.progress.stage("Packing the adapter and testing it in plain PEFT")
            assert confirmed.test_predictions is not None
            assert chosen.validation is not None
            assert chosen.test is not None
            assert chosen.test_ci95 is not None
            bundle.write(
                bundle.Contents(
                    name=self.prepared.request.name,
                    config=chosen.config,
                    weights=confirmed.adapter,
                    facts=facts,
                    dataset=self.prepared.dataset,
                    metric=self.prepared.metric.name,
                    max_length=self.prepared.max_length,
                    seed=chosen.seeds[0].seed,
                    validation=chosen.validation,
                    test=chosen.test,
                    test_ci95=chosen.test_ci95,
                    verdict=choice.verdict,
                ),
                self.run.path / store.BUNDLE,
                base_folder=self.prepared.checkpoint.folder,
                engine_predictions=confirmed.test_predictions,
            )
            measured = measured_peak(self.prepared.checkpoint.folder, chosen.config, facts)
        return recommendation(
            request=self.prepared.request,
            trials=trials,
            confirmed=confirmed,
            choice=choice,
            metric=self.prepared.metric,
            facts=facts,
            dataset=self.prepared.dataset,
            seconds=self.clock.spent(),
            measured_memory=measured,
        )
