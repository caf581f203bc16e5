"""Large uploads: taken in piece by piece, in flat memory, and cut off where they are too large."""

from __future__ import annotations

import os
import tempfile

import psutil
import pytest

from autolora.service.client import ServiceError
from autolora.service.serving import opened
from autolora.service.settings import Settings
from tests.service.running import RunningService

pytestmark = pytest.mark.tiny

MEBIBYTES = int(os.environ.get("AUTOLORA_UPLOAD_MEBIBYTES", "60"))
"""200 are a minute longer, most of which the check takes."""


def resident(running: RunningService) -> int:
    assert running._process is not None
    return psutil.Process(running._process.pid).memory_info().rss


def test_a_large_upload_takes_no_more_memory_than_a_small_one(service, tmp_path, figure) -> None:
    line = b"a parcel that came too late and was wet and broken and returned to the shop at once,delivery\n"
    path = tmp_path / "large.csv"
    with open(path, "wb") as file:
        file.write(b"text,label\n")
        for _ in range(MEBIBYTES):
            file.write(line * ((1 << 20) // len(line)))
    with service.client() as client:
        (tmp_path / "small.csv").write_bytes(b"text,label\n" + line * 20)
        client.upload(tmp_path / "small.csv", wait=0)
        before = resident(service)
        told = client.upload(path, wait=0)
        grown = resident(service) - before

    figure(f"memory that an upload of {MEBIBYTES} MiB takes (MiB)", grown / 2**20)
    assert told.bytes == path.stat().st_size
    assert grown < 30 * 2**20


def test_an_upload_beyond_the_limit_is_cut_off_and_leaves_nothing(opened_service, web, monkeypatch) -> None:
    limit = opened_service.desk.settings.most_upload_bytes
    pieces = (b"x" * 65_536 for _ in range(64))
    object.__setattr__(opened_service.desk.settings, "most_upload_bytes", 1 << 20)
    answer = web().post("/v1/datasets", params={"name": "x.csv"}, content=pieces)

    assert limit > 1 << 30
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert list(opened_service.desk.place.datasets.iterdir()) == []


def test_a_form_waits_in_the_data_folder_and_not_in_the_systems_temporary_one(
    opened_service, visitor, monkeypatch
) -> None:
    made, places = tempfile.TemporaryFile, []

    def seen(*arguments, **named):
        file = made(*arguments, **named)
        places.append(os.readlink(f"/proc/self/fd/{file.fileno()}"))
        return file

    monkeypatch.setattr(tempfile, "TemporaryFile", seen)
    table = b"text,label\n" + b"a parcel that came too late,delivery\n" * 50_000
    answer = visitor().post("/data", files={"file": ("large.csv", table)}, follow_redirects=False)
    data = opened_service.desk.place.path

    assert answer.status_code == 303
    assert places, "so large a form is held on the disk"
    assert all(place.startswith(f"{data}/") for place in places)
    assert list((data / "incoming").iterdir()) == []


def test_the_temporary_folder_is_the_systems_again_when_the_service_has_closed(tmp_path) -> None:
    before = tempfile.gettempdir()
    with opened(Settings(data_dir=tmp_path / "data")):
        inside = tempfile.gettempdir()

    assert inside == str(tmp_path / "data" / "incoming")
    assert tempfile.gettempdir() == before


def test_a_client_is_told_why(service, tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("no table")
    with service.client() as client, pytest.raises(ServiceError, match=r"must end with one of \.csv") as error:
        client.upload(tmp_path / "notes.txt")

    assert (error.value.status, error.value.code, error.value.param) == (422, "invalid_value", "name")
