from __future__ import annotations

from pathlib import Path

import pytest

from autolora.command import out_folder, request_from, resumed_folder
from autolora.data_request import DataRequest
from autolora.errors import RequestError, RunFolderError
from autolora.request import Budget, Limits, Request, as_yaml, with_paths_from
from autolora.store import RunFolder

pytestmark = pytest.mark.unit

TASK = """\
version: 1
name: complaint-routing
data: {path: complaints.csv, text: message, label: team, test: later.csv, rows: 500}
base_model: owner/base
metric: accuracy
space: decoder
limits: {max_params: 500000, max_memory: 8GB, min_metric: 0.80}
budget: {trials: 10, minutes: 15}
seed: 3
precision: exact
"""
EVERY_FLAG = {
    "text": "body",
    "label": "kind",
    "test": "held_out.csv",
    "rows": 200,
    "slices": ("branch", "month"),
    "base_model": "other/base",
    "metric": "macro_f1",
    "space": "quick",
    "trials": 7,
    "budget": "1h30m",
    "max_params": 9000,
    "max_memory": "512MB",
    "prefix_cache": "2GB",
    "min_metric": 0.5,
    "seed": 8,
    "precision": "fast",
    "address": "10.0.0.1:6379",
}


@pytest.fixture
def task(tmp_path: Path) -> str:
    (tmp_path / "task.yaml").write_text(TASK)
    return str(tmp_path / "task.yaml")


# --------------------------------------------------------------------------------------------------- flags to request


def test_a_file_and_a_base_are_enough() -> None:
    assert request_from("reviews.csv", base_model="owner/base") == Request(
        name="reviews", data=DataRequest(path="reviews.csv", text="text", label="label"), base_model="owner/base"
    )


def test_flags_that_were_not_given_count_for_nothing() -> None:
    unset = dict.fromkeys(EVERY_FLAG) | {"slices": (), "base_model": "owner/base"}

    assert request_from("reviews.csv", **unset) == request_from("reviews.csv", base_model="owner/base")


def wanted(data: DataRequest, name: str) -> Request:
    return Request(
        name=name,
        data=data,
        base_model="other/base",
        metric="macro_f1",
        space="quick",
        limits=Limits(max_params=9000, max_memory=512_000_000, min_metric=0.5),
        budget=Budget(trials=7, minutes=90.0),
        seed=8,
        precision="fast",
        prefix_cache=2 * 10**9,
        address="10.0.0.1:6379",
    )


def test_every_flag_has_its_place_in_the_request() -> None:
    data = DataRequest(
        path="reviews.csv", text="body", label="kind", test="held_out.csv", rows=200, slices=("branch", "month")
    )

    assert request_from("reviews.csv", **EVERY_FLAG) == wanted(data, "reviews")


def test_a_budget_in_money_is_one_for_a_task_whose_machine_has_a_price(tmp_path: Path, task: str) -> None:
    Path(task).write_text(Path(task).read_text() + "\nbusiness: {currency: JPY, machine: {hourly: 60}}\n")

    assert request_from(task, budget="30yen").minutes == 15, "the file has 15 minutes of its own"
    assert request_from(task, budget="3 JPY").minutes == 3
    with pytest.raises(RequestError, match="a budget in money needs what an hour of the machine costs"):
        request_from("reviews.csv", base_model="owner/base", budget="3000yen")
    with pytest.raises(RequestError, match="a duration must be"):
        request_from("reviews.csv", base_model="owner/base", budget="15min")


def test_every_flag_overrides_a_task_file(task: str) -> None:
    path = str(Path(task).with_name("complaints.csv"))
    data = DataRequest(path=path, text="body", label="kind", test="held_out.csv", rows=200, slices=("branch", "month"))

    assert request_from(task, **EVERY_FLAG) == wanted(data, "complaint-routing")


