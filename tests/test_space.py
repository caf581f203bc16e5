from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import autolora
from autolora.domains import DOMAINS
from autolora.errors import SpaceError
from autolora.space import Choice, Float, Int, Space, from_dict, load, shipped

pytestmark = pytest.mark.unit

SHIPPED = ("attention_only", "decoder", "decoder_quick", "encoder", "quick")
GOOD: dict[str, Any] = {
    "version": 1,
    "parameters": {
        "rank": {"type": "choice", "values": [1, 2, 4]},
        "layers": {"type": "choice", "values": ["last_1", "last_half", [0, 3]]},
        "learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True},
        "batch_size": {"type": "int", "low": 4, "high": 16, "step": 4},
    },
    "fixed": {"target_modules": ["query", "value"]},
    "start": [{"rank": 2, "layers": [0, 3], "learning_rate": 1e-3, "batch_size": 8}],
}
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**300, max_value=10**500),
    st.floats(),
    st.sampled_from(["last_3", "last_quarter", "attention_qkv", "mlp", "all", "1e-4", "last_0"]),
    st.text(max_size=5),
    st.lists(st.one_of(st.integers(), st.text(max_size=3)), max_size=3),
)


SOME_KEYS = st.sampled_from(
    ["version", "parameters", "fixed", "start", "rank", "layers", "type", "values", "low", "high", "log", "step"]
)
SOME_PATHS = st.sampled_from(
    [
        "version",
        "parameters",
        "parameters.rank",
        "parameters.rank.values",
        "parameters.learning_rate.low",
        "parameters.batch_size.step",
        "fixed",
        "fixed.target_modules",
        "fixed.epochs",
        "start",
        "start.0",
        "start.0.rank",
    ]
)


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return a good space's mapping with the value at a dotted path replaced."""
    mapping: dict[str, Any] = yaml.safe_load(yaml.safe_dump(GOOD))
    at: Any = mapping
    *way, last = path.split(".")
    for key in way:
        at = at[int(key)] if isinstance(at, list) else at[key]
    at[int(last) if isinstance(at, list) else last] = value
    return mapping


def refusal(tmp_path: Path, mapping: object) -> SpaceError:
    path = tmp_path / "mine.yaml"
    path.write_text(mapping if isinstance(mapping, str) else yaml.safe_dump(mapping))
    with pytest.raises(SpaceError) as caught:
        load(str(path))
    return caught.value


# ------------------------------------------------------------------------------------------------------------- shipped


def test_four_spaces_are_shipped() -> None:
    assert shipped() == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_space_loads_and_samples(name: str) -> None:
    space = load(name)
    random = np.random.default_rng(0)

    assert space.name == name
    assert all(space.contains(space.sample(random)) for _ in range(50))
    assert 4 <= len(space.start) <= 6
    assert all(space.contains(entry) for entry in space.start)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_file_opens_with_when_to_use_it_and_why(name: str) -> None:
    text = (Path(autolora.__file__).parent.parent / "search_spaces" / f"{name}.yaml").read_text()

    assert text.startswith("# For ")
    assert "# Why these ranges:" in text.split("version:")[0]


def test_the_encoder_space_is_the_one_of_the_manual() -> None:
    space = load("encoder")

    assert space.parameters == {
        "rank": Choice(values=(1, 2, 4, 8, 16, 32)),
        "alpha_over_rank": Choice(values=(1, 2, 4)),
        "target_modules": Choice(values=("attention_qv", "attention", "all_linear")),
        "layers": Choice(values=("last_1", "last_quarter", "last_half", "all")),
        "learning_rate": Float(low=1e-4, high=1e-2, log=True),
    }
    assert space.fixed["epochs"] == 3
    assert space.fixed["batch_size"] == 16
    assert space.fixed["max_length"] == 128
    assert space.fixed["use_rslora"] is False


