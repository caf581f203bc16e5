from __future__ import annotations

import ast
import shlex
from dataclasses import replace

import pytest
import yaml

from autolora.cli import main
from autolora.report import recipes
from tests.report import made_up

pytestmark = pytest.mark.unit


def _assigned(code: str, name: str) -> object:
    """Return the literal that a program assigns to a name."""
    assignments = (node for node in ast.parse(code).body if isinstance(node, ast.Assign))
    return next(ast.literal_eval(node.value) for node in assignments if ast.unparse(node.targets[0]) == name)


def test_the_task_file_reads_back_as_the_request_without_folders() -> None:
    written = yaml.safe_load(recipes.task_file(made_up.report()))

    assert written["data"]["path"] == "reviews.csv"
    assert written["base_model"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert written["budget"] == {"trials": 24, "minutes": 60}


def test_absolute_paths_of_any_system_are_cut() -> None:
    report = replace(made_up.unconfirmed(), request={"base_model": "C:\\models\\mini", "list": ["/a/b", "a/b"]})

    assert report.shareable_request == {"base_model": "mini", "list": ["b", "a/b"]}
    assert report.base_model == "mini"


def test_commands_hold_no_word_of_a_hostile_name() -> None:
    lines = recipes.commands(made_up.hostile()).splitlines()

    assert [shlex.split(line)[:2] for line in lines] == [
        ["autolora", "search"],
        ["autolora", "recommend"],
        ["autolora", "report"],
    ]
    assert all(letter.isalnum() or letter in "-/ ._\n" for letter in recipes.commands(made_up.hostile()))


def test_the_commands_are_ones_that_the_command_line_understands() -> None:
    for line in recipes.commands(made_up.report()).splitlines():
        program, name, *words = shlex.split(line)
        assert program == "autolora"
        main.commands[name].make_context(name, words)  # parses, runs nothing, raises on an unknown option


def test_where_the_default_is_kept_its_adapter_is_what_the_code_loads() -> None:
    good = made_up.report()
    kept = replace(good, recommendation=replace(good.recommendation, verdict="keep_default", kept="rate_grid"))

    assert "from_pretrained(base, 'adapter')" in recipes.how_to_load(good)
    assert "from_pretrained(base, 'adapter_default')" in recipes.how_to_load(kept)
    found = kept.recommendation
    same = replace(found.baselines["rate_grid"], config=found.config)
    alike = replace(found, baselines=found.baselines | {"rate_grid": same})
    assert "from_pretrained(base, 'adapter')" in recipes.how_to_load(replace(kept, recommendation=alike))


def test_the_loading_code_is_python_that_names_classes_and_length() -> None:
    code = recipes.how_to_load(made_up.report())

    assert _assigned(code, "base_model") == "sentence-transformers/all-MiniLM-L6-v2"
    assert _assigned(code, "classes") == ["negative", "positive"]
    assert "min(128, tokenizer.model_max_length)" in code
    assert "PeftModel.from_pretrained(base, 'adapter')" in code


def test_hostile_class_names_stay_literals() -> None:
    assert _assigned(recipes.how_to_load(made_up.hostile()), "classes") == [made_up.HOSTILE, "positive"]