def test_a_task_file_alone_is_taken_as_it_is(task: str) -> None:
    request = request_from(task)

    assert (request.data.text, request.data.label, request.data.rows) == ("message", "team", 500)
    assert request.limits == Limits(max_params=500_000, max_memory=8_000_000_000, min_metric=0.8)
    assert request.budget == Budget(trials=10, minutes=15)


@pytest.mark.parametrize(
    ("flag", "place"),
    [("trials", "budget"), ("budget", "budget"), ("max_params", "limits"), ("min_metric", "limits"), ("rows", "data")],
)
def test_one_flag_changes_nothing_else(flag: str, place: str, task: str) -> None:
    before, after = request_from(task), request_from(task, **{flag: EVERY_FLAG[flag]})

    assert getattr(after, place) != getattr(before, place)
    for other in {"data", "limits", "budget", "seed", "metric"} - {place}:
        assert getattr(after, other) == getattr(before, other)
    changed = [k for k, v in vars(getattr(after, place)).items() if v != vars(getattr(before, place))[k]]
    assert len(changed) == 1


def test_a_request_is_taken_and_flags_override_it_too(task: str) -> None:
    given = request_from(task)

    assert request_from(given) == given
    assert request_from(given, seed=9).seed == 9


def test_python_callers_may_give_paths_and_bytes(tmp_path: Path) -> None:
    request = request_from(tmp_path / "reviews.csv", base_model=tmp_path / "base", max_memory=8_000_000_000)

    assert request.data.path == str(tmp_path / "reviews.csv")
    assert request.base_model == str(tmp_path / "base")
    assert request.limits.max_memory == 8_000_000_000


# -------------------------------------------------------------------------------------------------------- hub or file


@pytest.mark.parametrize("name", ["owner/reviews", "owner/reviews-1.5"])
def test_a_name_that_is_no_file_here_and_reads_like_an_id_is_a_hub_id(name: str) -> None:
    request = request_from(name, base_model="owner/base")

    assert (request.data.hub, request.data.path) == (name, None)


@pytest.mark.parametrize(
    "name",
    ["reviews", "reviews.csv", "data/reviews.csv", "./owner/reviews", "/owner/reviews", "~/reviews", "a/b/c", "owner/"],
)
def test_what_is_spelt_like_a_path_is_a_path(name: str) -> None:
    request = request_from(name, base_model="owner/base")

    assert (request.data.hub, request.data.path) == (None, name)


def test_a_folder_that_is_here_is_no_hub_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "owner" / "reviews").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)

    assert request_from("owner/reviews", base_model="owner/base").data.path == "owner/reviews"


# ---------------------------------------------------------------------------------------------------------- bad values