def test_an_installed_package_finds_its_spaces_and_loads_nothing_heavy(tmp_path: Path) -> None:
    package = Path(autolora.__file__).parent
    installed = tmp_path / "autolora"  # laid out as the wheel does: the spaces inside the package
    installed.mkdir()
    for module in package.glob("*.py"):
        shutil.copy(module, installed)
    shutil.copytree(package / "records", installed / "records")
    shutil.copytree(package.parent / "search_spaces", installed / "search_spaces")
    code = (
        "import sys; from autolora import request, space;"
        "print(space.__file__, space.shipped(), space.load('quick').name,"
        " [m for m in ('torch', 'ray', 'optuna', 'transformers', 'peft') if m in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == f"{installed / 'space.py'} {SHIPPED} quick []"


# ------------------------------------------------------------------------------------------------------------- reading


def test_a_file_is_read_into_the_kinds_it_names(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(GOOD))

    assert load(str(path)) == Space(
        name="mine",
        parameters={
            "rank": Choice(values=(1, 2, 4)),
            "layers": Choice(values=("last_1", "last_half", (0, 3))),
            "learning_rate": Float(low=1e-4, high=1e-2, log=True),
            "batch_size": Int(low=4, high=16, step=4),
        },
        fixed={"target_modules": ("query", "value")},
        start=({"rank": 2, "layers": (0, 3), "learning_rate": 1e-3, "batch_size": 8},),
    )


def test_what_nobody_names_has_its_default() -> None:
    assert from_dict(GOOD, name="mine").fixed == {
        "alpha_over_rank": 2,
        "use_rslora": False,
        "target_modules": ("query", "value"),
        "dropout": 0.0,
        "warmup_share": 0.0,
        "weight_decay": 0.0,
        "epochs": 3,
        "max_length": 128,
    }


@pytest.mark.parametrize("name", SHIPPED)
def test_a_space_survives_the_way_through_yaml(name: str, tmp_path: Path) -> None:
    space = load(name)
    path = tmp_path / f"{name}.yaml"
    path.write_text(yaml.safe_dump(space.as_dict()))

    assert load(str(path)) == space
    assert from_dict(space.as_dict(), name=name) == space
    assert pickle.loads(pickle.dumps(space)) == space


def test_lists_survive_the_way_through_yaml() -> None:
    space = from_dict(GOOD, name="mine")

    assert from_dict(yaml.safe_load(yaml.safe_dump(space.as_dict())), name="mine") == space


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("version", 2, "version: must be 1, but got 2"),
        ("version", True, "version: must be 1, but got True"),
        ("parameters", {}, "parameters: must hold at least one parameter"),
        ("parameters", [1], "parameters: must be a mapping of keys to values, but got [1]"),
        ("parameters.rank", 8, "parameters.rank: must be a mapping with a type, but got 8"),
        ("parameters.rank", {"values": [1]}, "parameters.rank.type: must be one of choice, float, int, but got None"),
        ("parameters.rank", {"type": "choice"}, "parameters.rank.values: must be given"),
        ("parameters.rank.values", [0, 1], "parameters.rank.values: rank must be a whole number of"),
        ("parameters.rank.values", [1.5], "rank must be a whole number of at least 1, but got 1.5"),
        ("parameters.rank.values", [True], "rank must be a whole number of at least 1, but got True"),
        ("parameters.rank.values", [2, 2], "parameters.rank: values must differ, but got 2 twice"),
        ("parameters.rank", {"type": "float", "low": 1, "high": 2}, "rank must be searched as choice or int"),
        ("parameters.rank", {"type": "int", "low": 0, "high": 2}, "parameters.rank.low: rank must be a whole number"),
        ("parameters.layers.values", ["last_0"], "parameters.layers.values: layers must be a range of layers"),
        ("parameters.layers.values", [[-1]], "but got [-1]"),
        ("parameters.layers.values", [[1, 1]], "but got [1, 1]"),
        ("parameters.layers.values", [2], "layers must be a range of layers or a list of different indices from 0"),
        ("parameters.learning_rate.low", 0.1, "learning_rate: low must be below high, but got low=0.1, high=0.01"),
        ("parameters.learning_rate.low", 0, "parameters.learning_rate: low must be positive on a log scale"),
        ("parameters.learning_rate.high", float("inf"), "learning_rate: low and high must be finite numbers"),
        ("parameters.max_length", {"type": "int", "low": 8, "high": 64}, "max_length can only be fixed, but got int"),
        ("fixed.rank", 8, "fixed.rank: rank is given under parameters too"),
        ("fixed.target_modules", None, "fixed.target_modules: target_modules must be a group of modules or a list"),
        ("fixed.target_modules", [], "fixed.target_modules: target_modules must be"),
        ("fixed.use_rslora", 1, "fixed.use_rslora: use_rslora must be true or false, but got 1"),
        ("fixed.dropout", 1, "fixed.dropout: dropout must be a number in [0, 1), but got 1"),
        ("fixed.warmup_share", -0.1, "fixed.warmup_share: warmup_share must be a number in [0, 1), but got -0.1"),
        ("fixed.weight_decay", -1, "fixed.weight_decay: weight_decay must be a number of at least 0, but got -1"),
        ("fixed.epochs", float("nan"), "fixed.epochs: epochs must be a number above 0, but got nan"),
        ("fixed.alpha_over_rank", 0, "fixed.alpha_over_rank: alpha_over_rank must be a number above 0, but got 0"),
        ("fixed.max_length", 3, "fixed.max_length: max_length must be a whole number of at least 4, but got 3"),
        ("fixed", {}, "target_modules: must be given under parameters or fixed"),
        ("fixed", "none", "fixed: must be a mapping of keys to values, but got 'none'"),
        ("start", {"rank": 1}, "start: must be a list of settings, but got {'rank': 1}"),
        ("start.0", "rank", "start[0]: must be a mapping of keys to values, but got 'rank'"),
        ("start.0.rank", 3, "start[0].rank: must be one of [1, 2, 4], but got 3"),
        ("start.0.rank", None, "start[0].rank: must be given"),
        ("start.0.learning_rate", 1.0, "start[0].learning_rate: must be a number from 0.0001 to 0.01, but got 1.0"),
        ("start.0.batch_size", 6, "start[0].batch_size: must be a whole number from 4 to 16 in steps of 4, but got 6"),
        ("start.0.target_modules", "mlp", "start[0].target_modules: unknown key"),
    ],
)
def test_what_is_wrong_is_one_error_with_file_and_key(tmp_path: Path, path: str, value: Any, message: str) -> None:
    error = refusal(tmp_path, changed(path, value))

    assert error.message.startswith("mine.yaml: ")
    assert message in error.message
    assert error.hint


