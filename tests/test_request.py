from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from autolora import objectives
from autolora.data_request import DataRequest
from autolora.errors import RequestError
from autolora.records import from_json, to_json
from autolora.request import METRICS, Budget, Limits, Request, as_yaml, read, with_paths_from

pytestmark = pytest.mark.unit

EXAMPLE = """\
version: 1
name: complaint-routing
data: {path: complaints.csv, text: text, label: label, test: null}   # or hub: NAME
base_model: owner/base
metric: macro_f1
space: encoder
limits: {max_params: 500000, max_memory: 8GB, min_metric: 0.80}
budget: {trials: 24, minutes: 15}
seed: 0
"""
SHORTEST = "data: {path: complaints.csv, text: text, label: label}\nbase_model: owner/base\n"
PATHS = st.sampled_from(
    [
        "version",
        "name",
        "data",
        "data.path",
        "data.hub",
        "data.text",
        "data.test",
        "data.rows",
        "data.encoding",
        "data.slices",
        "base_model",
        "metric",
        "space",
        "limits",
        "limits.max_params",
        "limits.max_memory",
        "limits.min_metric",
        "limits.kpi",
        "limits.margin",
        "budget",
        "budget.trials",
        "budget.minutes",
        "baselines",
        "seed",
        "precision",
        "first_suggestions",
        "address",
    ]
)
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**300, max_value=10**500),
    st.floats(),
    st.dates(),
    st.text(max_size=8),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def written(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "task.yaml"
    path.write_text(content, encoding="utf-8")
    return path


def changed(path: str, value: Any) -> str:
    """Return the example with the value at a dotted path replaced."""
    mapping = yaml.safe_load(EXAMPLE)
    *way, last = path.split(".")
    at = mapping
    for key in way:
        at = at[key]
    at[last] = value
    return yaml.safe_dump(mapping)


def refusal(tmp_path: Path, content: str) -> RequestError:
    with pytest.raises(RequestError) as caught:
        read(written(tmp_path, content))
    return caught.value


# ------------------------------------------------------------------------------------------------------------- reading


def test_a_task_file_is_read(tmp_path: Path) -> None:
    assert read(written(tmp_path, EXAMPLE)) == Request(
        name="complaint-routing",
        data=DataRequest(path=str(tmp_path / "complaints.csv"), text="text", label="label"),
        base_model="owner/base",
        limits=Limits(max_params=500_000, max_memory=8 * 10**9, min_metric=0.8),
        budget=Budget(trials=24, minutes=15),
    )


def test_what_nobody_names_has_its_default(tmp_path: Path) -> None:
    assert read(written(tmp_path, SHORTEST)) == Request(
        version=1,
        name="complaints",
        data=DataRequest(
            path=str(tmp_path / "complaints.csv"),
            hub=None,
            text="text",
            label="label",
            test=None,
            rows=None,
            encoding=None,
        ),
        base_model="owner/base",
        metric="macro_f1",
        space="encoder",
        limits=Limits(max_params=None, max_memory=None, min_metric=None),
        budget=Budget(trials=24, minutes=None),
        seed=0,
        precision="auto",
        first_suggestions=True,
        address=None,
    )


def test_keys_without_a_value_have_their_default(tmp_path: Path) -> None:
    empty = "name:\nmetric:\nlimits:\nbudget: {trials: , minutes: }\nseed:\nprecision:\nfirst_suggestions:\n"

    assert read(written(tmp_path, SHORTEST + empty)) == read(written(tmp_path, SHORTEST))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("version", 2, "version must be 1, but got 2"),
        ("name", "a/b", "name must be at most 80 letters, digits, dashes, underscores and dots"),
        ("name", "..", "but got '..'"),
        ("name", "-rf", "but got '-rf'"),
        ("name", "x" * 81, "name must be at most 80 letters"),
        ("name", 2024, "but got 2024"),
        ("data", None, "data: must be given"),
        ("data", "complaints.csv", "data: must be a mapping of keys to values, but got 'complaints.csv'"),
        ("data.path", None, "data: exactly one of path and hub must be given, but got path=None and hub=None"),
        ("data.hub", "owner/data", "data: exactly one of path and hub must be given, but got path='complaints.csv'"),
        (
            "data.text",
            None,
            "data: columns must be named as text and label, as prompt and completion, or as messages, but",
        ),
        ("data.label", True, "data: label must be text, but got True"),
        ("data.test", "", "data: test must be text, but got ''"),
        ("data.rows", 0, "data: rows must be a whole number of at least 1, but got 0"),
        ("data.slices", "branch", "data: slices must be a list of columns, but got 'branch'"),
        ("data.slices", ["branch", 3], "data: slices must be text, but got 3"),
        ("data.slices", ["text"], "data: slices must be other columns than those of texts and labels, but got 'text'"),
        ("data.slices", ["label"], "other columns than those of texts and labels, but got 'label'"),
        ("data.slices", ["a", "b", "a"], "data: slices must name every column once, but 'a' is there twice"),
        ("base_model", "", "base_model must be text, but got ''"),
        ("base_model", None, "base_model: must be given"),
        (
            "metric",
            "f1",
            "metric must be one of macro_f1, accuracy, micro_f1, mae, r2, chrf, rouge_l, token_f1, exact_match,"
            " completion_loss, but got 'f1'",
        ),
        (
            "metric",
            ["accuracy"],
            "metric must be one of macro_f1, accuracy, micro_f1, mae, r2, chrf, rouge_l, token_f1, exact_match,"
            " completion_loss, but got ['accuracy']",
        ),
        ("space", 3, "space must be text, but got 3"),
        ("limits", [1], "limits: must be a mapping of keys to values, but got [1]"),
        ("limits.max_params", 0, "limits: max_params must be a whole number of at least 1, but got 0"),
        ("limits.max_params", 1.5, "limits: max_params must be a whole number of at least 1, but got 1.5"),
        ("limits.max_params", True, "limits: max_params must be a whole number of at least 1, but got True"),
        ("limits.max_memory", 8, "limits: max_memory must be a whole number of at least 1,024, but got 8"),
        (
            "limits.max_memory",
            8.5e9,
            "limits: max_memory must be a whole number of at least 1,024, but got 8500000000.0",
        ),
        ("prefix_cache", 2, "prefix_cache must be a whole number of at least 1,024, but got 2"),
        ("prefix_cache", False, "prefix_cache must be a whole number of at least 1,024, but got False"),
        ("prefix_cache", "much", "prefix_cache: a size must be a number of bytes, or a number and one of"),
        ("limits.max_memory", "8 lots", "limits.max_memory: a size must be a number of bytes, or a number and one of"),
        ("limits.kpi", 0.9, "limits: kpi must name metrics with the worst score that will do, but got 0.9"),
        ("limits.kpi", {1: 0.9}, "limits: kpi must name metrics with the worst score that will do, but got {1: 0.9}"),
        ("limits.kpi", {"accuracy": "high"}, "limits: kpi accuracy must be a number from 0, but got 'high'"),
        ("limits.kpi", {"accuracy": 90}, "limits.kpi.accuracy must be between 0 and 1, but got 90"),
        (
            "limits.kpi",
            {"recall": 0.9},
            "kpi must be of metrics that are computed with metric macro_f1, which are macro_f1, accuracy, micro_f1, but"
            " got 'recall'",
        ),
        ("baselines", "some", "baselines must be one of none, quick, all, but got 'some'"),
        ("limits.margin", 2, "limits.margin must be between 0 and 1, but got 2"),
        ("limits.margin", 0, "limits: margin must be a number above 0, in the metric's unit, but got 0"),
        ("limits.min_metric", 80, "limits.min_metric must be between 0 and 1, but got 80"),
        (
            "limits.min_metric",
            float("nan"),
            "limits: min_metric must be between 0 and 1 (for mae and completion_loss a number from 0), but got nan",
        ),
        ("budget.trials", 0, "budget: trials must be a whole number of at least 1, but got 0"),
        ("budget.trials", "many", "budget: trials must be a whole number of at least 1, but got 'many'"),
        ("budget.minutes", 0, "budget: minutes must be a finite number above 0, but got 0"),
        ("budget.minutes", float("inf"), "budget: minutes must be a finite number above 0, but got inf"),
        ("budget.minutes", "15m", "budget: minutes must be a finite number above 0, but got '15m'"),
        ("seed", -1, "seed must be a whole number from 0 to 2,147,483,647, but got -1"),
        ("seed", 2**31, "seed must be a whole number from 0 to 2,147,483,647, but got 2147483648"),
        ("precision", "fp16", "precision must be one of auto, exact, fast, 4bit, but got 'fp16'"),
        ("first_suggestions", "off", "first_suggestions must be true or false, but got 'off'"),
        ("address", " ", "address must be text, but got ' '"),
    ],
)
def test_what_is_wrong_is_one_error_with_file_key_rule_and_value(
    tmp_path: Path, path: str, value: Any, message: str
) -> None:
    error = refusal(tmp_path, changed(path, value))

    assert error.message.startswith("task.yaml: ")
    assert message in error.message
    assert error.hint


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("basemodel", "did you mean base_model?"),
        (
            "data.columns",
            "keys: path, hub, text, label, prompt, completion, messages, template, test, rows, problem,"
            " label_separator, encoding, split_by, split_by_time, slices",
        ),
        ("limits.max_parms", "did you mean max_params?"),
        ("budget.minute", "did you mean minutes?"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest_known(tmp_path: Path, path: str, hint: str) -> None:
    error = refusal(tmp_path, changed(path, 1))

    assert error.message == f"task.yaml: {path}: unknown key"
    assert error.hint == hint


@pytest.mark.parametrize(
    ("path", "value", "hint"),
    [
        ("limits.max_params", "5e5", "YAML reads 5e5 as text; write 5.0e+5"),
        ("limits.max_memory", 8, "write a unit, such as 8GB"),
        ("prefix_cache", 2, "write a unit, such as 2GB, or 0 for none"),
        ("limits.min_metric", "8e-1", "YAML reads 8e-1 as text; write 8.0e-1"),
        ("budget.trials", "24", "24 is text here; write it without quotes"),
        ("budget.minutes", "15m", "write a number without a unit, such as 15"),
        ("metric", "macro-f1", "did you mean macro_f1?"),
        ("data.label", 2024, "put it in quotes"),
        ("name", 2024, "put it in quotes"),
    ],
)
def test_usual_slips_get_the_way_out(tmp_path: Path, path: str, value: Any, hint: str) -> None:
    assert refusal(tmp_path, changed(path, value)).hint == hint


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, EXAMPLE + "seed: 1\n").message == "task.yaml, line 10: the key 'seed' is given twice"


