"""One task's walk along the way: explore, confirm, recommend, bundle, report; in parts that others may come between.

Every step is kept in the run folder, so that a search that was killed goes on where it was. Knows one task; who starts
engines, and what else is explored meanwhile, is decided above.
"""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from autolora import past, plan, results, store
from autolora.budget import Clock, as_event, confirming_of, plan_of, settled_of
from autolora.candidate_scores import CandidateScores
from autolora.closing import Closing
from autolora.confirm import Confirmation, Confirmed
from autolora.data import find_in_tokens, record
from autolora.errors import RunFolderError
from autolora.folder import now
from autolora.likeness import likeness_of
from autolora.margins import planned_margin
from autolora.pages import engineer_page
from autolora.plan import Plan
from autolora.portions import Portions, sizes_of
from autolora.prepared import Prepared
from autolora.recommend import finalists
from autolora.records import Finding, TrialRecord
from autolora.records.past import Likeness, PastSearch
from autolora.search.board import Board
from autolora.search.engines import Engines
from autolora.search.explore import Exploration, board_of
from autolora.search.ledger import Ledger
from autolora.search.study_file import open_ledger
from autolora.sensitivity import Sensitivity
from autolora.starting import measured_work
from autolora.tasks.problems import problem_of
from autolora.verdict import judge

if TYPE_CHECKING:
    from autolora.search.elsewhere import Elsewhere

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


class Draws(Protocol):
    """Says what a search has drawn."""

    def kilowatt_hours(self) -> float | None:
        """Return it, all processes together; None where nothing counts."""


