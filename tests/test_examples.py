"""The example that the README prints, run from end to end on a tiny model."""

from __future__ import annotations

import csv
import runpy
from pathlib import Path

import pytest

import autolora
from tests.conftest import CLASSES, made_up_split

pytestmark = pytest.mark.ray

EXAMPLES = Path(autolora.__file__).parents[1] / "examples"
SPACE = """
version: 1
parameters:
  rank: {type: choice, values: [2, 4]}
  learning_rate: {type: float, low: 5.0e-3, high: 3.0e-2, log: true}
fixed: {target_modules: all_linear, layers: all, epochs: 1, batch_size: 4, max_length: 24}
start:
  - {rank: 4, learning_rate: 2.0e-2}
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    rows = made_up_split(480, seed=5)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows((text, CLASSES[label]) for text, label in zip(rows.texts, rows.labels, strict=True))
    return path


def test_a_table_is_searched_from_python(table, tiny_folder, tmp_path, capsys) -> None:
    (tmp_path / "space.yaml").write_text(SPACE)
    search_table = runpy.run_path(str(EXAMPLES / "search_table.py"))["search_table"]

    record = search_table(
        str(table), str(tiny_folder("bert")), str(tmp_path / "run"), trials=2, space=str(tmp_path / "space.yaml")
    )

    found = record.recommendation
    assert found is not None
    assert len(record.leaderboard()) == found.search.trials == 2
    assert (tmp_path / "run" / "DONE").exists()
    assert (tmp_path / "run" / "adapter" / "adapter_model.safetensors").stat().st_size >= found.adapter_bytes
    assert autolora.SearchRecord is type(record)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith(f"{record.leaderboard()[0]['trial']} ")
    assert found.verdict in printed
    assert f"- {found.reasons[0].text}" in printed
