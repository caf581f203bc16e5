"""A failpoint does nothing unless it is named, and then what it was told, at the time it was told."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys

import pytest

from autolora.failpoints import VARIABLE, failpoint

pytestmark = pytest.mark.unit


def test_an_unnamed_place_does_nothing(monkeypatch) -> None:
    monkeypatch.setenv(VARIABLE, "elsewhere=full")
    failpoint("unnamed.here")


def test_a_full_disk_comes_at_the_wanted_time_only(monkeypatch) -> None:
    monkeypatch.setenv(VARIABLE, "full.here=full@2")
    failpoint("full.here")
    with pytest.raises(OSError, match="No space left") as caught:
        failpoint("full.here")
    assert caught.value.errno == errno.ENOSPC
    failpoint("full.here")


def test_a_kill_ends_the_process_as_kill_9_does() -> None:
    code = "from autolora.failpoints import failpoint; failpoint('here')"
    ended = subprocess.run([sys.executable, "-c", code], env=os.environ | {VARIABLE: "here=kill"}, check=False)
    assert ended.returncode == -signal.SIGKILL


def test_a_rule_that_is_not_understood_is_an_error(monkeypatch) -> None:
    monkeypatch.setenv(VARIABLE, "here=explode")
    with pytest.raises(ValueError, match="explode"):
        failpoint("here")
