"""The wheel carries everything that the package needs to run, and works without the checkout around it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import autolora

pytestmark = pytest.mark.unit

ROOT = Path(autolora.__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from the checkout; nothing is fetched, and nothing is written beside the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds the package as an installation would."""
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(folder)
    return folder


def files_in(folder: Path, *, kinds: tuple[str, ...] = ()) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and (not kinds or path.suffix in kinds)
    }


def test_everything_in_the_package_is_in_the_wheel(unpacked: Path) -> None:
    kept = files_in(unpacked / "autolora")

    assert files_in(ROOT / "autolora") <= kept
    assert {"py.typed", "report/templates/engineer.html", "demo/enquiries_en.csv", "demo/enquiries_ja.csv"} <= kept
    assert any(name.startswith("report/assets/plotly") and name.endswith(".js") for name in kept)


def test_the_search_spaces_are_inside_the_installed_package(unpacked: Path) -> None:
    assert files_in(unpacked / "autolora" / "search_spaces") == files_in(ROOT / "search_spaces", kinds=(".yaml",))


def test_nothing_else_is_in_the_wheel(unpacked: Path) -> None:
    assert {path.name for path in unpacked.iterdir()} == {"autolora", f"autolora-{autolora.__version__}.dist-info"}
    assert not [name for name in files_in(unpacked) if name.startswith("tests/") or name.endswith(".part")]


def test_the_wheel_says_what_it_is(unpacked: Path) -> None:
    about = unpacked / f"autolora-{autolora.__version__}.dist-info"
    metadata = Parser().parsestr((about / "METADATA").read_text(encoding="utf-8"))

    assert metadata["Version"] == autolora.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "autolora = autolora.cli:main" in (about / "entry_points.txt").read_text()
    assert (about / "licenses" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_installed_package_finds_its_own_files(unpacked: Path, tmp_path: Path) -> None:
    code = """
import json
import autolora
from autolora import demo, space
from autolora.report import page
from autolora.review import page as review
spaces = {name: len(space.load(name).parameters) for name in space.shipped()}
page._environment().get_template("engineer.html")
review._environment().get_template("review.html")
print(json.dumps([autolora.__file__, spaces, demo.data_file("ja").is_file()]))
"""
    environment = os.environ | {"PYTHONPATH": str(unpacked)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    where, spaces, has_rows = json.loads(done.stdout)

    assert Path(where).is_relative_to(unpacked)
    assert sorted(spaces) == sorted(path.stem for path in (ROOT / "search_spaces").glob("*.yaml"))
    assert all(spaces.values())
    assert has_rows
