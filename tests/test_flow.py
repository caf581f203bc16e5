"""The whole way on other labels than one class a row: data in, adapter and report out."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from sklearn.metrics import f1_score, mean_absolute_error

import autolora
from autolora import flow, progress
from autolora.command import request_from
from autolora.data import prepare
from autolora.errors import RequestError
from autolora.tasks.problems import problem_of
from tests.test_resume import SPACE

pytestmark = pytest.mark.ray

LATE, DEAR, BROKEN, OTHER = "parcel late van", "charged twice money", "broken noise leak", "please my the"


def rows_of(kind: str) -> list[tuple[str, str]]:
    random = np.random.default_rng(4)
    rows = []
    for at in range(240):
        topics = [name for name in ("late", "dear", "broken") if random.random() < 0.4]
        words = [w for t in topics for w in {"late": LATE, "dear": DEAR, "broken": BROKEN}[t].split()] + OTHER.split()
        random.shuffle(words)
        price = 1000 + 400 * ("late" in topics) + 900 * ("dear" in topics)
        rows.append((f"{' '.join(words)} {at}", "|".join(topics) if kind == "multi_label" else f"{price:.1f}"))
    return rows


RATES = (0.007, 0.01, 0.014, 0.02)
LEARNS = SPACE | {
    "fixed": SPACE["fixed"] | {"epochs": 10},
    "start": [{"rank": 4, "target_modules": "all_linear", "layers": "all", "learning_rate": rate} for rate in RATES],
}
"""Says what all four trials are: by chance, poor ones may be among them, which are chosen where they are smaller."""


@pytest.fixture(scope="module", params=["multi_label", "regression"])
def searched(request, tiny_folder, tmp_path_factory):
    """Return a finished search, the folder of its base, and its request."""
    folder = tmp_path_factory.mktemp(request.param)
    with open(folder / "rows.csv", "w", newline="") as file:
        rows = ((*row, ("Osaka", "Kyoto")[at % 2]) for at, row in enumerate(rows_of(request.param)))
        csv.writer(file).writerows([("text", "label", "branch"), *rows])
    (folder / "space.yaml").write_text(yaml.safe_dump(LEARNS))
    every = {"label_separator": "|", "baselines": "all", "kpi": ["micro_f1=0.9"]}
    flags = every if request.param == "multi_label" else {"metric": "mae"}
    wanted = request_from(
        folder / "rows.csv",
        base_model=tiny_folder(),
        space=folder / "space.yaml",
        trials=4,
        precision="exact",
        slices=["branch"],
        **flags,
    )
    with progress.make(plain=True) as shown:
        return flow.search(wanted, folder / "run", progress=shown), tiny_folder(), wanted


def test_the_adapter_does_the_job_and_says_how_well(searched) -> None:
    record, _, wanted = searched
    found = record.recommendation

    assert found.problem == wanted.data.problem
    if found.problem == "multi_label":
        assert (found.metric.name, found.threshold is not None) == ("macro_f1", True)
        assert found.metric.test > 0.9 > 0.7 > found.baselines["constant"].metric.test
    else:
        assert (found.metric.name, found.threshold) == ("mae", None)
        assert found.metric.test < 150 < 300 < found.baselines["constant"].metric.test
        assert [row["metric"] for row in record.leaderboard()] == sorted(t.metric for t in record.trials if t.metric)
    low, high = found.metric.test_ci95
    assert low <= found.metric.test <= high
    difference, low, high = record.confirm.paired_test_differences["constant"]
    assert low <= difference <= high
    assert (difference < 0) == (found.problem == "regression"), "chosen less rival, and less error is better"
    assert any(reason.text.startswith("It beats always giving the same answer") for reason in found.reasons)
    assert 0 < found.search.hypervolume < 1
    page = (record.path / "report.html").read_text()
    assert ("A row may have several classes" in page) == (found.problem == "multi_label")
    assert ("mean absolute error (less is better)" in page) == (found.problem == "regression")


def test_once_the_choice_stands_what_was_asked_for_is_trained_beside_it(searched) -> None:
    record, _, wanted = searched
    confirm, page = record.confirm, (record.path / "report.html").read_text()
    every = wanted.baselines == "all"

    assert confirm.left_out == {}
    assert [point.share for point in confirm.learning_curve] == [0.25, 0.5, 1.0]
    assert [point.share for point in confirm.label_noise] == ([0.0, 0.1, 0.2] if every else [])
    assert {point.seeds for point in confirm.learning_curve} == {3 if every else 1}
    assert ({"prompt_tuning", "full_tuning"} <= set(record.recommendation.baselines)) == every
    assert ("Full fine-tuning" in page) == every
    assert "With fewer rows" in page
    assert any("training rows the score on validation rows went" in r.text for r in record.recommendation.would_change)
    if every:
        assert len(confirm.paired_test_differences["full_tuning"]) == 3
        assert confirm.kpis["micro_f1"] > 0.9
        assert any(reason.text.startswith("Its micro_f1 on the validation") for reason in record.recommendation.reasons)
        full = record.recommendation.baselines["full_tuning"]
        assert full.seconds_a_thousand > 0
        assert (full.peak_memory_bytes.predicted, full.peak_memory_bytes.measured > 0) == (0, True)


def test_the_test_rows_are_told_apart_by_the_column_that_was_named(searched) -> None:
    record, _, wanted = searched
    test = prepare(wanted.data, seed=wanted.seed).test

    assert record.predictions.slices == test.slices
    assert test.slices["branch"] == tuple(("Kyoto", "Osaka")[int(row_id) % 2] for row_id in test.row_ids)
    page = (record.path / "report.html").read_text()
    assert '<th scope="row">Osaka</th><td>branch</td>' in page
    assert "told apart by column &#39;branch&#39; (2 different values)" in page


def test_the_adapter_and_the_default_are_scored_with_noise_too(searched) -> None:
    record, _, _ = searched
    noise, found = record.robustness, record.recommendation

    chosen = next(c for c in record.confirm.candidates if c.trial == found.trial)
    assert set(noise.scores) == {chosen.name, "default_lora"}
    assert noise.scores[chosen.name] == pytest.approx(found.metric.test)
    by_kind = {each.name: each for each in noise.noises}
    assert by_kind["unicode"].changed == 0
    assert by_kind["unicode"].scores == noise.scores
    lost, *_ = by_kind["truncation"].differences[chosen.name]
    assert (lost > 0) if found.problem == "regression" else (lost < 0), "half of the topics are in the second half"
    assert "Under noise" in (record.path / "report.html").read_text()


def test_a_margin_finer_than_the_rows_is_refused_before_anything_is_started(tiny_folder, tmp_path) -> None:
    with open(tmp_path / "rows.csv", "w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *((f"{LATE} {at}", "late") for at in range(60))])
        csv.writer(file).writerows((f"{DEAR} {at}", "dear") for at in range(60))
    wanted = request_from(tmp_path / "rows.csv", base_model=tiny_folder(), margin=0.02)

    with progress.make(plain=True) as shown, pytest.raises(RequestError, match="validation rows bear none below") as it:
        flow.search(wanted, tmp_path / "run", progress=shown)

    assert "give at least 150 validation rows" in it.value.hint
    assert not (tmp_path / "run").exists()


def test_the_cards_code_gives_the_searchs_answers(searched, tmp_path) -> None:
    record, base, wanted = searched
    card = (record.path / "adapter" / "README.md").read_text()
    program = card.split("```python\n")[1].split("```")[0]
    dataset = prepare(wanted.data, seed=wanted.seed)
    texts = tmp_path / "texts.json"
    texts.write_text(json.dumps(list(dataset.test.texts)))
    base_id = record.recommendation.base_model["id"]
    program = program.replace(f"base_model = {base_id!r}", f"base_model = {str(base)!r}").replace(
        'texts = ["Put your own text here."]', f"import json; texts = json.load(open({str(texts)!r}))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=record.path / "adapter", capture_output=True, text=True, check=True
    )

    truth = problem_of(dataset).targets(dataset.test.labels)
    lines = done.stdout.splitlines()
    assert len(lines) == len(dataset.test)
    if dataset.problem == "multi_label":
        given = [line[: line.index("]") + 1] for line in lines]
        answers = np.array([[repr(name) in answer for name in dataset.classes] for answer in given])
        score = f1_score(truth, answers, average="macro")
    else:
        score = mean_absolute_error(truth, [float(line.split()[0]) for line in lines])
    assert score == pytest.approx(record.recommendation.metric.test, rel=1e-4)


def test_the_bundle_at_work_gives_the_searchs_answers(searched) -> None:
    record, base, wanted = searched
    dataset = prepare(wanted.data, seed=wanted.seed)
    predictor = autolora.load(record.path, base_model=str(base))

    found = predictor.predict(dataset.test.texts)

    truth = problem_of(dataset).targets(dataset.test.labels)
    if dataset.problem == "multi_label":
        answers = np.array([[name in one.label for name in dataset.classes] for one in found])
        score = f1_score(truth, answers, average="macro")
        assert all(0.0 <= one.confidence <= 1 for one in found)
        everyone, *_ = record.recommendation.calibration.coverage
        assert everyone.accuracy == pytest.approx((answers == truth).all(axis=1).mean()), "all classes of a row"
        assert everyone.confidence == pytest.approx(min(one.confidence for one in found), abs=1e-4)
        assert "all of its classes" in (record.path / "report.html").read_text()
    else:
        score = mean_absolute_error(truth, [one.label for one in found])
        assert all(one.confidence is None for one in found)
        assert record.recommendation.calibration is None
        with pytest.raises(RequestError, match="numbers carry none"):
            predictor.predict(["x"], abstain_below=0.5)
    assert score == pytest.approx(record.recommendation.used.metric.test, rel=1e-4)


def test_what_the_search_did_can_be_listed_and_read_again(searched) -> None:
    record, _, _ = searched

    for arguments in (("trials",), ("recommend",), ("report",)):
        done = subprocess.run(
            [sys.executable, "-m", "autolora.cli", *arguments, str(record.path)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout
    assert Path(record.path / "DONE").exists()


def test_a_search_on_a_base_in_4_bits_ends_in_an_adapter_for_that_base(tiny_folder, tmp_path) -> None:
    import torch

    from autolora.engine.device import has_bf16

    if not has_bf16(torch.device("cpu")):
        pytest.skip("4 bits need a CPU with instructions for bf16")
    base = tiny_folder("llama", width=128)
    with open(tmp_path / "rows.csv", "w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *((f"{LATE} {at}", "late") for at in range(60))])
        csv.writer(file).writerows((f"{DEAR} {at}", "dear") for at in range(60))
    (tmp_path / "space.yaml").write_text(yaml.safe_dump(SPACE))
    wanted = request_from(
        tmp_path / "rows.csv", base_model=base, space=tmp_path / "space.yaml", trials=2, precision="4bit"
    )
    with progress.make(plain=True) as shown:
        record = flow.search(wanted, tmp_path / "run", progress=shown)

    found = record.recommendation
    assert found.precision == "4bit"
    assert found.metric.test > 0.9
    card = (record.path / "adapter" / "README.md").read_text()
    assert "| precision of training | 4bit |" in card
    program = card.split("```python\n")[1].split("```")[0]
    program = program.replace(f"base_model = {found.base_model['id']!r}", f"base_model = {str(base)!r}")
    program = program.replace("Put your own text here.", DEAR)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=record.path / "adapter", capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("dear ")
