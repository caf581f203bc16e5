from __future__ import annotations

import os
import stat
import tempfile
import time
from pathlib import Path

import pytest
from filelock import FileLock

from autolora.search.scratch import scratch_folder

pytestmark = pytest.mark.unit


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left_folder(temporary: Path, name: str, *, seconds_ago: float) -> Path:
    folder = temporary / name
    folder.mkdir()
    (folder / "lock").touch()
    (folder / "socket").touch()
    then = time.time() - seconds_ago
    os.utime(folder / "lock", (then, then))
    return folder


def test_the_folder_is_private_and_goes_with_the_search(temporary) -> None:
    with scratch_folder() as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "file").touch()
    assert list(temporary.iterdir()) == []


def test_what_a_killed_search_left_is_cleared_away(temporary) -> None:
    left_folder(temporary, "alrleft", seconds_ago=3600)
    with scratch_folder() as folder:
        assert list(temporary.iterdir()) == [folder]


def test_a_living_search_a_young_one_and_strangers_keep_their_folders(temporary) -> None:
    living = left_folder(temporary, "alrliving", seconds_ago=3600)
    left_folder(temporary, "alryoung", seconds_ago=1)
    left_folder(temporary, "other", seconds_ago=3600)
    (temporary / "alrnolock").mkdir()
    with FileLock(living / "lock"), scratch_folder():
        pass
    assert sorted(path.name for path in temporary.iterdir()) == ["alrliving", "alrnolock", "alryoung", "other"]
