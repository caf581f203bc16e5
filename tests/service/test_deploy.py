"""What docs/deploy.md says works: a backup is restored, another token opens the doors, TLS is spoken."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import tarfile
from pathlib import Path

import httpx
import pytest

from autolora.errors import RequestError, RunFolderError
from autolora.service.serving import opened
from autolora.service.settings import Settings, token_of
from tests.service.running import RunningService, write_table

pytestmark = pytest.mark.tiny


def test_a_backup_is_restored_with_all_that_was_there(service, tmp_path) -> None:
    with service.client() as client:
        table = client.upload(write_table(tmp_path / "mails.csv"))
        waiting = client.start_search(dataset=table.id, base_model="tiny", space="quick", budget={"trials": 2})
        client.ask(waiting, "pause")
        client.wait(waiting, seconds=120, until=("paused",))
    token = service.token
    assert service.stop() == 0
    with tarfile.open(tmp_path / "backup.tar.gz", "w:gz") as backup:
        backup.add(service.data, arcname="data")
    shutil.rmtree(service.data)
    with tarfile.open(tmp_path / "backup.tar.gz") as backup:
        backup.extractall(service.data.parent, filter="data")
    service.start()

    assert service.token == token
    with service.client() as client:
        again = client.again(waiting)
        client.ask(again, "resume")
        client.wait(again, seconds=120, until=("validating", "running", "succeeded"))
        assert again.state == "paused"
        assert client.check(table.id, {}).state == "ready"


def test_only_one_service_works_on_a_data_folder(tmp_path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    with opened(settings), pytest.raises(RunFolderError, match="another service"), opened(settings):
        pass


def test_the_token_is_random_private_and_may_be_set(tmp_path) -> None:
    first = token_of(tmp_path)
    mode = (tmp_path / "token").stat().st_mode & 0o777
    (tmp_path / "token").write_text("a token that has blanks\n")
    with pytest.raises(RequestError, match="without a space"):
        token_of(tmp_path)
    (tmp_path / "token").write_text("short\n")
    with pytest.raises(RequestError, match="at least 20"):
        token_of(tmp_path)
    (tmp_path / "token").unlink()

    assert mode == 0o600
    assert len(first) > 40
    assert token_of(tmp_path) != first


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"host": "0.0.0.0"}, "lets other machines in"),
        ({"host": "::"}, "lets other machines in"),
        ({"host": "192.0.2.7"}, "lets other machines in"),
        ({"port": 70_000}, "port"),
        ({"certificate": Path("/nowhere.pem")}, "belong together"),
        ({"certificate": Path("/nowhere.pem"), "key": Path("/nowhere.key")}, "there is no file"),
        ({"models": Path("/nowhere")}, "there is no folder"),
        ({"jobs_at_once": 0}, "jobs"),
    ],
)
def test_what_would_not_work_or_not_be_safe_is_refused(tmp_path, given, says) -> None:
    with pytest.raises(RequestError, match=says):
        Settings(data_dir=tmp_path, **given)


def test_names_are_answered_exactly() -> None:
    here = Settings(data_dir=Path("x")).hosts(8080)
    proxied = Settings(data_dir=Path("x"), behind_proxy=True, host="0.0.0.0", names=("autolora.example.com",)).hosts(80)

    assert here == {"127.0.0.1:8080", "localhost:8080", "[::1]:8080"}
    assert "autolora.example.com" in proxied
    assert "example.com" not in proxied


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
def test_with_a_certificate_it_speaks_tls_and_nothing_else(models, tmp_path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", tmp_path / "key.pem", "-out",
         tmp_path / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    options = ("--certificate", str(tmp_path / "cert.pem"), "--key", str(tmp_path / "key.pem"))
    running = RunningService(data=tmp_path / "data", models=models, options=options)
    try:
        running.start()
        trust = ssl.create_default_context(cafile=tmp_path / "cert.pem")
        answer = httpx.get(f"{running.address}/healthz", verify=trust)

        assert running.address.startswith("https://")
        assert answer.json()["status"] == "ok"
        assert "max-age" in answer.headers["strict-transport-security"]
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{running.address.replace('https', 'http')}/healthz")
    finally:
        running.close()
