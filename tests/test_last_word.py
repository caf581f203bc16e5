from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

PROGRAM = """
import os, signal, sys
from pathlib import Path
from autolora.last_word import last_word

with last_word(Path(sys.argv[1])):
    exec(sys.argv[2])
"""


def said_by(end: str, run: Path) -> tuple[int, list[str]]:
    """How a process ends that executes ``end``, and what is said on stderr, by it and for it."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(run), end], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr.splitlines()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "a run"
    folder.mkdir()
    (folder / "task.yaml").touch()
    return folder


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "os._exit(1)", "os.abort()"])
def test_where_a_process_is_cut_off_it_is_said_how_to_go_on(run: Path, end: str) -> None:
    code, lines = said_by(end, run)

    assert code != 0
    assert lines[-1] == f"Cut off. Go on with: autolora search {shlex.quote(str(run))} --resume"


def test_where_nothing_was_written_yet_that_is_said(tmp_path: Path) -> None:
    assert said_by("os._exit(1)", tmp_path)[1] == ["Cut off. Nothing was written."]


@pytest.mark.parametrize(
    ("end", "expected"), [("pass", 0), ("sys.exit(2)", 2), ("print('mine', file=sys.stderr); sys.exit(130)", 130)]
)
def test_who_ends_in_an_orderly_way_has_the_last_word(run: Path, end: str, expected: int) -> None:
    code, lines = said_by(end, run)

    assert code == expected
    assert lines == (["mine"] if "mine" in end else [])


def test_a_signal_to_the_whole_group_does_not_silence_it(run: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(run), "print(1, flush=True); signal.pause()"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()

    os.killpg(process.pid, signal.SIGKILL)

    assert process.communicate(timeout=60)[1].startswith("Cut off. Go on with: ")


def test_a_machine_without_a_shell_is_no_obstacle(run: Path) -> None:
    program = f"import subprocess\ndef none(*_, **__): raise FileNotFoundError\nsubprocess.Popen = none\n{PROGRAM}"

    done = subprocess.run([sys.executable, "-c", program, str(run), "print('done')"], capture_output=True, text=True)

    assert (done.stdout, done.stderr) == ("done\n", "")
