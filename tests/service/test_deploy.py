"""What docs/deploy.md says works: a backup is restored, another token opens the doors, TLS is spoken."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
import tarfile
import time
from contextlib import contextmanager
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


def certify(folder: Path, name: str) -> tuple[Path, Path]:
    """Write a certificate that vouches for itself, and its key."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
         f"subjectAltName=DNS:{name},IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / "cert.pem", folder / "key.pem"


@contextmanager
def documented_proxy(folder: Path, service: str):
    """Run nginx with the server that the documentation shows, on a free port; yield its address."""
    (shown,) = re.findall(r"```nginx\n(.*?)```", Path("docs/deploy.md").read_text(), flags=re.DOTALL)
    certificate, key = certify(folder, "autolora.example.com")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for what, instead in {
        "listen 443": f"listen 127.0.0.1:{port}",
        "/etc/ssl/autolora.pem": str(certificate),
        "/etc/ssl/autolora.key": str(key),
        "http://127.0.0.1:8080": service,
    }.items():
        assert what in shown
        shown = shown.replace(what, instead)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder / kind};" for kind in kinds)
    user = "user root;" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(
        f"{user} daemon off; pid {folder / 'pid'}; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {places} {shown} }}"
    )
    process = subprocess.Popen(["nginx", "-c", config, "-e", "stderr"])
    try:
        for _ in range(100):
            with socket.socket() as it:
                if it.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"https://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx on this machine")
def test_behind_the_proxy_of_the_documentation_a_table_goes_up_and_events_come_at_once(models, tmp_path) -> None:
    name = "autolora.example.com"
    service = RunningService(data=tmp_path / "data", models=models, options=("--behind-proxy", "--name", name))
    try:
        service.start()
        with documented_proxy(tmp_path, service.address) as address:
            own = {"Host": name, "Origin": f"https://{name}"}
            with httpx.Client(base_url=address, verify=False, headers=own, timeout=60) as browser:
                assert browser.get("/healthz").json()["status"] == "ok"
                assert browser.get("/", headers={"Accept": "text/html"}).headers["location"] == "/login"
                assert browser.get("/healthz", headers={"Host": "other.example.com"}).status_code == 421
                come_in = browser.post("/login", data={"token": service.token})
                assert "secure" in come_in.headers["set-cookie"].lower()
                program = {"Authorization": f"Bearer {service.token}"}
                table = write_table(tmp_path / "mails.csv", salt="x" * 20_000)
                with open(table, "rb") as file:
                    sent = browser.post("/v1/datasets", params={"name": "mails.csv"}, content=file, headers=program)
                assert sent.status_code == 201
                wanted = {"dataset": sent.json()["id"], "base_model": "tiny", "space": "quick", "baselines": "none"}
                search = browser.post("/v1/searches", json=wanted, headers=program)
                assert search.status_code == 202, search.text[:500]
                live = program | {"Accept": "text/event-stream"}
                with browser.stream("GET", f"/v1/searches/{search.json()['id']}/events", headers=live) as stream:
                    assert next(line for line in stream.iter_lines() if line.startswith("data:"))
                state = browser.get(f"/v1/searches/{search.json()['id']}", headers=program).json()["state"]
                assert state in ("queued", "validating", "running"), "what has ended long ago shows no event early"
    finally:
        service.close()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
def test_with_a_certificate_it_speaks_tls_and_nothing_else(models, tmp_path) -> None:
    certificate, key = certify(tmp_path, "localhost")
    options = ("--certificate", str(certificate), "--key", str(key))
    running = RunningService(data=tmp_path / "data", models=models, options=options)
    try:
        running.start()
        trust = ssl.create_default_context(cafile=certificate)
        answer = httpx.get(f"{running.address}/healthz", verify=trust)

        assert running.address.startswith("https://")
        assert answer.json()["status"] == "ok"
        assert "max-age" in answer.headers["strict-transport-security"]
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{running.address.replace('https', 'http')}/healthz")
    finally:
        running.close()