def test_aliases_are_refused(tmp_path: Path) -> None:
    content = EXAMPLE.replace("metric: macro_f1", "metric: &m macro_f1").replace("space: encoder", "space: *m")

    assert "task.yaml, line 6: aliases must not be used" in refusal(tmp_path, content).message


@given(path=PATHS, value=ANYTHING)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_with_any_value_in_it_is_good_or_one_error(tmp_path: Path, path: str, value: object) -> None:
    file = written(tmp_path, changed(path, value))

    try:
        request = read(file)
    except RequestError as error:
        assert error.hint  # noqa: PT017 (the other outcome is as good)
    else:
        assert read(written(tmp_path, as_yaml(request))) == request


# --------------------------------------------------------------------------------------------------------------- paths


def test_relative_paths_start_at_the_files_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "tasks"
    (home / "models" / "small").mkdir(parents=True)
    content = (
        "data: {path: rows/a.csv, text: t, label: l, test: ../b.csv}\nbase_model: models/small\nspace: mine.yaml\n"
    )
    written(home, content)
    monkeypatch.chdir(tmp_path)

    request = read("tasks/task.yaml")

    assert request.data.path == str(home / "rows" / "a.csv")
    assert request.data.test == str(tmp_path / "b.csv")
    assert request.base_model == str(home / "models" / "small")
    assert request.space == str(home / "mine.yaml")