def test_suggestions_must_differ(tmp_path: Path) -> None:
    mapping = changed("version", 1)
    mapping["start"] += [{**GOOD["start"][0], "rank": 4}, {**GOOD["start"][0], "layers": [0, 3]}]

    error = refusal(tmp_path, mapping)

    assert error.message == "mine.yaml: start[2]: must differ from the others, but repeats start[0]"


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("parameter", "did you mean parameters?"),
        ("parameters.ranks", "did you mean rank?"),
        ("parameters.rank.value", "did you mean values?"),
        ("fixed.target_module", "did you mean target_modules?"),
        ("start.0.batchsize", "did you mean batch_size?"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest_known(tmp_path: Path, path: str, hint: str) -> None:
    error = refusal(tmp_path, changed(path, 1))

    assert error.message == f"mine.yaml: {path.replace('start.0', 'start[0]')}: unknown key"
    assert error.hint == hint


@pytest.mark.parametrize(
    ("path", "written", "hint"),
    [
        ("parameters.learning_rate.low", "1e-4", "YAML reads 1e-4 as text; write 1.0e-4"),
        ("parameters.learning_rate.high", "1.5e1", "YAML reads 1.5e1 as text; write 1.5e+1"),
        ("parameters.rank.values", ["8"], "8 is text here; write it without quotes"),
        ("fixed.dropout", "5e-2", "YAML reads 5e-2 as text; write 5.0e-2"),
        ("start.0.learning_rate", "1e-3", "YAML reads 1e-3 as text; write 1.0e-3"),
    ],
)
def test_a_number_as_text_gets_the_right_spelling(tmp_path: Path, path: str, written: Any, hint: str) -> None:
    assert refusal(tmp_path, changed(path, written)).hint == hint


@pytest.mark.parametrize(
    ("path", "value", "hint"),
    [
        ("parameters.layers.values", ["last_haf"], "did you mean last_half?"),
        ("parameters.layers.values", [3], "write [3] for the layer of that index (from 0), or last_3"),
        ("parameters.rank.type", "choise", "did you mean choice?"),
        ("parameters.batch_size.high", 17, "use high: 16"),
    ],
)
def test_other_slips_get_the_way_out_too(tmp_path: Path, path: str, value: Any, hint: str) -> None:
    assert refusal(tmp_path, changed(path, value)).hint == hint


def test_bad_yaml_names_the_line(tmp_path: Path) -> None:
    assert refusal(tmp_path, "version: 1\nparameters: {rank: [\n").message.startswith(
        "mine.yaml, line 3: not valid YAML"
    )


def test_an_unknown_name_lists_the_shipped_ones_and_the_nearest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SpaceError) as caught:
        load("encodr")

    assert caught.value.message == (
        "there is no search space or file 'encodr'; shipped: attention_only, decoder, decoder_quick, encoder, quick"
    )
    assert caught.value.hint == "did you mean encoder?"


@pytest.mark.parametrize("name", ["", " ", "x" * 5000, "a\0b", "~nobody-of-this-name/a.yaml", "no/such/file.yaml", "."])
def test_names_that_stand_for_nothing_are_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SpaceError, match="there is no"):
        load(name)