@pytest.mark.parametrize(
    ("flags", "message", "hint"),
    [
        ({"budget": "soon"}, "budget: a duration must be hours, minutes and seconds", "write, for example, 15m"),
        ({"budget": "15"}, "budget: a duration must be", "write 15m for minutes"),
        ({"budget": 15}, "budget: a duration must be", "write 15m for minutes"),
        ({"budget": "0m"}, "budget: a duration must be longer than nothing, but got '0m'", "15m"),
        ({"budget": "-5m"}, "but got '-5m'", "15m"),
        ({"prefix_cache": "2 apples"}, "prefix_cache: a size must be a number of bytes", "write, for example, 8GB"),
        ({"max_memory": "8 apples"}, "max_memory: a size must be a number of bytes", "write, for example, 8GB"),
        ({"max_memory": "8"}, "max_memory must be a whole number of at least 1,024, but got 8", "write a unit"),
        ({"max_params": 0}, "max_params must be a whole number of at least 1, but got 0", "change max_params"),
        ({"min_metric": 80.0}, "min_metric must be between 0 and 1, but got 80.0", "write 80 % as 0.8"),
        (
            {"min_metric": float("nan")},
            "min_metric must be between 0 and 1 (for mae and completion_loss a number from 0), but got nan",
            "0.8",
        ),
        ({"kpi": ["accuracy"]}, "kpi must be a metric and the worst score that will do", "--kpi accuracy=0.9"),
        ({"kpi": ["accuracy=90%"]}, "such as accuracy=0.9, but got 'accuracy=90%'", "--kpi accuracy=0.9"),
        ({"kpi": ["mae=3"]}, "kpi must be of metrics that are computed with metric macro_f1", "choose one of them"),
        ({"baselines": "every"}, "baselines must be one of none, quick, all", "choose one of them"),
        ({"trials": 0}, "trials must be a whole number of at least 1, but got 0", "change trials"),
        ({"rows": -1}, "rows must be a whole number of at least 1, but got -1", "change rows"),
        ({"seed": -1}, "seed must be a whole number from 0", "change seed"),
        ({"metric": "macro-f1"}, "metric must be one of macro_f1, accuracy, micro_f1", "did you mean macro_f1?"),
        ({"precision": "bf16"}, "precision must be one of auto, exact, fast", "choose one of them"),
        ({"text": " "}, "text must be text, but got ' '", "write a text"),
        ({"base_model": ""}, "base_model must be text, but got ''", "write a text"),
        ({"trails": 5}, "there is no option 'trails'", "did you mean trials?"),
        ({"zzz": 5}, "there is no option 'zzz'", "options: text, label"),
    ],
)
def test_a_bad_value_is_one_error_with_rule_value_and_way_out(
    flags: dict[str, object], message: str, hint: str
) -> None:
    with pytest.raises(RequestError) as caught:
        request_from("reviews.csv", **({"base_model": "owner/base"} | flags))

    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_search_without_a_base_is_an_error() -> None:
    with pytest.raises(RequestError, match="a search needs a base model") as caught:
        request_from("reviews.csv", text="text")

    assert "--base-model" in caught.value.hint


# ------------------------------------------------------------------------------------------------------------- resume


@pytest.fixture
def started(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run folder where ``task`` put it."""
    monkeypatch.chdir(tmp_path)
    request = with_paths_from(request_from(task), tmp_path)
    return RunFolder.create(out_folder(request), as_yaml(request))


def test_a_run_folder_itself_is_gone_on_with(started: RunFolder) -> None:
    assert resumed_folder(started.path) == started.path
    assert resumed_folder(str(started.path), trials=10) == started.path


def test_the_task_file_and_the_same_flags_lead_to_the_run_they_started(task: str, started: RunFolder) -> None:
    assert resumed_folder(task) == started.path == Path("runs/complaint-routing")
    assert resumed_folder(task, seed=3, budget="15m") == started.path
    assert resumed_folder(request_from(task)) == started.path
    assert resumed_folder(task, started.path) == started.path


def test_a_file_and_its_flags_lead_to_the_run_they_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags = {"base_model": "owner/base", "trials": 5}
    request = with_paths_from(request_from("reviews.csv", **flags), tmp_path)
    run = RunFolder.create(tmp_path / "elsewhere", as_yaml(request))

    assert resumed_folder("reviews.csv", run.path, **flags) == run.path
    with pytest.raises(RunFolderError, match="'runs/reviews' is not a run folder"):
        resumed_folder("reviews.csv", **flags)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"trials": 48}, "budget.trials of the search in 'runs/complaint-routing' is 10, but 48 is asked for"),
        ({"max_memory": "9GB"}, "is 8000000000, but 9000000000 is asked for"),
        ({"label": "mood"}, "data.label of the search in 'runs/complaint-routing' is 'team', but 'mood' is asked for"),
    ],
)
def test_a_resumed_search_cannot_be_asked_for_something_else(
    flags: dict[str, object], message: str, task: str, started: RunFolder
) -> None:
    for data in (task, started.path):
        with pytest.raises(RequestError) as caught:
            resumed_folder(data, **flags)
        assert message in caught.value.message
        assert "leave that out, or start a new search" in caught.value.hint


def test_there_is_nothing_to_resume_where_no_search_was(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="is not a run folder") as caught:
        resumed_folder(tmp_path / "nowhere")

    assert caught.value.hint == "give the --out of a search"
