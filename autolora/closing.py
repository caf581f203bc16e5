"""What follows the confirmation: what was said of the test rows is kept, and the chosen adapter packed and tested.

Knows the engines of a search, its run folder and what was confirmed; decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from autolora import answered, bundle, robustness, store, summary
from autolora.confirm import Confirmed
from autolora.engine import general
from autolora.engine.measure_call import measured_peak
from autolora.plan import Plan
from autolora.prepared import Prepared
from autolora.records import Candidate, Dataset, GeneralText, PredictionsRecord, Recommendation, TrialRecord
from autolora.records.robustness import RobustnessRecord
from autolora.search.engines import Engines
from autolora.self_test import SelfTest
from autolora.tasks.problems import problem_of
from autolora.trainings import update_norms
from autolora.verdict import Choice, kept_default

_LANGUAGE_ROWS = 50
"""Test rows by which their language is told."""


@dataclass(frozen=True, kw_only=True)
class Closing:
    """The last part of one search."""

    run: store.RunFolder
    prepared: Prepared
    engines: Engines
    used_rows: Dataset
    """Those that were confirmed and tested on."""
    planned: Plan
    stage: Callable[[str], None]
    """Is told what is being done."""

    def keep(self, confirmed: Confirmed) -> None:
        """Keep what was found beside the scores: answers or predictions, and how these bear noise."""
        self._keep_answers(confirmed)
        self._keep_predictions(confirmed)
        self._keep_robustness(confirmed)

    def _keep_answers(self, confirmed: Confirmed) -> None:
        """Keep what was answered to the test rows, where answers are written."""
        if not confirmed.written:
            return
        chosen = () if confirmed.chosen is None else (confirmed.chosen.name,)
        forgetting = None
        if self.engines.facts.prompts is not None and not self.engines.facts.prompts.in_pairs:
            language = general.language_of("".join(self.used_rows.test.texts[:_LANGUAGE_ROWS]))
            asked = {n: a for n, a in confirmed.first_adapters.items() if n in (*chosen, "default_lora", "zero_shot")}
            losses = self.engines.general_losses(list(asked.values()), general.paragraphs(language))
            forgetting = GeneralText(text=general.name_of(language), losses=dict(zip(asked, losses, strict=True)))
        self.run.write_answers(
            answered.record(
                self.used_rows.test,
                confirmed.written,
                losses=confirmed.losses,
                chat=self.prepared.dataset.chat,
                shown=(*chosen, "default_lora", "few_shot", "zero_shot"),
                forgetting=forgetting,
            )
        )

    def _keep_predictions(self, confirmed: Confirmed) -> None:
        """Keep what is said of the test rows, where they are labelled."""
        if not confirmed.predictions:
            return
        test, chosen = self.used_rows.test, confirmed.chosen
        updates = {}
        if chosen is not None and chosen.config is not None and chosen.name in confirmed.ships:
            updates = update_norms(confirmed.ships[chosen.name].adapter, chosen.config.scaling)
        self.run.write_predictions(
            PredictionsRecord(
                row_ids=test.row_ids,
                truth=test.labels,
                lengths=tuple(map(len, test.texts)),
                predicted={name: problem_of(self.used_rows).labels(own) for name, own in confirmed.predictions.items()},
                updates=updates,
                slices=test.slices,
            )
        )

    def _keep_robustness(self, confirmed: Confirmed) -> None:
        """Keep how the chosen adapter and the default do on test rows with noise, or why that was left out."""
        if confirmed.chosen is None:
            return
        left_out = robustness.why_not(self.used_rows.problem, planned=self.planned.noise)
        if left_out:
            self.run.write_robustness(RobustnessRecord(left_out=left_out))
            return
        self.stage("Scoring test rows with noise")
        tested = [
            robustness.Subject(
                name=it.name,
                adapter=adapter,
                threshold=it.seeds[0].threshold,
                predictions=confirmed.predictions[it.name],
            )
            for it in confirmed.record.candidates
            if (adapter := confirmed.first_adapters.get(it.name)) is not None
        ]
        self.run.write_robustness(
            robustness.under_noise(
                self.used_rows, self.prepared.metric.name, tested, self.engines, seed=self.prepared.request.seed
            )
        )

    def _packed(self, confirmed: Confirmed, candidate: Candidate, choice: Choice, folder: str) -> SelfTest:
        """Pack a candidate's first seed into a folder of the run folder, and test it in plain PEFT."""
        assert candidate.config is not None
        assert candidate.validation is not None
        assert candidate.test is not None
        assert candidate.test_ci95 is not None
        first = confirmed.ships[candidate.name]
        return bundle.write(
            bundle.Contents(
                name=self.prepared.request.name,
                config=candidate.config,
                weights=first.adapter,
                facts=self.engines.facts,
                dataset=first.rows,
                metric=self.prepared.metric.name,
                threshold=candidate.seeds[0].threshold,
                max_length=self.prepared.max_length,
                seed=candidate.seeds[0].seed,
                validation=candidate.validation,
                test=candidate.test,
                test_ci95=candidate.test_ci95,
                verdict=choice.verdict,
                checked=self.planned.checked,
                writing=self._writing(confirmed, candidate),
            ),
            self.run.path / folder,
            base_folder=self.prepared.checkpoint.folder,
            engine_outputs=first.test_outputs,
        )

    def _writing(self, confirmed: Confirmed, candidate: Candidate) -> bundle.Writing | None:
        """Return what a bundle needs of answers, where they are written."""
        prompts, closed = self.engines.facts.prompts, self.prepared.closed
        if prompts is None:
            return None
        return bundle.Writing(
            prompts=prompts,
            closed=closed,
            rows=self.engines.token_rows("test", self.used_rows.test, closed=closed),
            losses=confirmed.losses[candidate.name],
        )

    def recommendation(
        self,
        trials: tuple[TrialRecord, ...],
        confirmed: Confirmed,
        choice: Choice,
        *,
        spent: Callable[[], float],
        drawn: Callable[[], float | None],
    ) -> Recommendation:
        """Pack the chosen adapter, test it in plain PEFT, and return the recommendation.

        Args:
            trials: All that were explored.
            confirmed: What was confirmed.
            choice: The verdict on it.
            spent: Returns the seconds of the whole search so far.
            drawn: Returns its kilowatt hours, None where nothing counts them.
        """
        chosen, facts = confirmed.chosen, self.engines.facts
        measured = tested = None
        if chosen is not None and chosen.config is not None and chosen.name in confirmed.ships:
            self.stage("Packing the adapter and testing it in plain PEFT")
            tested = self._packed(confirmed, chosen, choice, store.BUNDLE)
            measured = measured_peak(self.prepared.checkpoint.folder, chosen.config, facts)
        scored = {each.name: each for each in confirmed.record.candidates}
        validation = {name: scored[name].validation for name in confirmed.ships}  # a first seed may have failed
        kept = kept_default(choice.verdict, validation, self.prepared.metric)
        if kept and scored[kept].config != (None if chosen is None else chosen.config):
            self.stage("Packing the default's adapter, which the verdict keeps")
            tested = self._packed(confirmed, scored[kept], choice, store.KEPT_DEFAULT)
        return summary.recommendation(
            request=self.prepared.request,
            trials=trials,
            confirmed=confirmed,
            choice=choice,
            kept=kept,
            metric=self.prepared.metric,
            guide=self.prepared.guide,
            facts=facts,
            dataset=self.prepared.dataset,
            used=self.used_rows,
            seconds=spent(),
            kilowatt_hours=drawn(),
            measured_memory=measured,
            calibration=None if tested is None else tested.calibration,
            rates=self.prepared.space.rates,
        )