def test_names_that_are_no_paths_stay_as_they_are(tmp_path: Path) -> None:
    request = read(written(tmp_path, "data: {hub: owner/data, text: t, label: l}\nbase_model: owner/base\n"))

    assert (request.data.hub, request.base_model, request.space) == ("owner/data", "owner/base", "encoder")
    assert request.name == "data"


def test_a_base_model_spelt_like_a_path_is_one(tmp_path: Path) -> None:
    request = read(written(tmp_path, SHORTEST.replace("owner/base", "./absent")))

    assert request.base_model == str(tmp_path / "absent")


def test_the_home_folder_may_be_written_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")

    request = read(written(tmp_path, SHORTEST.replace("complaints.csv", "~/complaints.csv")))

    assert request.data.path == "/home/somebody/complaints.csv"


def test_links_keep_their_names(tmp_path: Path) -> None:
    (tmp_path / "blob").write_text("text,label\n")
    (tmp_path / "complaints.csv").symlink_to(tmp_path / "blob")

    assert read(written(tmp_path, SHORTEST)).data.path == str(tmp_path / "complaints.csv")


# ------------------------------------------------------------------------------------------------------------ business

BUSINESS = (
    SHORTEST
    + """
business:
  currency: JPY
  minutes_per_item: [3, 4, 6]
  hourly_cost: 3500
  machine: {price: 480000, months: 48, hours_per_month: 100}
  staff: {labelling_hours: 12}
"""
)


