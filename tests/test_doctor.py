"""What the doctor says is what is there; started with a real Ray, as a search starts it."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from autolora import doctor
from autolora.cli import main
from autolora.listing import facts_as
from autolora.records import Fact


@pytest.mark.unit
def test_a_socket_that_waits_and_one_that_is_connected_are_seen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        accepted = threading.Thread(target=lambda: server.accept()[0].recv(1))
        accepted.start()
        with socket.create_connection(("127.0.0.1", port)) as client:
            seen = doctor.watch(0.1)
            client.send(b"x")
        accepted.join()

    assert any(one.listens and one.port == port and one.is_loopback for one in seen)
    assert any(not one.listens and one.port == port for one in seen)


@pytest.mark.unit
def test_a_socket_open_to_others_is_no_loopback() -> None:
    with socket.create_server(("", 0)) as server:
        port = server.getsockname()[1]
        (one,) = [one for one in doctor.watch(0.1) if one.port == port]

    assert (one.address, one.listens, one.is_loopback) == ("0.0.0.0", True, False)


@pytest.mark.unit
def test_facts_read_as_a_page_with_problems_and_their_way_out() -> None:
    facts = (
        Fact(topic="software", name="torch", value="not installed", state="problem", hint="pip install autolora again"),
        Fact(topic="machine", name="memory", value="3 GB free"),
    )

    assert facts_as("text", facts).splitlines() == [
        "software",
        "  torch  not installed  problem: pip install autolora again",
        "machine",
        "  memory  3 GB free",
    ]


@pytest.mark.ray
def test_ray_opens_no_port_to_others_and_nothing_leaves_the_machine(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    done = CliRunner().invoke(main, ["doctor", "--offline", "--out", str(tmp_path), "-f", "json"])

    assert done.exit_code == 0, done.stdout
    network = [fact for fact in json.loads(done.stdout) if fact["topic"] == "network"]
    listening = [fact for fact in network if "listens on" in fact["name"]]
    assert {fact["name"].split()[0] for fact in listening} >= {"gcs_server", "raylet"}
    assert all(fact["value"].startswith(("127.", "::1")) for fact in listening)
    assert [fact["value"] for fact in network if fact["name"] == "connections that leave this machine"] == ["none seen"]
    assert network[-1]["value"] == "off"