@dataclass(kw_only=True)
class Way:
    """One process's walk along the way."""

    run: store.RunFolder
    prepared: Prepared
    portions: Portions
    engines: Engines
    progress: Progress
    clock: Clock
    meter: Draws
    reopen_test: bool = False
    """Whether the test split may be opened for a second choice."""
    suggestions: tuple[dict[str, Any], ...] = ()
    """Settings to try first, members of the space."""
    elsewhere: Elsewhere | None = None
    """What earlier searches let one expect."""
    explores_until: Callable[[], float] | None = None
    """``time.monotonic()`` at which exploring ends; what the clock says unless given."""
    enough: Callable[[], bool] = lambda: False
    """Whether no further trial is worth starting."""
    tick: Callable[[], None] = lambda: None
    """Is called all the while; what it raises ends the way."""
    together: bool = False
    """Whether others are explored at the same time: what counts then is the device time of its own trials."""
    planned: Plan = field(init=False)
    _ledger: Ledger = field(init=False)
    _board: Board | None = field(init=False, default=None)
    _counted: dict[int, float] = field(init=False, default_factory=dict)
    """Trial → its device time that the clock has counted."""

    def __post_init__(self) -> None:
        """Listen for what happens to the engines."""
        self.engines.on_loss(self._note_loss)
        if not math.isinf(self.clock.budget_seconds):
            self.progress.budget(lambda: self.clock.left_in_words(self.prepared.request))

    def begin(self, *, resumed: bool) -> None:
        """Describe the data, and make the plan unless an earlier process has."""
        self._event("resumed" if resumed else "started", device=self.engines.facts.device)
        self._describe_data()
        self.planned = self._plan()

    def board(self) -> Board:
        """Return the board of what is explored, which has taken up what earlier processes left."""
        wanted = self.prepared.request
        splits, validation = self.portions.explored(self.planned, self.engines)
        self._ledger = open_ledger(self.run.path, seed=wanted.seed, direction=self.prepared.guide.direction)
        records = self._ledger.records()
        self._counted = {record.number: record.seconds for record in records}
        self.run.write_trials(records)  # readers' copy: behind by a kill, or damaged
        self.progress.stage("Searching")
        self._event("explore", trials=wanted.budget.trials)
        self._board = board_of(
            Exploration(
                space=self.prepared.space,
                problem=problem_of(self.prepared.dataset),
                metric=self.prepared.guide,
                limits=wanted.limits,
                trials=wanted.budget.trials,
                deadline=self.explores_until or self.clock.exploring_ends,
                last_moment=self.clock.ends,
                enough=self.enough,
                seed=wanted.seed,
                suggestions=self.suggestions,
                elsewhere=self.elsewhere,
                first_suggestions=wanted.first_suggestions,
                splits=splits,
            ),
            ledger=self._ledger,
            engines=self.engines,
            validation=validation,
            run=self.run.path,
            listener=self._listen,
            note=self.progress.note,
        )
        return self._board

    def learn_from(self, searches: Sequence[PastSearch]) -> dict[str, int]:
        """Have what earlier searches found tried first; return how many suggestions came from which task."""
        # Takes a second to import, which a search without a memory need not wait for.
        from autolora.search.elsewhere import Elsewhere
        from autolora.search.transfer import suggestions

        others = [each for each in searches if each.data_hash != self.prepared.dataset.hash]
        self.elsewhere = Elsewhere.of(self.prepared.space, self.likeness, others)
        found = suggestions(self.prepared.space, self.engines.facts.costs, self.elsewhere)
        self.suggestions = tuple(each.params for each in found)
        return dict(Counter(each.source for each in found))

    @cached_property
    def likeness(self) -> Likeness:
        """What the task is like."""
        return likeness_of(self.prepared.dataset, self.prepared.metric.name, self.engines.facts.token_lengths)

    def past(self) -> PastSearch:
        """Return what a memory keeps of it, as far as it has been explored."""
        assert self._board is not None, "it was never explored"
        facts = self.engines.facts
        return PastSearch(
            name=self.prepared.request.name,
            at=now(),
            data_hash=self.prepared.dataset.hash,
            base_id=facts.base_id,
            base_hash=facts.base_hash,
            layers=sum(stack.depth for stack in facts.stacks),
            metric=self.prepared.guide.name,
            likeness=self.likeness,
            trials=past.trials_of(self.records(), self.prepared.guide, self._board.judge.floor),
        )

    def explored(self) -> None:
        """Take in that nothing more is explored."""
        trials = self._ledger.records()
        self._ledger.close()
        self.run.write_trials(trials)

    def finish(self) -> None:
        """Confirm, judge, bundle and report."""
        trials = self.run.trials()
        confirmed = self._with_sensitivity(self._confirm(trials))
        self.run.write_confirm(confirmed.record)
        closing = Closing(
            run=self.run,
            prepared=self.prepared,
            engines=self.engines,
            used_rows=self.used_rows,
            planned=self.planned,
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
        self.interrupted(self.engines.drain())

    def interrupted(self, kept: int) -> None:
        """Note that the process ends, with the states of so many trials kept."""
        self._event("interrupted", kept=kept)

    def records(self) -> tuple[TrialRecord, ...]:
        """Return the trials as they stand while they are explored."""
        return self._ledger.records()

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

    def _listen(self, event: str, trial: TrialRecord) -> None:
        """Take in what is heard of a trial."""
        self.tick()
        if self.together:
            self.clock.watch.add(trial.seconds - self._counted.get(trial.number, 0.0))
            self._counted[trial.number] = trial.seconds
        if event == "ended":
            self.run.write_trials(self._ledger.records())
            self._event("trial", number=trial.number, state=trial.state)
        self.clock.learn(trial)
        self.progress.trial(event, trial, self.prepared.request.budget.trials)

    def _confirm(self, trials: tuple[TrialRecord, ...]) -> Confirmed:
        planned = self.planned
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
            seconds_left=self._seconds_left,
            out_of_time=lambda: self._is_out_of_time(fitted_rows=now.train),
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

    def _with_sensitivity(self, confirmed: Confirmed) -> Confirmed:
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
                seconds_left=self._seconds_left,
            ),
        )

    def _is_out_of_time(self, *, fitted_rows: int) -> bool:
        """Return whether the rest must begin now; asked twice a second while finalists are trained."""
        self.tick()
        return self.clock.left_before(self.planned.closing_seconds, fitted_rows=fitted_rows) <= 0

    def _seconds_left(self) -> float:
        """Return what is left of the budget before the rest must begin."""
        self.tick()
        return self.clock.left_before(self.planned.closing_seconds)

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