def test_what_a_business_says_is_read_and_written_back(tmp_path: Path) -> None:
    request = read(written(tmp_path, BUSINESS))

    assert request.business.minutes_per_item == (3, 4, 6)
    assert request.business.staff.labelling_hours == 12
    (tmp_path / "again.yaml").write_text(as_yaml(request))
    assert read(tmp_path / "again.yaml") == request


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("  minute_per_item: 4", "business.minute_per_item: unknown key"),
        ("  volume_per_month: 12e9", "volume_per_month must be a number above 0"),
        ("  energy: {country: Japan}", "business.energy: country must be a code of three capital letters"),
        ("  machine: {hourly: 3, price: 4}", "business.machine: an hour of the machine is given by hourly or by price"),
        ("  targets: {error_rate: 5}", "business: targets.error_rate must be a number from 0 to 1"),
    ],
)
def test_a_wrong_line_of_a_business_is_one_error(tmp_path: Path, line: str, says: str) -> None:
    content = BUSINESS.replace("  machine: {price: 480000, months: 48, hours_per_month: 100}\n", "") + line + "\n"

    assert says in refusal(tmp_path, content).message


def test_money_ends_a_search_where_the_machine_has_a_price(tmp_path: Path) -> None:
    def minutes(budget: str) -> float | None:
        return read(written(tmp_path, f"{BUSINESS}budget: {{{budget}}}\n")).minutes

    assert minutes("money: 50 JPY") == 30
    assert minutes("money: 50yen, minutes: 20") == 20
    assert minutes("money: 50yen, minutes: 90") == 30


def test_money_without_a_price_or_in_another_currency_is_refused(tmp_path: Path) -> None:
    fault = refusal(tmp_path, SHORTEST + "\nbudget: {money: 3000yen}\n")
    assert "a budget in money needs what an hour of the machine costs, but got '3000yen'" in fault.message
    assert "business: {currency: JPY, machine: {hourly: 120}}" in fault.hint
    fault = refusal(tmp_path, f"{BUSINESS}budget: {{money: 20usd}}\n")
    assert "all amounts must be in one currency, which is JPY, but budget.money is in USD" in fault.message


