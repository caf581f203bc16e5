"""Searches over REST, with the real service, real processes and a real Ray, on a tiny model."""

from __future__ import annotations

import json
import random
import time
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from autolora.service.client import ServiceError
from tests.service.running import KILLS, write_table

pytestmark = pytest.mark.ray

SMALL = {"base_model": "tiny", "space": "quick", "budget": {"trials": 3}, "baselines": "none"}


def begun(folder: Path) -> list[dict]:
    """Return the lines that a job's processes began with."""
    lines = [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]
    return [line for line in lines if line["event"] == "begun"]


def test_the_whole_way_from_a_table_to_an_adapter_that_plain_peft_loads(service, tmp_path) -> None:
    with service.client() as client:
        table = client.upload(write_table(tmp_path / "mails.csv"))
        started = client.start_search(dataset=table.id, **SMALL)
        said = list(client.events(started))
        done = client.again(started)
        found = client.recommendation(done)
        answers = client.predict(done, ["parcel please parcel", "my card, my card"])
        page = client.report(done, lang="ja", audience="management")
        archive = client.download_adapter(done, tmp_path / "adapter.zip")

    assert table.state == "ready"
    assert table.check is not None
    assert table.check.classes == {"delivery": 20, "money": 20, "repair": 20}
    assert done.state == "succeeded"
    assert done.progress.trials_done == 3
    ids = [line["id"] for line in said if "id" in line]
    assert ids == list(range(1, len(ids) + 1))
    assert [line["state"] for line in said if "wish" in line][-1] == "succeeded"
    assert found["search"]["trials"] == 3
    assert len(answers) == 2
    assert '<html lang="ja"' in page
    with zipfile.ZipFile(archive) as packed:
        assert packed.testzip() is None
        packed.extractall(tmp_path / "unpacked")
    adapter = tmp_path / "unpacked" / "adapter"
    assert _loads(adapter, service.models / "tiny", found["config"]["rank"])


def _loads(adapter: Path, base: Path, rank: int) -> bool:
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification

    model = PeftModel.from_pretrained(
        AutoModelForSequenceClassification.from_pretrained(base, num_labels=3), str(adapter)
    )
    return model.peft_config["default"].r == rank


def test_a_search_rests_when_asked_and_goes_on_where_it_was(service, tmp_path) -> None:
    with service.client() as client:
        table = client.upload(write_table(tmp_path / "mails.csv"))
        search = client.start_search(dataset=table.id, **SMALL | {"budget": {"trials": 6}})
        for line in client.events(search):
            if line.get("event") == "trial" and line["what"] == "ended":
                break
        client.ask(search, "pause")
        resting = client.wait(search, seconds=120, until=("paused",))
        left = service.processes()
        trials_then = (service.data / "jobs" / search.id / "run" / "trials.jsonl").read_text()
        client.ask(search, "resume")
        done = client.wait(search, seconds=300)

    trials_now = (service.data / "jobs" / search.id / "run" / "trials.jsonl").read_text()
    assert resting.state == "paused"
    assert left == []
    assert done.state == "succeeded"
    assert len(begun(service.data / "jobs" / search.id)) == 2
    ended = [line for line in trials_then.splitlines() if '"state":"running"' not in line]
    assert ended
    assert all(line in trials_now for line in ended)


def test_a_search_that_is_given_up_leaves_nothing_running(service, tmp_path) -> None:
    with service.client() as client:
        table = client.upload(write_table(tmp_path / "mails.csv"))
        working = client.start_search(dataset=table.id, **SMALL)
        waiting = client.start_search(dataset=table.id, **SMALL)
        client.wait(working, seconds=120, until=("running",))
        client.ask(waiting, "cancel")
        never_begun = client.wait(waiting, seconds=20, until=("cancelled",))
        client.ask(working, "cancel")
        client.wait(working, seconds=120, until=("cancelled",))
        with pytest.raises(ServiceError, match="cancelled") as error:
            client.ask(working, "resume")

    assert never_begun.started_at is None
    assert error.value.status == 409
    assert service.processes() == []


def test_a_process_that_is_killed_is_started_again_and_its_search_goes_on(service, tmp_path) -> None:
    with service.client() as client:
        table = client.upload(write_table(tmp_path / "mails.csv"))
        search = client.start_search(dataset=table.id, **SMALL)
        folder = service.data / "jobs" / search.id
        for line in client.events(search):
            if line.get("event") == "trial" and line["what"] == "ended":
                break
        for process in service.processes():
            if "autolora.service.worker" in process.cmdline():
                process.kill()
        done = client.wait(search, seconds=300)

    assert done.state == "succeeded"
    assert len(begun(folder)) == 2
    assert service.processes() == []


def test_what_cannot_be_searched_is_said_and_what_was_asked_twice_runs_once(service, tmp_path) -> None:
    (tmp_path / "few.csv").write_text("text,label\nhello there my friend,a\nhello again my friend,b\n")
    with service.client() as client:
        few = client.upload(tmp_path / "few.csv")
        table = client.upload(write_table(tmp_path / "mails.csv"))
        with pytest.raises(ServiceError, match="not ready") as refused:
            client.start_search(dataset=few.id, **SMALL)
        first = client.start_search(dataset=table.id, key="once", **SMALL)
        again = client.start_search(dataset=table.id, key="once", **SMALL)
        over = client.start_search(dataset=table.id, **SMALL | {"limits": {"max_params": 1}})
        failed = client.wait(over, seconds=300)

    assert few.state == "refused"
    assert refused.value.param == "dataset"
    assert first.id == again.id
    assert failed.state == "failed"
    assert "max_params" in str(failed.cause)
    assert failed.hint


def test_more_urgent_searches_come_first_and_a_stopped_service_goes_on_with_all(service, tmp_path) -> None:
    with service.client() as client:
        table = client.upload(write_table(tmp_path / "mails.csv"))
        jobs = [client.start_search(dataset=table.id, priority=at, **SMALL) for at in (0, 1, 5)]
        client.wait(jobs[0], seconds=120, until=("running",))
    code = service.stop()
    left = service.processes()
    service.start()
    with service.client() as client:
        done = [client.wait(job, seconds=600) for job in jobs]

    assert code == 0
    assert left == []
    assert {job.state for job in done} == {"succeeded"}
    # What was at work when the service stopped waits like the others then.
    order = sorted(done, key=lambda job: job.ended_at or "")
    assert [job.priority for job in order] == [5, 1, 0]


def test_a_service_that_is_killed_again_and_again_loses_no_job_and_runs_none_twice(service, tmp_path, figure) -> None:
    chance = random.Random(0)
    with service.client() as client:
        table = client.upload(write_table(tmp_path / "mails.csv"))
        jobs = [client.start_search(dataset=table.id, **SMALL) for _ in range(3)]
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.5, 8))
        service.kill()
        service.start()
        workers = Counter(
            process.environ()["AUTOLORA_JOB"]
            for process in service.processes()
            if "autolora.service.worker" in process.cmdline()
        )
        assert all(count == 1 for count in workers.values())
    with service.client() as client:
        done = [client.wait(job, seconds=900) for job in jobs]

    figure("number of kills of the service", KILLS)
    assert {job.state for job in done} == {"succeeded"}
    assert [len(begun(service.data / "jobs" / job.id)) for job in jobs] == [1, 1, 1]  # each process outlived them all
    assert service.processes() == []
