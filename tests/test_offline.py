"""Nothing leaves the machine: a whole search with every network call traced, where there is nothing but loopback."""

from __future__ import annotations

import csv
import subprocess
import sys

import pytest
import yaml

from benchmarks import offline_proof
from tests.conftest import CLASSES, made_up_split

SPACE = {
    "version": 1,
    "parameters": {
        "rank": {"type": "choice", "values": [1, 2]},
        "learning_rate": {"type": "float", "low": 0.005, "high": 0.02, "log": True},
    },
    "fixed": {"target_modules": "all_linear", "layers": "all", "epochs": 15, "batch_size": 8, "max_length": 24},
    "start": [{"rank": 2, "learning_rate": 0.01}, {"rank": 1, "learning_rate": 0.01}],
}


def v4(address: str, port: int) -> str:
    return f'{{sa_family=AF_INET, sin_port=htons({port}), sin_addr=inet_addr("{address}")}}, 16'


def v6(address: str, port: int) -> str:
    flow = "sin6_flowinfo=htonl(0)"
    return f'{{sa_family=AF_INET6, sin6_port=htons({port}), {flow}, inet_pton(AF_INET6, "{address}", &sin6_addr)}}, 28'


TRACE = f"""11 connect(5, {{sa_family=AF_UNIX, sun_path="/tmp/x"}}, 110) = 0
11 connect(5, {v4("127.0.0.1", 6379)}) = 0
12 connect(6, {v6("::ffff:127.0.0.1", 1)}) = 0
12 bind(7, {v4("127.0.0.1", 0)}) = 0
12 listen(7, 128) = 0
13 sendto(8, ""..., 44, MSG_NOSIGNAL, NULL, 0) = 44
"""
OUT = [
    f"13 connect(9, {v4('169.254.169.254', 80)}) = -1 ENETUNREACH (Network is unreachable)",
    f"13 sendto(8, ''..., 44, 0, {v4('10.0.0.2', 53)}) = 44",
    f"13 connect(9, {v6('2600::1', 443)} <unfinished ...>",
    f"13 sendmmsg(9, [{{msg_hdr={{msg_name={v4('1.1.1.1', 53)}}}}}], 1, 0) = 1",
]


@pytest.mark.unit
def test_what_stays_on_the_machine_is_not_taken_for_leaving(tmp_path) -> None:
    (tmp_path / "trace").write_text(TRACE)

    assert offline_proof.leaving(tmp_path / "trace") == []
    assert offline_proof.bound_outside(tmp_path / "trace") == []
    assert len(list(offline_proof.calls(tmp_path / "trace"))) == 4


@pytest.mark.unit
@pytest.mark.parametrize("line", OUT, ids=["refused", "look-up", "cut in two", "several"])
def test_every_attempt_to_leave_is_seen_even_one_that_fails(line, tmp_path) -> None:
    (tmp_path / "trace").write_text(f"{TRACE}{line}\n")

    assert len(offline_proof.leaving(tmp_path / "trace")) == 1


@pytest.mark.unit
def test_a_socket_that_others_could_reach_is_seen(tmp_path) -> None:
    line = f"13 bind(9, {v4('0.0.0.0', 80)}) = 0"
    (tmp_path / "trace").write_text(f"{TRACE}{line}\n")

    assert [call.address for call in offline_proof.bound_outside(tmp_path / "trace")] == ["0.0.0.0"]


@pytest.fixture
def task_file(tmp_path, tiny_folder):
    split = made_up_split(300, seed=5)
    with open(tmp_path / "rows.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(
            (f"{text} {at}", CLASSES[label])
            for at, (text, label) in enumerate(zip(split.texts, split.labels, strict=True))
        )
    (tmp_path / "space.yaml").write_text(yaml.safe_dump(SPACE))
    task = {
        "version": 1, "data": {"path": "rows.csv", "text": "text", "label": "label"}, "base_model": str(tiny_folder()),
        "metric": "accuracy", "space": "space.yaml", "budget": {"trials": 2}, "precision": "exact",
    }  # fmt: skip
    (tmp_path / "task.yaml").write_text(yaml.safe_dump(task))
    return tmp_path / "task.yaml"


@pytest.mark.ray
def test_a_whole_search_with_nothing_but_loopback_reaches_for_nothing_else(task_file, tmp_path) -> None:
    if why := offline_proof.missing_tools(isolated=True):
        pytest.skip(why)
    run, trace = tmp_path / "run", tmp_path / "trace"
    search = [sys.executable, "-m", "autolora.cli", "search", str(task_file), "--out", str(run), "--plain"]

    done = subprocess.run(
        offline_proof.command_traced(search, trace, isolated=True), capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert (run / "DONE").exists()
    assert (run / "adapter").is_dir(), "plain PEFT loaded it in a process of its own"
    assert len(list(offline_proof.calls(trace))) > 50, "Ray's processes talk to each other: the trace is not empty"
    assert [str(call) for call in offline_proof.leaving(trace)] == []
    assert [str(call) for call in offline_proof.bound_outside(trace)] == []
