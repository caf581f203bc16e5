"""What the documents say is what the program does."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

import autolora
from autolora import folder, records, request, store
from autolora.cli import main
from autolora.domains import DOMAINS, LAYER_RANGES
from autolora.space import from_dict, load, shipped
from autolora.values import listed

pytestmark = pytest.mark.unit

ROOT = Path(autolora.__file__).parents[1]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    return [body for kind, body in _FENCE.findall(read(name)) if kind == language]


def table_rows(name: str, header: str) -> list[list[str]]:
    """Return the cells of the Markdown table whose first header cell is ``header``."""
    lines = read(name).splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(f"| {header} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows


def codes(text: str) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", _FENCE.sub("", text)))


def documented_commands() -> list[tuple[str, str]]:
    """Return every ``autolora ...`` line of a shell block, with the document it stands in."""
    return [
        (name, line.split("  #")[0].strip())
        for name in NAMES
        for body in blocks(name, "sh")
        for line in body.splitlines()
        if line.startswith("autolora ")
    ]


# ------------------------------------------------------------------------------------------------------------ commands


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_has_help_and_stands_in_the_readme(name: str) -> None:
    assert main.commands[name].help
    assert any(row[0].startswith(f"`autolora {name}") for row in table_rows("README.md", "command"))


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_option_has_help_or_names_its_choices(name: str) -> None:
    for option in main.commands[name].params:
        if isinstance(option, click.Option):
            assert option.help or isinstance(option.type, click.Choice), option.opts


def test_the_readme_names_no_command_that_does_not_exist() -> None:
    named = {shlex.split(row[0].strip("`"))[1] for row in table_rows("README.md", "command")}

    assert named == set(main.commands)


def test_every_flag_of_search_is_documented_and_no_other() -> None:
    flags = {flag for option in main.commands["search"].params for flag in option.opts if flag.startswith("--")}
    documented = {code for code in codes(read("docs/task-file.md")) if code.startswith("--")}

    assert documented == flags


@pytest.mark.parametrize(("document", "line"), documented_commands())
def test_documented_commands_can_be_spelt_so(document: str, line: str) -> None:
    name, *rest = shlex.split(line)[1:]

    main.commands[name].make_context(name, rest)  # raises for what the command does not know


def test_commands_are_documented_at_all() -> None:
    assert {line.split()[1] for _, line in documented_commands()} >= {"search", "recommend"}


# -------------------------------------------------------------------------------------------------------- the task file


def task_keys() -> set[str]:
    keys = set()
    for part in fields(request.Request):
        inner = {"data": request.DataRequest, "limits": request.Limits, "budget": request.Budget}.get(part.name)
        keys |= {f"{part.name}.{each.name}" for each in fields(inner)} if inner else {part.name}
    return keys


def test_every_key_of_a_task_file_is_documented_and_no_other() -> None:
    assert {row[0].strip("`") for row in table_rows("docs/task-file.md", "key")} == task_keys()


def test_the_documented_defaults_of_a_task_file_are_the_real_ones() -> None:
    plain = request.Request(data=request.DataRequest(path="x.csv", text="text", label="label"), base_model="m")
    documented = {row[0].strip("`"): row[-1].strip("`") for row in table_rows("docs/task-file.md", "key")}

    for key in ("version", "metric", "space", "seed", "precision"):
        assert documented[key] == str(getattr(plain, key))
    assert documented["budget.trials"] == str(plain.budget.trials)
    assert documented["first_suggestions"] == str(plain.first_suggestions).lower()


@pytest.mark.parametrize("name", ["README.md", "docs/task-file.md"])
def test_documented_task_files_can_be_read(name: str, tmp_path: Path) -> None:
    (body,) = blocks(name, "yaml")
    (tmp_path / "task.yaml").write_text(body, encoding="utf-8")

    assert request.read(tmp_path / "task.yaml").budget.trials == 24


# ------------------------------------------------------------------------------------------------------- search spaces


def test_every_shipped_search_space_is_documented_loads_and_gives_members() -> None:
    import numpy as np

    files = sorted((ROOT / "search_spaces").iterdir())

    assert [path.stem for path in files] == list(shipped())
    for path in files:
        assert f"`search_spaces/{path.name}`" in read("docs/search-spaces.md")
        space = load(path.stem)
        assert space.contains(space.sample(np.random.default_rng(0)))


def test_every_parameter_of_a_search_space_is_documented_with_its_default_and_kinds() -> None:
    rows = {row[0].strip("`"): row for row in table_rows("docs/search-spaces.md", "parameter")}

    assert list(rows) == list(DOMAINS)
    for name, domain in DOMAINS.items():
        _, _, kinds, default = rows[name]
        assert kinds == (", ".join(domain.kinds) or "only fixed")
        assert default == ("must be given" if domain.default is None else yaml_text(domain.default))


def yaml_text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(yaml.safe_dump(value)).split("\n")[0]


def test_the_documented_search_space_can_be_read() -> None:
    (body,) = blocks("docs/search-spaces.md", "yaml")

    assert from_dict(yaml.safe_load(body), name="documented").start


def test_every_range_of_layers_and_group_of_modules_is_documented() -> None:
    groups = [row[0].strip("`") for row in table_rows("docs/search-spaces.md", "group")]

    assert codes(read("docs/search-spaces.md")) >= set(LAYER_RANGES)
    assert DOMAINS["target_modules"].hint("no such group") == f"groups: {listed(groups)}"


# ------------------------------------------------------------------------------------------ the run folder, the report


def test_every_file_of_a_run_folder_is_documented() -> None:
    kept = {
        store.TASK, store.DATA, store.TRIALS, folder.EVENTS, store.CONFIRM, store.ANSWERS, store.RECOMMENDATION,
        store.PREDICTIONS, store.ROBUSTNESS,
        store.DONE, store.BUNDLE, store.KEPT_DEFAULT, store.REPORT, store.SLOTS, store.STUDY, store.CONFIRM_DIR,
        store.PREFIXES, store.REVIEW, store.REVIEWS,
    }  # fmt: skip

    for document in ("README.md", "docs/run-folder.md"):
        named = {code.rstrip("/") for row in table_rows(document, "file") for code in codes(row[0])}
        assert named == kept


def test_every_trial_state_is_documented() -> None:
    assert [row[0].strip("`") for row in table_rows("docs/run-folder.md", "state")] == list(records.TrialState)


def test_the_schema_of_the_recommendation_is_documented() -> None:
    rows = {row[0].strip("`").removesuffix("[]"): row[1] for row in table_rows("docs/run-folder.md", "field")}
    parts = {
        "reasons": records.Reason,
        "would_change": records.Reason,
        "config": records.AdapterConfig,
        "metric": records.MetricSummary,
        "peak_memory_bytes": records.MemorySummary,
        "baselines": records.BaselineSummary,
        "front": records.FrontPoint,
        "search": records.SearchSummary,
        "calibration": records.Calibration,
        "data": records.DataSummary,
        "prompts": records.Prompts,
    }

    assert list(rows) == [each.name for each in fields(records.Recommendation)]
    for name, kind in parts.items():
        assert is_dataclass(kind)
        missing = {each.name for each in fields(kind)} - {
            re.sub(r"\[\d*\]", "", code).rpartition(".")[2] for code in codes(rows[name])
        }
        assert not missing, f"{name}: {missing}"


def test_every_section_of_the_report_is_explained() -> None:
    page = (ROOT / "autolora/report/templates/engineer.html").read_text(encoding="utf-8")
    headings = re.findall(r"<h2[^>]*>([^<]+)</h2>", page)

    assert headings
    for heading in headings:
        assert f"**{heading}**" in read("docs/reading-the-report.md")


# ---------------------------------------------------------------------------------------------------------- the readme


def documented_modules() -> dict[str, str]:
    """Return the remark on every path in the README's module tree; a folder stands for its ``__init__.py``."""
    (tree,) = (body for body in blocks("README.md", "text") if body.startswith("autolora/"))
    modules: dict[str, str] = {}
    folders: list[str] = []
    for line in tree.splitlines():
        name, _, remark = line.strip().partition(" ")
        folders = folders[: (len(line) - len(line.lstrip())) // 2]
        path = "".join(folders) + name
        if name.endswith("/"):
            folders.append(name)
            path += "__init__.py"
        assert path not in modules, f"{path} stands twice"
        modules[path] = remark.strip()
    return modules


def test_the_module_tree_is_the_real_one() -> None:
    real = {str(path.relative_to(ROOT)) for path in (ROOT / "autolora").rglob("*.py")}

    assert set(documented_modules()) == real


def test_every_module_in_the_tree_has_a_remark() -> None:
    assert not [path for path, remark in documented_modules().items() if not remark]


def test_the_python_example_is_the_file_that_is_tested() -> None:
    assert blocks("README.md", "python") == [read("examples/search_table.py")]


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    targets = [t for t in _LINK.findall(_FENCE.sub("", read(name))) if not t.startswith(("http://", "https://"))]

    assert not [target for target in targets if not ((ROOT / name).parent / target).exists()]


def test_the_newest_entry_of_the_changelog_is_this_version() -> None:
    versions = re.findall(r"^## \[([^\]]+)\]", read("CHANGELOG.md"), re.MULTILINE)

    assert versions[0] == autolora.__version__
