"""A budget that ends while finalists and baselines train: what is there is judged, and what is not is said."""

from __future__ import annotations

import pytest

from autolora import grids
from autolora.grids import RATE_GRID
from autolora.objectives import metric_named
from autolora.request import Limits
from autolora.verdict import judge
from tests.confirm.confirming import by_name, run

pytestmark = pytest.mark.tiny


def test_where_time_ends_after_the_first_seed_everything_is_judged_on_that(confirmation, trainer, two) -> None:
    whole_seed = 2 + len(RATE_GRID) + len(grids.HEAD_RATES)
    it = confirmation(seconds_left=lambda: 0.0, out_of_time=lambda: len(trainer.trained()) > whole_seed)

    confirmed = run(it, two)
    found = by_name(confirmed)

    assert confirmed.chosen is not None
    assert {len(found[name].seeds) for name in ("default_lora", "rate_grid", "head_only", "finalist_8")} == {1}
    assert len(found["finalist_3"].seeds) == 2, "the first of the second seed was trained"
    assert confirmed.record.left_out == {"fresh_seeds": "the budget ended after 1 of 10"}


def test_where_time_ends_among_the_rates_only_the_default_is_compared_with(confirmation, trainer, two) -> None:
    confirmed = run(confirmation(out_of_time=lambda: len(trainer.trained()) >= 4), two)

    assert {"finalist_3", "finalist_8", "default_lora"} < by_name(confirmed).keys()
    assert not {"rate_grid", "head_only"} & by_name(confirmed).keys()
    assert {"rate_grid", "head_only"} < confirmed.record.left_out.keys()
    assert confirmed.record.left_out["rate_grid"] == "the budget ended before it was trained"


def test_where_there_is_no_time_at_all_nothing_is_chosen_and_it_is_said_why(confirmation, two) -> None:
    confirmed = run(confirmation(baselines="all", out_of_time=lambda: True), two)

    assert confirmed.chosen is None
    assert {"finalist_3", "finalist_8", "default_lora", "rate_grid", "full_tuning"} < confirmed.record.left_out.keys()
    choice = judge(None, confirmed.record, metric_named("macro_f1"), Limits())
    assert choice.verdict == "not_ready"
    assert choice.reasons[0].text.startswith("The budget ended before a finalist was trained")
    assert choice.reasons[0].fields == ("confirm.left_out",)


def test_who_goes_on_after_a_choice_rests_it_on_the_same_trainings(confirmation, trainer, two, tmp_path) -> None:
    settled, seals = [], []
    cut = confirmation(
        seconds_left=lambda: 0.0,
        out_of_time=lambda: len(trainer.trained()) > 9,
        on_settled=settled.extend,
        on_test_opened=seals.append,
    )
    before = run(cut, two)
    trained = len(trainer.trained())
    (tmp_path / "confirm" / f"{settled[0]}.json").write_text("{")  # damaged: it is trained again

    after = run(confirmation(settled=frozenset(settled), on_test_opened=seals.append), two)

    assert len(trainer.trained()) == trained + 1, "although there is time for more"
    assert seals[0] == seals[1]
    assert by_name(before).keys() == by_name(after).keys()
    assert [len(c.seeds) for c in before.record.candidates] == [len(c.seeds) for c in after.record.candidates]
