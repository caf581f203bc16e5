"""What only the loaded base model can tell to be wrong: one clear error after Ray was started, nothing written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from tests.conftest import CLASSES, made_up_split

pytestmark = pytest.mark.ray

SPACE = """\
version: 1
parameters:
  rank: {{type: choice, values: [2, 4]}}
  learning_rate: {{type: float, low: 1.0e-4, high: 1.0e-2, log: true}}
fixed: {{target_modules: {modules}, layers: {layers}, max_length: 24}}
"""
CASES = {
    "modules that the model lacks": (
        "[query, q_proj]",
        "all",
        (),
        ("a layer of this model has no linear module 'q_proj'", "groups: attention_qv", "attention.self.query"),
    ),
    "layers that the model lacks": (
        "attention",
        "[0, 7]",
        (),
        ("this model has layers 0 to 1, but got 7", "last_half"),
    ),
    "limits that no configuration keeps": (
        "attention",
        "all",
        ("--max-params", "10"),
        ("max_params is 10, but the smallest adapter of the space 'space' trains", "raise max_params"),
    ),
}


@pytest.fixture
def here(tmp_path: Path, tiny_folder) -> Path:
    shutil.copytree(tiny_folder(), tmp_path / "base")
    rows = made_up_split(30, seed=5)
    lines = [f"{text},{CLASSES[label]}" for text, label in zip(rows.texts, rows.labels, strict=True)]
    (tmp_path / "data.csv").write_text("\n".join(["text,label", *lines, ""]))
    return tmp_path


def refused(here: Path, flags: tuple[str, ...], says: tuple[str, ...]) -> None:
    command = [
        sys.executable,
        "-m",
        "autolora.cli",
        "search",
        "data.csv",
        "--base-model",
        "base",
        "--space",
        "space.yaml",
    ]
    before = sorted(here.rglob("*"))

    done = subprocess.run([*command, "--out", "out", *flags], cwd=here, capture_output=True, text=True, timeout=300)

    lines = done.stderr.splitlines()
    errors = [line for line in lines if line.startswith("Error: ")]
    assert done.returncode == 2, done.stderr
    assert errors == lines[-1:], done.stderr
    assert done.stdout == ""
    for words in says:
        assert words in errors[0]
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize(("modules", "layers", "flags", "says"), CASES.values(), ids=CASES)
def test_what_the_model_lacks_is_one_error_that_lists_what_it_has(
    modules: str, layers: str, flags: tuple[str, ...], says: tuple[str, ...], here: Path
) -> None:
    (here / "space.yaml").write_text(SPACE.format(modules=modules, layers=layers))

    refused(here, flags, says)


def test_a_base_that_classifies_no_texts_is_one_error(here: Path) -> None:
    (here / "space.yaml").write_text(SPACE.format(modules="attention", layers="all"))
    config = json.loads((here / "base" / "config.json").read_text())
    (here / "base" / "config.json").write_text(json.dumps(config | {"model_type": "vit"}))

    refused(here, (), ("the base model cannot be loaded as a text classifier: ", "AutoModelForSequenceClassification"))


def test_weights_of_another_model_are_one_error(here: Path) -> None:
    (here / "space.yaml").write_text(SPACE.format(modules="attention", layers="all"))
    (here / "base" / "model.safetensors").write_bytes(save({"weight": np.zeros(1, dtype=np.float32)}))

    refused(here, (), ("the checkpoint holds no weights for the layers", "copy the model again"))
