from __future__ import annotations

import pytest

from autolora.search.encoding import Encoder
from autolora.space import Choice, Float, Int, Space, load, shipped

pytestmark = pytest.mark.unit


def encoder_for(**parameters) -> Encoder:
    fixed = {"rank": 4, "target_modules": "attention_qv", "layers": "all", "learning_rate": 1e-3}
    left = {name: value for name, value in fixed.items() if name not in parameters}
    return Encoder(Space(name="s", parameters=parameters, fixed=left))


@pytest.mark.parametrize(
    ("name", "parameter", "places"),
    [
        ("learning_rate", Float(low=1e-4, high=1e-2, log=True), {1e-4: 0, 1e-3: 0.5, 1e-2: 1}),
        ("dropout", Float(low=0.0, high=0.2), {0.0: 0, 0.05: 0.25, 0.2: 1}),
        ("dropout", Choice(values=(0.0, 0.1, 0.2)), {0.1: 0.5}),
        ("rank", Choice(values=(32, 2, 8)), {2: 0, 8: 0.5, 32: 1}),
        ("rank", Int(low=1, high=9), {1: 0, 3: 0.25}),
        (
            "layers",
            Choice(values=("all", "last_quarter", "last_half")),
            {"last_quarter": 0, "last_half": 0.5, "all": 1},
        ),
        ("epochs", Choice(values=(3,)), {3: 0}),
    ],
)
def test_what_has_a_size_lies_on_one_axis_on_its_own_scale(name, parameter, places) -> None:
    encoder = encoder_for(**{name: parameter})

    for value, place in places.items():
        assert encoder.point({name: value}) == pytest.approx((place,))


def test_choices_without_a_size_take_an_axis_each_lists_from_a_file_too() -> None:
    modules = encoder_for(target_modules=Choice(values=("attention_qv", ("query", "key"))))
    scaling = encoder_for(use_rslora=Choice(values=(False, True)))

    assert modules.point({"target_modules": "attention_qv"}) == (1, 0)
    assert modules.point({"target_modules": ["query", "key"]}) == (0, 1)
    assert scaling.point({"use_rslora": True}) == (0, 1)


@pytest.mark.parametrize("name", shipped())
def test_first_suggestions_of_shipped_spaces_are_points_within_the_cube(name) -> None:
    space = load(name)
    points = [Encoder(space).point(params) for params in space.start]

    assert len(set(points)) == len(space.start)
    assert all(-1e-9 <= axis <= 1 + 1e-9 for point in points for axis in point)
