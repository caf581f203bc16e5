"""A search that finds nothing worth a change from the default hands over the default's own adapter beside its best."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import yaml

import autolora
from autolora import flow, progress
from autolora.command import request_from
from autolora.data import prepare
from autolora.store import BUNDLE, KEPT_DEFAULT
from autolora.tasks.problems import problem_of
from tests.test_flow import rows_of
from tests.test_resume import SPACE

pytestmark = pytest.mark.ray

DEFAULTS = {"rank": 8, "target_modules": "attention_qv", "layers": "all", "learning_rate": 0.015}
"""But for the rate, which lies between two of the grid's."""


@pytest.fixture(scope="module")
def searched(tiny_folder, tmp_path_factory):
    """Return a finished search that could try nothing but the default's settings, and its request."""
    folder = tmp_path_factory.mktemp("default")
    with open(folder / "rows.csv", "w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows_of("regression")])
    one = {name: {"type": "choice", "values": [value]} for name, value in DEFAULTS.items()}
    space = {"version": 1, "parameters": one, "fixed": SPACE["fixed"] | {"epochs": 10}}
    (folder / "space.yaml").write_text(yaml.safe_dump(space))
    wanted = request_from(
        folder / "rows.csv", base_model=tiny_folder(), space=folder / "space.yaml", trials=1, precision="exact",
        metric="mae",
    )  # fmt: skip
    with progress.make(plain=True) as shown:
        return flow.search(wanted, folder / "run", progress=shown), wanted


def test_the_verdict_keeps_it_and_names_which_form(searched) -> None:
    found = searched[0].recommendation

    assert found.verdict == "keep_default"
    assert found.kept == "rate_grid"
    assert found.baselines[found.kept].config.learning_rate != found.config.learning_rate == 0.015


def test_the_defaults_adapter_stands_beside_the_best_that_was_found(searched) -> None:
    record, found = searched[0], searched[0].recommendation
    says = {name: json.loads((record.path / name / "autolora.json").read_text()) for name in (BUNDLE, KEPT_DEFAULT)}

    assert says[BUNDLE]["config"]["learning_rate"] == found.config.learning_rate
    assert says[KEPT_DEFAULT]["config"]["learning_rate"] == found.baselines["rate_grid"].config.learning_rate
    assert says[KEPT_DEFAULT]["scores"]["test"] == found.baselines["rate_grid"].metric.test
    assert says[KEPT_DEFAULT]["scores"]["test_in_plain_peft"] == pytest.approx(
        found.baselines["rate_grid"].metric.test, rel=1e-4
    )
    page = (record.path / "report.html").read_text()
    assert "It holds the default&#39;s adapter" in page or "It holds the default's adapter" in page


def test_the_run_folder_at_work_is_the_default_at_work(searched, tiny_folder) -> None:
    record, wanted = searched
    dataset = prepare(wanted.data, seed=wanted.seed)

    answers = [
        one.label for one in autolora.load(record.path, base_model=str(tiny_folder())).predict(dataset.test.texts)
    ]

    truth = problem_of(dataset).targets(dataset.test.labels)
    error = float(np.abs(np.array(answers) - truth).mean())
    assert error == pytest.approx(record.recommendation.baselines["rate_grid"].metric.test, rel=1e-4)
    assert error != pytest.approx(record.recommendation.metric.test, rel=1e-4)
