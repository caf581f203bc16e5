from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.service.running import running

OWN = "http://service.test"
"""Where the service stands that is open in this process."""


@pytest.fixture
def models(tiny_folder, tmp_path) -> Path:
    """Return a folder of base models with a tiny one in it."""
    folder = tmp_path / "models"
    shutil.copytree(tiny_folder("bert"), folder / "tiny")
    return folder


@pytest.fixture
def service(tiny_folder, tmp_path):
    """Return a service that runs."""
    with running(tiny_folder, tmp_path) as it:
        yield it


@pytest.fixture
def opened_service(tmp_path):
    """Return a service that is open in this process, and listens nowhere."""
    from autolora.service.serving import opened
    from autolora.service.settings import Settings

    with opened(Settings(data_dir=tmp_path / "data")) as it:
        yield it


@pytest.fixture
def web(opened_service):
    """Return a function that talks to the open service as a program with its token does, or without it."""
    from fastapi.testclient import TestClient

    from autolora.service.app import create_app

    app = create_app(opened_service.desk, opened_service.sessions, hosts=lambda: frozenset({"service.test"}))
    clients = []

    def talk(*, token: bool = True, **headers: str) -> TestClient:
        given = {"Authorization": f"Bearer {opened_service.sessions.token}"} if token else {}
        client = TestClient(app, base_url=OWN, headers=given | headers, raise_server_exceptions=False)
        clients.append(client)
        return client

    yield talk
    for client in clients:
        client.close()


@pytest.fixture
def visitor(web, opened_service):
    """Return a browser with a session."""

    from autolora.service.guard import COOKIE

    def visit(language: str = "en"):
        client = web(token=False, Accept="text/html", Origin=OWN, **{"Accept-Language": language})
        client.cookies.set(COOKIE, opened_service.sessions.new())
        return client

    return visit
