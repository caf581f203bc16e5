from __future__ import annotations

import math

import pytest

from autolora.grids import DEFAULT_RATE, Grid, next_rate
from tests.report import made_up

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("losses", "rate"),
    [
        ({2e-4: 0.3, 6e-4: 0.1, 2e-3: 0.2}, None),
        ({2e-4: 0.3, 6e-4: 0.2, 2e-3: 0.1}, 6e-3),
        ({2e-4: 0.1, 6e-4: 0.2, 2e-3: 0.3}, 7e-5),
        ({2e-4: math.inf, 6e-4: math.inf, 2e-3: 0.3}, 6e-3),
        ({2e-4: 0.3, 6e-4: 0.3, 2e-3: 0.3}, None),
        ({2e-4: math.inf, 6e-4: math.inf}, None),
        ({2e-3: 0.3, 6e-3: 0.2, 6e-4: 0.4}, 2e-2),
    ],
)
def test_the_next_rate_is_beyond_the_end_at_which_the_best_is(losses, rate) -> None:
    assert next_rate(losses) == rate


def test_a_grid_goes_on_by_a_rate_and_nothing_else() -> None:
    config = made_up.config_of(8, 2, "attention_qv", "all", DEFAULT_RATE)
    grid = Grid(name="rate_grid", words="Default LoRA", configs={"default_lora": config}, prefix="rate")
    wider = grid.extended("rate_0.0006")

    name = wider.beyond({"default_lora": 0.4, "rate_0.0006": 0.3})
    assert name == "rate_0.002"
    widest = wider.extended(name)
    assert widest.rates == "0.0002, 0.0006, 0.002"
    assert [one.rank for one in widest.configs.values()] == [8] * 3
    assert widest.stored(widest.configs[name]) == name
    assert wider.extended("rate_7e-05").rates == "7e-05, 0.0002, 0.0006"
