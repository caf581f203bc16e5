from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from sklearn.metrics import accuracy_score, f1_score

from autolora import confirm, grids
from autolora.confirm import Confirmation, Confirmed
from autolora.engine import baselines
from autolora.engine.jobs import array_of
from autolora.grids import DEFAULT_RATE, RATE_GRID, default_config
from autolora.objectives import metric_named
from autolora.records import TrialRecord, TrialState, from_json, to_json
from autolora.request import Limits
from autolora.seed_splits import SeedSplit
from autolora.tasks.metrics import RESAMPLES
from autolora.tasks.problems import problem_of
from autolora.trainings import Trained
from tests.confirm.confirming import SEED, by_name, run
from tests.in_process import InProcessTrainer, finalist

pytestmark = pytest.mark.tiny


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A confirmation in which every adapter was trained for long enough to learn."""

    confirmed: Confirmed
    folder: Path
    finalists: tuple[TrialRecord, ...]
    log: tuple[tuple[str, str], ...]

    def weights(self, candidate, at: int = 1):
        stored = "default_lora" if candidate.config.learning_rate == DEFAULT_RATE else candidate.name
        if candidate.name in ("rate_grid", "head_only") and stored != "default_lora":
            stored = f"{candidate.name.split('_')[0]}_{candidate.config.learning_rate:g}"
        return load_file(self.folder / f"{stored}-{SEED + at}.safetensors")


@pytest.fixture(scope="module")
def whole(started, tiny_dataset, tmp_path_factory) -> Whole:
    engine, facts = started
    engine.splits.pop("test", None)
    trainer = InProcessTrainer(engine)
    costs, choose = facts.costs, confirm.choose
    finalists = (
        finalist(costs, 3, rank=4, epochs=6.0),
        finalist(costs, 8, modules="all_linear", layers="last_1", epochs=6.0),
    )

    def noted(candidates, *rest):
        seeds = [seed for candidate in candidates for seed in candidate.seeds]
        blind = all(one.test is None for one in (*candidates, *seeds)) and "test" not in engine.splits
        trainer.log.append(("choose", "without test" if blind else "with test"))
        return choose(candidates, *rest)

    folder = tmp_path_factory.mktemp("whole") / "confirm"
    it = Confirmation(
        dataset=tiny_dataset,
        metric=metric_named("accuracy"),
        costs=costs,
        trainer=trainer,
        folder=folder,
        seed=SEED,
        slots_per_engine=1,
        required=Limits(),
        on_test_opened=lambda seal: trainer.log.append(("open", "test")),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(confirm, "choose", noted)
        confirmed = run(it, finalists, epochs=3.0)
    trainer.runner.close()
    return Whole(confirmed=confirmed, folder=folder, finalists=finalists, log=tuple(trainer.log))


def fitted_by(fit, dataset):
    """Return a rival as it is fitted on the rows of the first seed."""
    own = SeedSplit.drawn(dataset, "accuracy", SEED + 1).of(dataset)
    return fit(problem_of(own), "accuracy", own.train, own.validation, own.test)


def test_finalists_and_baselines_are_confirmed_under_the_same_rules(whole, costs, tiny_dataset) -> None:
    found = by_name(whole.confirmed)

    assert list(found) == ["finalist_3", "finalist_8", "default_lora", "rate_grid", "head_only", "majority", "tfidf"]
    for name in ("finalist_3", "finalist_8", "default_lora", "rate_grid"):
        candidate = found[name]
        assert [seed.seed for seed in candidate.seeds] == [SEED + 1, SEED + 2, SEED + 3]
        assert candidate.validation == pytest.approx(np.mean([s.validation.value for s in candidate.seeds]))
        assert candidate.test == candidate.seeds[0].test.value
        assert candidate.test_ci95[0] <= candidate.test <= candidate.test_ci95[1]
        assert candidate.trainable_params == costs.trainable_params(candidate.config)
        assert 0 < candidate.validation_standard_error < 0.2
        assert candidate.seconds == pytest.approx(sum(seed.seconds for seed in candidate.seeds))
    assert [(found[f"finalist_{t.number}"].config, found[f"finalist_{t.number}"].trial) for t in whole.finalists] == [
        (t.config, t.number) for t in whole.finalists
    ]
    assert whole.confirmed.chosen.validation > 0.6, "something was learned"
    for name, fit in (("majority", baselines.constant), ("tfidf", baselines.tfidf)):
        fitted = fitted_by(fit, tiny_dataset)
        assert [seed.seed for seed in found[name].seeds] == [SEED + 1, SEED + 2, SEED + 3]
        assert found[name].test == accuracy_score(tiny_dataset.test.labels, fitted.test)
        assert found[name].config is None


def test_a_rate_that_another_beats_at_a_rung_is_stopped_and_no_candidate(
    confirmation, trainer, two, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(grids, "RATE_GRID", (DEFAULT_RATE, 2e-2, 6e-4))
    confirmed = run(confirmation(seconds_left=lambda: 0.0), two[:1], epochs=6.0)

    kept = {path.stem: from_json(path.read_bytes(), Trained) for path in (tmp_path / "confirm").glob("rate_*.json")}
    stopped = {stem: one for stem, one in kept.items() if one.state == TrialState.STOPPED}
    assert list(stopped) == [f"rate_0.0006-{SEED + 1}"]
    best = by_name(confirmed)["rate_grid"]
    for stem, one in stopped.items():
        assert " is better after " in one.cause
        assert not (tmp_path / "confirm" / f"{stem}.safetensors").exists()
        assert one.config != best.config
    assert [seed.state for seed in best.seeds] == [TrialState.COMPLETE] * 3

    before = len(trainer.trained())
    run(confirmation(seconds_left=lambda: 0.0), two[:1], epochs=6.0)
    assert len(trainer.trained()) == before, "what was stopped is not trained again"


def test_where_the_highest_rate_is_best_the_next_one_is_tried(
    confirmation, trainer, two, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(grids, "RATE_GRID", (DEFAULT_RATE, 6e-4, 2e-3))
    confirmed = run(confirmation(), two[:1], epochs=6.0)

    tried = {job.split()[1] for job in trainer.trained() if "rate_" in job}
    assert "rate_0.006" in tried, "2e-3 was the best of those before it"
    best = by_name(confirmed)["rate_grid"]
    assert best.config.learning_rate > 2e-3
    assert "0.006" in best.description
    assert len(best.seeds) == 3

    hurried = confirmation(folder=tmp_path / "hurried", seconds_left=lambda: 0.0)
    assert by_name(run(hurried, two[:1], epochs=6.0))["rate_grid"].config.learning_rate == 2e-3


def test_a_finalist_that_is_a_baseline_too_is_trained_once_and_is_both(
    confirmation, costs, trainer, two, tmp_path
) -> None:
    same = replace(two[0], config=default_config(costs, epochs=3.0, batch_size=8, rate=RATE_GRID[-1]))
    found = by_name(run(confirmation(seconds_left=lambda: 0.0), (same,), epochs=3.0))

    name, rate = f"finalist_{same.number}", f"rate_{RATE_GRID[-1]:g}"
    trained = [slot.split()[1] for slot in trainer.trained()]
    assert trained.count(name) == 3
    assert rate not in trained
    assert found["rate_grid"].config == found[name].config
    assert [one.validation for one in found["rate_grid"].seeds] == [one.validation for one in found[name].seeds]
    for at in (1, 2, 3):
        mine, other = (tmp_path / "confirm" / f"{one}-{SEED + at}.safetensors" for one in (name, rate))
        assert mine.read_bytes() == other.read_bytes()

    before = len(trainer.trained())
    run(confirmation(seconds_left=lambda: 0.0), (same,), epochs=3.0)
    assert len(trainer.trained()) == before


def test_the_default_is_what_people_take_without_a_search(costs) -> None:
    config = default_config(costs, epochs=2.0, batch_size=4)

    assert (config.rank, config.alpha, config.learning_rate, config.use_rslora) == (8, 16.0, 2e-4, False)
    assert config.target_modules == ("attention.self.query", "attention.self.value")
    assert config.layers == (0, 1)
    assert (config.epochs, config.batch_size) == (2.0, 4)


# --------------------------------------------------------------------------------------------------- the test split


def test_every_seed_is_validated_on_rows_of_its_own_the_same_for_all_candidates(whole, tiny_dataset) -> None:
    for at in (1, 2, 3):
        own = SeedSplit.drawn(tiny_dataset, "accuracy", SEED + at)
        for name in ("finalist_3", "finalist_8", "default_lora"):
            kept = from_json((whole.folder / f"{name}-{SEED + at}.json").read_bytes(), Trained)
            seed = by_name(whole.confirmed)[name].seeds[at - 1]
            assert seed.validation.value == accuracy_score(own.scorer.targets, array_of(kept.outputs))
    differences = whole.confirmed.record.validation_differences
    lead, low, high = differences["finalist_3"]["finalist_8"]
    assert low <= lead <= high
    assert differences["finalist_8"]["finalist_3"] == pytest.approx((-lead, -high, -low))
    assert whole.confirmed.record.rows == {"train": 96, "validation": 48, "test": 48}


def test_the_test_split_is_opened_once_and_only_after_everything_is_trained_and_chosen(whole) -> None:
    last_training = max(at for at, (what, _) in enumerate(whole.log) if what == "train")

    assert whole.log[last_training + 1 :] == (
        ("choose", "without test"),
        ("open", "test"),
        ("add_split", "test"),
        ("outputs", "test"),
    )
    assert whole.confirmed.record.test_opened_at.endswith("+00:00")


def test_other_test_labels_do_not_change_the_choice(whole, confirmation, trainer, tiny_dataset) -> None:
    test = replace(tiny_dataset.test, labels=tuple((label + 1) % 3 for label in tiny_dataset.test.labels))
    it = confirmation(dataset=replace(tiny_dataset, test=test), metric=metric_named("accuracy"), folder=whole.folder)

    other = run(it, whole.finalists, epochs=3.0)

    assert trainer.trained() == []
    assert other.chosen.name == whole.confirmed.chosen.name
    assert other.chosen.validation == whole.confirmed.chosen.validation
    assert other.chosen.test < whole.confirmed.chosen.test


def test_what_ships_is_the_first_seed_of_the_chosen_one(whole, trainer, tiny_dataset) -> None:
    confirmed, chosen = whole.confirmed, whole.confirmed.chosen
    first, second = (whole.weights(chosen, at) for at in (1, 2))

    ships = confirmed.ships[chosen.name]
    assert ships.adapter.keys() == first.keys()
    assert all(np.array_equal(ships.adapter[name], first[name]) for name in first)
    assert not any(np.array_equal(ships.adapter[name], second[name]) for name in first)
    trainer.add_split("test", tiny_dataset.test)
    (predicted,) = trainer.outputs([(chosen.config, first)], "test")
    assert np.array_equal(ships.test_outputs, predicted)
    assert chosen == by_name(confirmed)[chosen.name]


def test_the_defaults_adapters_could_ship_too_should_the_verdict_keep_them(whole) -> None:
    confirmed = whole.confirmed
    forms = {name: by_name(confirmed)[name] for name in ("default_lora", "rate_grid")}

    assert set(confirmed.ships) == {confirmed.chosen.name, *forms}
    rates = {name: form.config.learning_rate for name, form in forms.items()}
    assert rates["default_lora"] == 2e-4
    for form in forms.values():
        kept = confirmed.ships[form.name]
        own = problem_of(kept.rows).predictions(kept.test_outputs, form.seeds[0].threshold)
        assert accuracy_score(kept.rows.test.labels, own) == pytest.approx(form.test)


def test_paired_differences_are_those_of_the_same_rows_in_the_same_resamples(whole, trainer, tiny_dataset) -> None:
    confirmed, labels = whole.confirmed, np.asarray(tiny_dataset.test.labels)
    rows = len(labels)
    counts = np.random.default_rng([0, rows]).multinomial(rows, np.full(rows, 1 / rows), size=RESAMPLES)
    own = (confirmed.ships[confirmed.chosen.name].test_outputs == labels).astype(float)
    trainer.add_split("test", tiny_dataset.test)

    expected = {}
    for candidate in confirmed.record.candidates:
        if candidate.name == confirmed.chosen.name:
            continue
        if candidate.config is None:
            fit = {"majority": baselines.constant, "tfidf": baselines.tfidf}[candidate.name]
            theirs = fitted_by(fit, tiny_dataset).test
        else:
            (theirs,) = trainer.outputs([(candidate.config, whole.weights(candidate))], "test")
        difference = own.mean() - accuracy_score(labels, theirs)
        resampled = counts @ (own - (theirs == labels)) / rows
        expected[candidate.name] = (difference, *np.quantile(resampled, [0.025, 0.975]))

    found = confirmed.record.paired_test_differences
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, abs=1e-9), name
    assert found["majority"][0] > 0, "else this test shows little"


# ---------------------------------------------------------------------------------------------------------- rate grid


def test_the_rates_meet_on_one_seed_and_only_the_best_gets_the_other_two(whole, tiny_dataset) -> None:
    grid = by_name(whole.confirmed)["rate_grid"]

    def first_seed(rate: float) -> float:
        name = "default_lora" if rate == DEFAULT_RATE else f"rate_{rate:g}"
        kept = from_json((whole.folder / f"{name}-{SEED + 1}.json").read_bytes(), Trained)
        if not kept.is_complete:
            return 0.0
        return accuracy_score(
            SeedSplit.drawn(tiny_dataset, "accuracy", SEED + 1).scorer.targets, array_of(kept.outputs)
        )

    further = [rate for rate in (2e-2, 6e-2) if (whole.folder / f"rate_{rate:g}-{SEED + 1}.json").exists()]
    rates = [*RATE_GRID, *further]
    best = max(rates, key=first_seed)
    assert first_seed(best) > first_seed(DEFAULT_RATE), "else this test shows nothing"
    assert bool(further) == (max(RATE_GRID, key=first_seed) == RATE_GRID[-1])
    assert grid.config == replace(by_name(whole.confirmed)["default_lora"].config, learning_rate=best)
    assert grid.kind == "baseline"
    assert all(f"{rate:g}" in grid.description for rate in rates)
    assert sorted(slot for what, slot in whole.log if what == "train" and "rate_" in slot) == sorted(
        [f"confirm rate_{rate:g} {SEED + 1}" for rate in rates if rate != DEFAULT_RATE]
        + [f"confirm rate_{best:g} {SEED + at}" for at in (2, 3)]
    )


def test_where_the_defaults_own_rate_is_best_nothing_is_trained_twice(confirmation, trainer, monkeypatch) -> None:
    monkeypatch.setattr(grids, "RATE_GRID", (DEFAULT_RATE, 1e30))  # diverges at its second step

    found = by_name(run(confirmation(seconds_left=lambda: 0.0), ()))

    assert found["rate_grid"].config == found["default_lora"].config
    assert found["rate_grid"].seeds == found["default_lora"].seeds
    of_adapters = [slot for slot in trainer.trained() if "head" not in slot]
    assert sorted(of_adapters) == sorted(
        [f"confirm default_lora {SEED + at}" for at in (1, 2, 3)] + [f"confirm rate_1e+30 {SEED + 1}"]
    )


def test_all_baselines_are_trained_once_the_test_split_is_open_and_change_no_choice(
    whole, confirmation, trainer
) -> None:
    it = confirmation(metric=metric_named("accuracy"), folder=whole.folder, baselines="all", baseline_seeds=1)

    confirmed = run(it, whole.finalists, epochs=3.0)

    found = by_name(confirmed)
    assert list(found)[-4:] == ["majority", "tfidf", "prompt_tuning", "full_tuning"]
    assert [what for what, _ in trainer.log].index("solo") > trainer.log.index(("add_split", "test"))
    assert len([what for what, _ in trainer.log if what == "solo"]) == 6, "three rates each, on one seed"
    assert confirmed.chosen.name == whole.confirmed.chosen.name
    full = found["full_tuning"]
    assert full.test == accuracy_score(it.dataset.test.labels, confirmed.predictions["full_tuning"])
    assert full.trainable_params > 5 * found["default_lora"].trainable_params
    assert full.adapter_bytes == 4 * full.trainable_params
    assert confirmed.record.paired_test_differences["full_tuning"][0] == pytest.approx(
        confirmed.chosen.test - full.test
    )
    assert confirmed.record.left_out == {}


def test_a_baseline_that_there_is_no_time_for_is_named_with_the_reason(whole, confirmation, trainer) -> None:
    it = confirmation(metric=metric_named("accuracy"), folder=whole.folder, baselines="all", seconds_left=lambda: 0.0)
    for path in whole.folder.glob("*_tuning_*"):
        path.unlink()

    confirmed = run(it, whole.finalists, epochs=3.0)

    assert list(confirmed.record.left_out) == ["prompt_tuning", "full_tuning"]
    assert "0 s were left" in confirmed.record.left_out["full_tuning"]
    assert not any(what == "solo" for what, _ in trainer.log)


def test_without_baselines_only_finalists_and_what_trains_nothing_are_there(confirmation, trainer, two) -> None:
    confirmed = run(confirmation(baselines="none"), two)

    assert list(by_name(confirmed)) == ["finalist_3", "finalist_8", "majority", "tfidf"]
    assert not any("default" in slot or "head" in slot or "rate" in slot for slot in trainer.trained())


def test_other_scores_that_are_asked_for_are_those_of_the_chosen_one_on_validation_rows(whole, confirmation) -> None:
    it = confirmation(
        Limits(kpi={"macro_f1": 0.5, "accuracy": 0.5}), metric=metric_named("accuracy"), folder=whole.folder
    )

    confirmed = run(it, whole.finalists, epochs=3.0)

    found = confirmed.record.kpis
    assert found["accuracy"] == pytest.approx(confirmed.chosen.validation)
    kept = [
        from_json((whole.folder / f"{confirmed.chosen.name}-{SEED + at}.json").read_bytes(), Trained)
        for at in (1, 2, 3)
    ]
    expected = [
        f1_score(SeedSplit.drawn(it.dataset, "accuracy", k.seed).scorer.targets, array_of(k.outputs), average="macro")
        for k in kept
    ]
    assert found["macro_f1"] == pytest.approx(np.mean(expected))


def test_a_thousand_answers_take_as_long_from_any_merged_adapter(whole) -> None:
    found = by_name(whole.confirmed)

    assert found["finalist_3"].seconds_a_thousand == found["head_only"].seconds_a_thousand > 0
    assert found["majority"].seconds_a_thousand == 0
    assert found["tfidf"].seconds_a_thousand > 0


# ----------------------------------------------------------------------------------------------- failure and resume


def test_a_failed_seed_is_kept_with_its_cause_and_no_score(confirmation, trainer, two) -> None:
    trainer.poisoned = {f"confirm finalist_3 {SEED + 1}"}

    confirmed = run(confirmation(), two)
    broken = by_name(confirmed)["finalist_3"]

    first, *others = broken.seeds
    assert (first.state, first.validation, first.test) == (TrialState.DIVERGED, None, None)
    assert "not a finite number" in first.cause
    assert all(seed.state == TrialState.COMPLETE and seed.test is not None for seed in others)
    assert (broken.test, broken.test_ci95) == (None, None)
    assert broken.validation == pytest.approx(np.mean([seed.validation.value for seed in others]))
    assert confirmed.chosen.name == "finalist_8"
    assert "finalist_3" not in confirmed.record.paired_test_differences
    assert to_json(confirmed.record).count("NaN") == 0


def test_when_no_finalist_holds_nothing_is_chosen_and_the_baselines_remain(confirmation, trainer, two) -> None:
    trainer.poisoned = {f"confirm finalist_{n} {SEED + 2}" for n in (3, 8)}

    confirmed = run(confirmation(), two)

    assert (confirmed.chosen, confirmed.ships) == (None, {})
    assert confirmed.record.paired_test_differences == {}
    assert by_name(confirmed)["default_lora"].test is not None


def test_a_search_without_finalists_still_has_its_baselines(confirmation) -> None:
    confirmed = run(confirmation(), ())

    assert confirmed.chosen is None
    assert list(by_name(confirmed)) == ["default_lora", "rate_grid", "head_only", "majority", "tfidf"]


def test_limits_hold_for_the_choice(confirmation, two, costs) -> None:
    smaller = min(two, key=lambda trial: trial.trainable_params)

    confirmed = run(confirmation(Limits(max_params=smaller.trainable_params)), two)

    assert confirmed.chosen.trial == smaller.number


def test_a_killed_confirmation_goes_on_and_trains_nothing_again(confirmation, trainer, two) -> None:
    seen: list[tuple[int, int]] = []
    trainer.poisoned = {f"confirm finalist_3 {SEED + 2}"}
    trainer.die_after = 5
    with pytest.raises(KeyboardInterrupt):
        run(confirmation(on_trained=lambda done, total: seen.append((done, total))), two)
    trainer.die_after = 10**6

    resumed = run(confirmation(on_trained=lambda done, total: seen.append((done, total))), two)
    again = run(confirmation(), two)

    assert len(trainer.trained()) == len(set(trainer.trained())), "the failed one is not tried again either"
    assert [done for done, _ in seen] == list(range(1, len(trainer.trained()) + 1))
    assert all(done <= total for done, total in seen)
    first, second = (
        # What a pass takes is measured anew.
        [replace(c, seconds_a_thousand=None) for c in (*each.record.candidates[:4], each.chosen)]
        for each in (again, resumed)
    )
    assert first == second
    assert again.record.paired_test_differences == resumed.record.paired_test_differences


def test_a_kill_between_a_record_and_the_removal_of_its_state_leaves_no_state_behind(
    whole, confirmation, trainer, tmp_path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(whole.folder, folder)
    left = folder / f"finalist_3-{SEED + 1}.state"
    left.touch()

    run(confirmation(folder=folder, metric=metric_named("accuracy")), whole.finalists, epochs=3.0)

    assert trainer.trained() == []
    assert not left.exists()


@pytest.mark.parametrize("damage", ["no record", "half a record", "no weights", "weights of another bit"])
def test_a_training_that_was_not_kept_whole_is_done_again(damage, whole, confirmation, trainer, tmp_path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(whole.folder, folder)
    record = folder / f"finalist_3-{SEED + 1}.json"
    weights = record.with_suffix(".safetensors")
    if damage == "no record":
        record.unlink()
    elif damage == "half a record":
        record.write_bytes(record.read_bytes()[:40])
    elif damage == "no weights":
        weights.unlink()
    else:
        raw = bytearray(weights.read_bytes())
        raw[-5] ^= 1
        weights.write_bytes(raw)

    again = run(confirmation(folder=folder, metric=metric_named("accuracy")), whole.finalists, epochs=3.0)

    assert trainer.trained() == [f"confirm finalist_3 {SEED + 1}"]
    assert again.record.paired_test_differences == whole.confirmed.record.paired_test_differences


def test_another_configuration_of_the_same_name_is_trained_anew(confirmation, trainer, two, costs) -> None:
    run(confirmation(), two[:1])
    before = len(trainer.trained())

    confirmed = run(confirmation(), (finalist(costs, 3, rank=1),))

    assert trainer.trained()[before:] == [f"confirm finalist_3 {SEED + at}" for at in (1, 2, 3)]
    assert by_name(confirmed)["finalist_3"].config.rank == 1


def test_where_time_is_short_only_the_seed_that_ships_is_scored_on_the_test_rows(whole, confirmation, trainer) -> None:
    it = confirmation(folder=whole.folder, metric=metric_named("accuracy"), every_seed=False)

    short = run(it, whole.finalists, epochs=3.0)

    found, before = by_name(short), by_name(whole.confirmed)
    for name in ("finalist_3", "finalist_8", "default_lora", "rate_grid"):
        first, *others = found[name].seeds
        assert first == before[name].seeds[0]
        assert [seed.test for seed in others] == [None, None]
        assert found[name].test == before[name].test
    assert short.record.paired_test_differences == whole.confirmed.record.paired_test_differences