# ---------------------------------------------------------------------------------------------------------------- name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("complaints.csv", "complaints"),
        ("in/new data (2).csv", "new-data-2"),
        ("苦情.csv", "苦情"),
        ("か\u3099.csv", "が"),
        ("...", "task"),
        (".csv", "csv"),
        ("saved_folder/", "saved_folder"),
        ("x" * 200 + ".csv", "x" * 80),
    ],
)
def test_the_name_is_made_from_that_of_the_data(path: str, name: str) -> None:
    assert Request(data=DataRequest(path=path, text="t", label="l"), base_model="b").name == name


# ------------------------------------------------------------------------------------------------------- and back again


def test_a_request_is_written_with_every_default_filled_in(tmp_path: Path) -> None:
    text = as_yaml(read(written(tmp_path, SHORTEST)))

    assert yaml.safe_load(text) == {
        "version": 1,
        "name": "complaints",
        "data": {
            "path": str(tmp_path / "complaints.csv"),
            "hub": None,
            "text": "text",
            "label": "label",
            "prompt": None,
            "completion": None,
            "messages": None,
            "template": None,
            "test": None,
            "rows": None,
            "encoding": None,
            "split_by": None,
            "split_by_time": None,
            "slices": [],
            "problem": None,
            "label_separator": None,
        },
        "base_model": "owner/base",
        "base_id": None,
        "metric": "macro_f1",
        "space": "encoder",
        "limits": {"max_params": None, "max_memory": None, "min_metric": None, "kpi": {}, "margin": None},
        "budget": {"trials": 24, "minutes": None, "money": None},
        "seed": 0,
        "precision": "auto",
        "baselines": "quick",
        "prefix_cache": None,
        "first_suggestions": True,
        "address": None,
        "memory": None,
        "priority": 1.0,
        "deadline": None,
        "business": None,
    }
    assert text.startswith("version: 1\nname: complaints\n")


@example(text="next\x85line", address=None, minutes=None, memory=None)
@given(
    text=st.text(min_size=1).filter(str.strip),
    address=st.none() | st.sampled_from(["auto", "no", "1e-4", "ray://10.0.0.1:10001", "苦情"]),
    minutes=st.none() | st.floats(min_value=0, exclude_min=True, allow_infinity=False),
    memory=st.none() | st.integers(1024, 2**50),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read_back(
    tmp_path: Path, text: str, address: str | None, minutes: float | None, memory: int | None
) -> None:
    request = Request(
        data=DataRequest(path="/data/a.csv", text=text, label="label", slices=("branch", "苦情")),
        base_model="owner/base",
        limits=Limits(max_memory=memory),
        budget=Budget(minutes=minutes),
        address=address,
    )

    assert read(written(tmp_path, as_yaml(request))) == request


def test_a_request_goes_through_json_and_pickle(tmp_path: Path) -> None:
    request = read(written(tmp_path, EXAMPLE))

    assert from_json(to_json(request), Request) == request
    assert msgspec.convert(msgspec.to_builtins(request), Request) == request
    assert pickle.loads(pickle.dumps(request)) == request


def test_a_request_made_in_code_is_checked_too() -> None:
    request = Request(data=DataRequest(hub="owner/data", text="t", label="l"), base_model="b")

    with pytest.raises(RequestError, match="seed must be a whole number"):
        replace(request, seed=-1)


def test_paths_of_a_command_line_start_where_it_was_typed(tmp_path: Path) -> None:
    request = Request(data=DataRequest(path="a.csv", text="t", label="l"), base_model="b", space="my/space.yml")

    found = with_paths_from(request, tmp_path)

    assert (found.data.path, found.base_model) == (str(tmp_path / "a.csv"), "b")
    assert found.space == str(tmp_path / "my" / "space.yml")


def test_the_metrics_are_those_that_tasks_have() -> None:
    assert objectives.METRICS.keys() == {name for each in METRICS.values() for name in each}
