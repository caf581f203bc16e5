from __future__ import annotations

import json
from dataclasses import replace

import plotly.graph_objects as go
import pytest

from autolora.report.canvas import PALETTE, Figure, plain
from autolora.report.draw import Record, draw
from autolora.report.figures import confirmed_figure, pareto_figure, rung_figure
from autolora.report.importance import importance
from autolora.report.source import SearchReport
from autolora.report.sure import coverage_figure, reliability_figure
from tests.report import made_up

pytestmark = pytest.mark.unit


def _records(report: SearchReport) -> dict[str, Record]:
    return {
        "params": pareto_figure(report, "trainable_params"),
        "memory": pareto_figure(report, "peak_memory_bytes"),
        "rungs": rung_figure(report),
        "confirmed": confirmed_figure(report),
        "importance": importance(report.trials),
        "reliability": reliability_figure(report.recommendation.calibration),
        "coverage": coverage_figure(report.recommendation.calibration),
    }


@pytest.fixture(scope="module")
def drawn() -> dict[str, Figure]:
    return {name: draw(record) for name, record in _records(made_up.report()).items()}


@pytest.mark.parametrize("name", ["params", "memory", "rungs", "confirmed", "importance", "reliability", "coverage"])
def test_plotly_knows_every_property_of_a_figure(drawn: dict[str, Figure], name: str) -> None:
    go.Figure(drawn[name])  # raises on an unknown property or a bad value


def test_figures_are_json_without_special_numbers(drawn: dict[str, Figure]) -> None:
    assert json.loads(json.dumps(drawn, allow_nan=False)) == drawn


def test_each_kind_of_point_has_its_own_symbol_and_colour_is_never_alone(drawn: dict[str, Figure]) -> None:
    kinds = {
        trace["legendgroup"]: trace["marker"]["symbol"] for trace in drawn["params"]["data"] if "legendgroup" in trace
    }

    assert set(kinds) == {
        "beaten", "stopped", "failed", "refused", "front", "chosen", "Default LoRA", "Default LoRA, best of a rate grid"
    }  # fmt: skip
    assert len(set(kinds.values())) == len(kinds)


def test_trials_without_a_score_stand_on_a_strip_below(drawn: dict[str, Figure]) -> None:
    strip = {trace["legendgroup"] for trace in drawn["params"]["data"] if trace.get("yaxis") == "y2"}

    assert strip == {"failed", "refused"}
    assert drawn["params"]["layout"]["yaxis2"]["ticktext"] == ["no score"]


def test_a_baseline_far_below_is_named_and_does_not_flatten_the_chart(drawn: dict[str, Figure]) -> None:
    layout = drawn["params"]["layout"]

    assert [shape["y0"] for shape in layout["shapes"]] == [0.802]
    assert [label["text"] for label in layout["annotations"]] == [
        "TF-IDF + linear model 0.802",
        "Majority class 0.335, off this chart",
    ]
    assert drawn["confirmed"]["layout"]["annotations"][0]["text"] == "← 0.335, off this chart"
    assert drawn["confirmed"]["layout"]["xaxis"]["range"][0] > 0.5


def test_every_colour_of_a_figure_has_a_dark_partner(drawn: dict[str, Figure]) -> None:
    light = {colour for colour, _ in PALETTE}
    text = json.dumps(drawn)
    used = {text[at : at + 7] for at in range(len(text)) if text[at] == "#"}

    assert used <= light
    assert len({dark for _, dark in PALETTE} | light) == 2 * len(PALETTE)


def test_memory_is_drawn_in_megabytes(drawn: dict[str, Figure]) -> None:
    chosen = next(trace for trace in drawn["memory"]["data"] if trace.get("legendgroup") == "chosen")

    assert chosen["x"] == [280.208928]


def test_letters_that_plotly_would_read_as_html_are_escaped() -> None:
    assert plain("<a href='x'>&</a>") == "&lt;a href='x'&gt;&amp;&lt;/a&gt;"


def test_no_figure_of_a_hostile_search_holds_a_tag_from_outside() -> None:
    figures = {name: draw(record) for name, record in _records(made_up.hostile()).items()}
    text = json.dumps(figures)

    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;img" in text


def test_a_single_trial_is_drawn() -> None:
    good = made_up.report()
    alone = replace(good, trials=good.trials[:1], confirm=None, recommendation=None)

    for cost in ("trainable_params", "peak_memory_bytes"):
        go.Figure(draw(pareto_figure(alone, cost)))  # type: ignore[arg-type]
    go.Figure(draw(rung_figure(alone)))