@given(value=st.recursive(ANYTHING, lambda inner: st.dictionaries(SOME_KEYS, inner) | st.lists(inner, max_size=3)))
@settings(max_examples=150)
def test_any_mapping_is_a_space_or_one_error(value: object) -> None:
    with pytest.raises(SpaceError):
        from_dict(value, name="any")  # none of these names a rate, so none is a space


@given(path=SOME_PATHS, value=ANYTHING)
@settings(max_examples=150)
def test_a_space_with_any_value_in_it_is_good_or_one_error(path: str, value: object) -> None:
    mapping = changed(path, value)

    try:
        space = from_dict(mapping, name="any")
    except SpaceError:
        return
    assert from_dict(space.as_dict(), name="any") == space


# -------------------------------------------------------------------------------------------------------------- asking


@pytest.mark.parametrize("name", SHIPPED)
@given(seed=st.integers(0, 2**32 - 1))
def test_samples_are_contained(name: str, seed: int) -> None:
    space = load_once(name)

    assert space.contains(space.sample(np.random.default_rng(seed)))


@pytest.mark.parametrize("name", [*SHIPPED, "mine"])
@given(params=st.dictionaries(st.sampled_from([*DOMAINS, "other"]), ANYTHING))
def test_the_nearest_to_anything_is_contained(name: str, params: dict[str, Any]) -> None:
    space = load_once(name)

    assert space.contains(space.snap(params))


@pytest.mark.parametrize("name", SHIPPED)
@given(seed=st.integers(0, 2**32 - 1))
def test_members_are_nearest_to_themselves(name: str, seed: int) -> None:
    space = load_once(name)
    member = space.sample(np.random.default_rng(seed))

    assert space.snap(member) == member


def test_a_setting_from_elsewhere_lands_on_what_is_like_it() -> None:
    found = load("quick").snap(
        {"rank": 16, "target_modules": "attention", "layers": "last_1", "learning_rate": 1e-4, "alpha_over_rank": 4}
    )

    assert found == {"rank": 8, "target_modules": "attention_qv", "layers": "last_half", "learning_rate": 5e-4}


@pytest.mark.parametrize(
    ("layers", "nearest"),
    [("last_2", "last_quarter"), ("last_24", "all"), ([9, 10, 11], "last_quarter"), (list(range(12)), "all")],
)
def test_layers_are_near_when_they_are_about_as_many(layers: object, nearest: str) -> None:
    assert load("encoder").snap({"layers": layers})["layers"] == nearest


def test_where_nothing_is_near_the_first_suggestion_or_the_middle_is_taken() -> None:
    without = {key: value for key, value in GOOD.items() if key != "start"}

    assert from_dict(GOOD, name="a").snap({}) == GOOD["start"][0] | {"layers": (0, 3)}
    middle = {"rank": 2, "layers": "last_half", "learning_rate": pytest.approx(1e-3), "batch_size": 12}
    assert from_dict(without, name="a").snap({}) == middle


def test_members_name_exactly_the_parameters() -> None:
    space = from_dict(GOOD, name="mine")
    member = GOOD["start"][0]

    assert space.contains(member)
    assert not space.contains({**member, "dropout": 0.0})
    assert not space.contains({key: value for key, value in member.items() if key != "rank"})
    assert not space.contains({**member, "rank": 3})


def test_a_space_made_in_code_is_checked_too() -> None:
    with pytest.raises(SpaceError) as caught:
        Space(name="mine", parameters={"rnk": Choice(values=(1, 2))})

    assert str(caught.value) == "parameters.rnk: unknown key (did you mean rank?)"


_LOADED: dict[str, Space] = {}


def load_once(name: str) -> Space:
    """Return a space; read once, because properties ask hundreds of times."""
    if name not in _LOADED:
        _LOADED[name] = from_dict(GOOD, name=name) if name == "mine" else load(name)
    return _LOADED[name]


@pytest.mark.parametrize(
    ("learning_rate", "rates"),
    [
        ({"type": "float", "low": 1e-4, "high": 1e-2, "log": True}, (1e-4, 1e-2)),
        ({"type": "choice", "values": [2e-3, 1e-3]}, (1e-3, 2e-3)),
    ],
)
def test_a_space_knows_the_rates_that_it_holds(tmp_path: Path, learning_rate, rates) -> None:
    (tmp_path / "own.yaml").write_text(
        yaml.safe_dump(
            {
                "version": 1,
                "parameters": {"rank": {"type": "choice", "values": [1, 2]}, "learning_rate": learning_rate},
                "fixed": {"target_modules": "attention", "layers": "all"},
            }
        )
    )

    assert load(str(tmp_path / "own.yaml")).rates == rates
