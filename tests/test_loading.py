from __future__ import annotations

import ast

import pytest

from autolora.loading import Answers, loading_code

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("name", ["plain", 'say "no"', "it's", "修理", "a\nb", "{x}", '"""'])
def test_any_name_stays_a_literal(name: str) -> None:
    code = loading_code(Answers(classes=(name, "other")), base_model=name, adapter=name, max_length=64)

    assigned = {
        ast.unparse(node.targets[0]): node.value for node in ast.parse(code).body if isinstance(node, ast.Assign)
    }
    assert ast.literal_eval(assigned["base_model"]) == name
    assert ast.literal_eval(assigned["classes"]) == [name, "other"]
    assert ast.literal_eval(next(c for c in ast.walk(assigned["model"]) if isinstance(c, ast.Constant))) == name
