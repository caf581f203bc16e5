from __future__ import annotations

import random
from dataclasses import replace

import pytest

from autolora.records import RungRecord, Score, TrialRecord, TrialState
from autolora.report.importance import importance
from tests.report import made_up

pytestmark = pytest.mark.unit


def _trials(count: int, states: tuple[TrialState, ...] = (TrialState.COMPLETE,)) -> tuple[TrialRecord, ...]:
    """Return trials whose first score depends on rate and a little on modules, and on nothing else."""
    chance = random.Random(3)
    trials = []
    for number in range(count):
        rate, modules = chance.random(), chance.choice(("few", "many"))
        value = 0.5 + 0.3 * rate + (0.03 if modules == "many" else 0.0)
        first = RungRecord(
            rung=0, share=1 / 9, steps=10, score=Score(value=value, standard_error=0.01), train_loss=0.5, seconds=1.0
        )
        trials.append(
            TrialRecord(
                number=number,
                state=states[number % len(states)],
                params={
                    "learning_rate": rate,
                    "target_modules": modules,
                    "rank": chance.choice((1, 2, 4)),
                    "epochs": 3,
                },
                config=None,
                metric=value,
                rungs=(first,),
            )
        )
    return tuple(trials)


def test_the_parameter_that_decides_comes_first_and_idle_ones_have_next_to_nothing() -> None:
    result = importance(_trials(60))
    shares = dict(result.shares)

    assert [name for name, _ in result.shares][:2] == ["learning_rate", "target_modules"]
    assert shares["learning_rate"] > 0.7
    assert shares["rank"] < 0.03
    assert result.together > 0.9


def test_a_parameter_that_never_changed_is_left_out() -> None:
    assert "epochs" not in dict(importance(_trials(60)).shares)


def test_the_same_trials_give_the_same_shares() -> None:
    assert importance(_trials(20)) == importance(_trials(20))


def test_stopped_trials_count_and_failed_ones_do_not() -> None:
    assert importance(_trials(40, (TrialState.COMPLETE, TrialState.STOPPED))).trials == 40
    assert importance(_trials(40, (TrialState.COMPLETE, TrialState.DIVERGED))).trials == 20


def test_fewer_than_thirty_trials_are_shaky() -> None:
    assert importance(_trials(29)).is_shaky
    assert not importance(_trials(30)).is_shaky


def test_too_few_trials_give_no_shares_but_a_reason() -> None:
    result = importance(_trials(7))

    assert result.shares == ()
    assert result.missing == (
        "The importance of parameters needs at least 8 trials that were scored at the first rung; this search has 7."
    )


def test_trials_without_any_rung_give_a_reason() -> None:
    assert "this search has 0" in importance(made_up.all_failed().trials).missing


def test_equal_scores_give_a_reason() -> None:
    flat = tuple(
        replace(trial, rungs=(replace(trial.rungs[0], score=Score(value=0.5, standard_error=0.0)),))
        for trial in _trials(12)
    )

    assert importance(flat).missing.startswith("All trials have the same score")


def test_equal_parameters_give_a_reason() -> None:
    alike = tuple(replace(trial, params={"rank": 4}) for trial in _trials(12))

    assert importance(alike).missing.startswith("All trials have the same parameters")


def test_trials_of_another_first_rung_are_not_mixed_in() -> None:
    trials = _trials(20)
    other = tuple(replace(trial, rungs=(replace(trial.rungs[0], share=1 / 3),)) for trial in _trials(9))

    assert importance(trials + other).trials == 20
