"""A private Ray lets nobody in who has not the search's own token, and leaves no token behind."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import psutil
import pytest
import ray

from autolora.search.cluster import open_cluster, places

pytestmark = pytest.mark.ray

ASK = """
import sys
from ray._raylet import GcsClient
GcsClient(address=sys.argv[1]).internal_kv_keys(b"", None, timeout=20)
"""


def ask(address: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Have another process of this user ask the private Ray for something."""
    rest = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    return subprocess.run(
        [sys.executable, "-c", ASK, address],
        env=rest | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_its_processes_end_with_the_search_and_with_nothing_else() -> None:
    stranger = subprocess.Popen(["sleep", "600"])
    with open_cluster():
        ray.get(ray.remote(lambda: os.getpid()).remote())
        raylet = next(one for one in psutil.Process().children() if one.name() == "raylet")
        theirs = [raylet, *raylet.children(recursive=True)]
        assert {"raylet", "ray::IDLE"} <= {process.name() for process in theirs}
        for process in theirs:
            assert os.getpgid(process.pid) != os.getpgid(0)
            process.terminate()
        assert psutil.wait_procs(theirs, timeout=1.0)[0] == []
        ray.get(ray.remote(lambda: os.getpid()).remote())
    assert not any(process.is_running() for process in theirs)
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_only_the_search_itself_has_its_token(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with open_cluster() as folder:
        address, token = ray.get_runtime_context().gcs_address, folder / "token"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(token.stat().st_mode) == 0o600
        assert ask(address, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=token.read_text()).returncode == 0
        for stranger in ({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64}, {"RAY_AUTH_MODE": "disabled"}):
            refused = ask(address, **stranger)
            assert refused.returncode == 1
            assert "AuthenticationError" in refused.stderr
    assert not folder.exists()
    assert not (tmp_path / ".ray").exists()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes cannot be kept to some CPUs here")
def test_an_engine_gets_no_more_threads_than_cpus_that_the_process_may_use() -> None:
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(mine)})
    try:
        with open_cluster():
            assert [place.threads for place in places()] == [1]
    finally:
        os.sched_setaffinity(0, mine)
