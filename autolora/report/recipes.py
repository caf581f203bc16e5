"""What a reader may copy: the task file, the commands that repeat the search, and code that loads the adapter.

Values go in as YAML, as a quoted shell word or as a Python literal, so no text from outside becomes a command.
"""

from __future__ import annotations

import shlex

import yaml

from autolora.loading import Answers, loading_code
from autolora.report.source import SearchReport
from autolora.store import BUNDLE, KEPT_DEFAULT


def task_file(report: SearchReport) -> str:
    """Return the request as the text of ``task.yaml``."""
    return yaml.safe_dump(report.shareable_request, sort_keys=False, allow_unicode=True, width=100).strip()


def commands(report: SearchReport) -> str:
    """Return the commands that repeat the search from its task file, print its verdict and write this report again."""
    folder = shlex.quote(f"runs/{_folder_name(report.name)}")
    return f"autolora search task.yaml --out {folder}\nautolora recommend {folder}\nautolora report {folder}"


def _folder_name(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name).strip("-.") or "search"


def folder(report: SearchReport) -> str:
    """Return the name, inside the run folder, of the bundle that the verdict would have used."""
    return KEPT_DEFAULT if report.recommendation is not None and report.recommendation.default_apart else BUNDLE


def how_to_load(report: SearchReport) -> str:
    """Return Python that answers a text with plain transformers and peft, from inside the run folder."""
    data, found = report.data, report.recommendation
    threshold = found.threshold if found else None
    if found and found.kept:
        candidates = report.confirm.candidates if report.confirm else ()
        threshold = next((each.seeds[0].threshold for each in candidates if each.name == found.kept), None)
    return loading_code(
        Answers(
            problem=data.problem,
            classes=data.classes,
            threshold=threshold,
            center=data.center,
            scale=data.scale,
            prompts=found.prompts if found else None,
            closed=found.answers if found else (),
        ),
        base_model=report.base_model,
        adapter=folder(report),
        max_length=report.data.max_length,
        four_bit=found is not None and found.precision == "4bit",
    )
