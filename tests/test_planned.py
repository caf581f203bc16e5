"""A search whose time is too short for all rows: what it explores, confirms and tests on is what the plan says."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import pytest

from autolora import flow, plan
from autolora.budget import plan_of
from autolora.data_request import DataRequest
from autolora.engine.jobs import array_of
from autolora.plan import DEPTHS, Confirming
from autolora.planning import forecast
from autolora.records import TrialState, from_json, to_json
from autolora.records.forecast import Forecast
from autolora.request import Budget, Request
from autolora.store import RunFolder
from autolora.trainings import Trained
from tests.conftest import CLASSES, made_up_split

pytestmark = pytest.mark.ray

EXPLORED, CONFIRMED, TESTED, BATCH, EPOCHS = 64, 128, 20, 8, 15
SPACE = """
version: 1
parameters:
  rank: {type: choice, values: [1, 2]}
  learning_rate: {type: float, low: 0.005, high: 0.02, log: true}
fixed: {target_modules: all_linear, layers: all, epochs: 15, batch_size: 8, max_length: 24}
"""


class Noted:
    """Keeps what a search says, and may end it."""

    def __init__(self, *, end_after: int = 10**6) -> None:
        self.notes: list[str] = []
        self.end_after = end_after

    def budget(self, left) -> None:
        self.left = left

    def stage(self, text) -> None:
        self.notes.append(text)

    def note(self, text) -> None:
        self.notes.append(text)

    def trial(self, event, trial, total) -> None:
        pass

    def confirming(self, done, total) -> None:
        if done >= self.end_after:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def request_(tiny_folder, tmp_path_factory) -> Request:
    folder = tmp_path_factory.mktemp("planned")
    split = made_up_split(300, seed=5)
    with open(folder / "rows.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(
            (f"{text} {at}", CLASSES[label])
            for at, (text, label) in enumerate(zip(split.texts, split.labels, strict=True))
        )
    (folder / "space.yaml").write_text(SPACE)
    return Request(
        data=DataRequest(path=str(folder / "rows.csv"), text="text", label="label"),
        base_model=str(tiny_folder()),
        metric="accuracy",
        space=str(folder / "space.yaml"),
        budget=Budget(trials=3, minutes=30),
    )


@pytest.fixture(scope="module")
def searched(request_, tmp_path_factory):
    """A search that was ended while it confirmed, and resumed by a process that would have planned otherwise."""
    out = tmp_path_factory.mktemp("run") / "run"
    first, second = Noted(end_after=2), Noted()
    make = plan.make

    def cut(budget, sizes, work, *, begun):
        return replace(
            make(budget, sizes, work, begun=begun),
            explore_train=EXPLORED,
            explore_validation=40,
            confirm=Confirming(depth=DEPTHS[-1], train=CONFIRMED, validation=44),
            test=TESTED,
            every_seed=False,
            checked=10,
            noise=False,
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "make", cut)
        patch.setattr(plan, "confirming", lambda usable, planned, work: planned.confirm)
        with pytest.raises(KeyboardInterrupt):
            flow.search(request_, out, progress=first)
    record = flow.resume(out, progress=second)
    return RunFolder(out), record, first, second


def test_the_plan_is_said_before_anything_trains_and_kept(searched) -> None:
    run, _, first, second = searched
    events = [event["event"] for event in run.events()]

    assert events.index("plan") < events.index("explore")
    assert events.count("plan") == 1, "the resumed search made none"
    (said,) = [note for note in first.notes if note.startswith("Plan for 30 min")]
    assert f"exploring on {EXPLORED} of 192 training rows" in said
    assert first.notes.index(said) < first.notes.index("Searching")
    assert said in second.notes
    assert plan_of(run).explore_train == EXPLORED


def test_trials_train_on_the_part_that_is_explored(searched) -> None:
    _, record, *_ = searched
    complete = [trial for trial in record.trials if trial.state == TrialState.COMPLETE]

    assert complete
    assert {trial.rungs[-1].steps for trial in complete} == {EPOCHS * EXPLORED // BATCH}


def test_all_candidates_are_confirmed_on_the_same_larger_part(searched) -> None:
    run, record, *_ = searched
    kept = [from_json(path.read_bytes(), Trained) for path in sorted((run.path / "confirm").glob("*.json"))]

    assert {len(array_of(each.outputs)) for each in kept if each.is_complete} == {44}
    assert {each.name for each in kept} >= {"default_lora", "rate_0.0006", "rate_0.002", "rate_0.006"}
    assert record.recommendation.data.used == {"train": CONFIRMED, "validation": 44, "test": TESTED}
    assert record.recommendation.data.splits["train"] == 192
    majority = next(c for c in record.confirm.candidates if c.name == "majority")
    assert majority.test * TESTED == pytest.approx(round(majority.test * TESTED)), "a share of the sampled rows"


def test_what_there_was_no_time_for_is_said_to_be_left_out(searched) -> None:
    run, record, *_ = searched

    assert (record.robustness.noises, record.robustness.rows) == ((), 0)
    assert record.robustness.left_out in (run.path / "report.html").read_text()
    assert record.robustness.left_out.startswith("Time was short")


def test_a_search_that_is_resumed_while_it_confirms_keeps_what_is_compared(searched) -> None:
    run, *_ = searched
    begun = [event for event in run.events() if event["event"] == "confirm"]

    assert len(begun) == 2
    assert {json.dumps([event["depth"], event["train"], event["validation"]]) for event in begun} == {
        json.dumps([{"finalists": 1, "baseline_seeds": 1}, CONFIRMED, 44])
    }
    assert (run.path / "DONE").exists()


def test_the_bundle_and_the_report_name_the_rows_that_were_used(searched) -> None:
    run, *_ = searched
    provenance = json.loads((run.path / "adapter" / "autolora.json").read_text())
    page = (run.path / "report.html").read_text()

    assert provenance["data"]["rows"] == {"train": CONFIRMED, "validation": 44, "test": TESTED}
    assert provenance["scores"]["rows_in_plain_peft"] == 10
    assert f"test, {TESTED} of 60 rows" in page
    assert f"explored on {EXPLORED} of 192 training rows" in page


@pytest.fixture(scope="module")
def too_short(request_, tmp_path_factory):
    """A search whose budget is over when its engine has started."""
    out, shown = tmp_path_factory.mktemp("short") / "run", Noted()
    record = flow.search(replace(request_, budget=Budget(trials=3, minutes=0.02)), out, progress=shown)
    return RunFolder(out), record, shown


def test_a_budget_that_is_over_too_early_ends_in_a_verdict_that_says_so(too_short) -> None:
    run, record, shown = too_short

    complete = [trial.state for trial in record.trials].count(TrialState.COMPLETE)
    assert complete <= 1, "the most promising one goes on for as long as one was expected to take"
    why = "The budget ended before a finalist was trained" if complete else "No trial was trained in full"
    assert record.recommendation.verdict == "not_ready"
    assert record.recommendation.reasons[0].text.startswith(why)
    assert any("the budget is too short for the least that can be compared" in note for note in shown.notes)
    assert shown.left() == "0 s"
    assert (run.path / "DONE").exists()


def test_what_the_budget_ended_before_is_listed_in_record_and_report(too_short) -> None:
    run, record, _ = too_short

    assert {"default_lora", "rate_grid", "head_only"} <= record.confirm.left_out.keys()
    assert {candidate.name for candidate in record.confirm.candidates} == {"majority", "tfidf"}
    assert "Left out: Default LoRA; the budget ended before it was trained." in (run.path / "report.html").read_text()
    assert [event["trained"] for event in run.events() if event["event"] == "settled"] == [[]]


def test_a_plan_says_what_its_search_would_take_and_writes_nothing(request_, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    stages: list[str] = []

    free = forecast(replace(request_, budget=Budget(trials=24)), stage=stages.append)
    short = forecast(replace(request_, budget=Budget(trials=24, minutes=0.5)))

    assert stages == ["Reading the data", "Starting the engine and timing it"]
    assert free.rows == {"train": 192, "validation": 48, "test": 60}
    assert free.budget_seconds is None
    assert all(part.seconds > 0 for part in free.parts)
    assert short.seconds[2] <= 30
    smallest, _, largest = free.adapters
    assert smallest.trainable_params < largest.trainable_params
    assert smallest.peak_memory_bytes < largest.peak_memory_bytes
    assert from_json(to_json(free).encode(), Forecast) == free
    assert list(tmp_path.iterdir()) == []
