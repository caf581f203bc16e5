from __future__ import annotations

import pytest

from autolora.errors import RequestError, RunFolderError
from autolora.portfolio.folder import BatchFolder, BatchRequest
from autolora.portfolio.members import Member
from autolora.store import RunFolder
from tests.portfolio.test_rollup import member

pytestmark = pytest.mark.unit


@pytest.fixture
def wanted() -> BatchRequest:
    bad = Member(name="bad", source="bad.yaml", request=None, fault="it says no")
    return BatchRequest(
        name="q3", members=(member("mails", priority=2.0, deadline="45m"), bad), minutes=90, memory="/m"
    )


def test_what_is_asked_for_is_read_back_as_it_was(tmp_path, wanted) -> None:
    batch = BatchFolder.create(tmp_path / "q3", wanted)

    assert BatchFolder.existing(batch.path).request() == wanted


def test_a_folder_that_is_taken_is_refused_with_the_way_on(tmp_path, wanted) -> None:
    BatchFolder.create(tmp_path / "q3", wanted)
    RunFolder.create(tmp_path / "run", "version: 1\n")

    with pytest.raises(RunFolderError, match="holds an unfinished batch") as refusal:
        BatchFolder.create(tmp_path / "q3", wanted)
    assert "autolora batch" in refusal.value.hint
    assert "--resume" in refusal.value.hint
    with pytest.raises(RunFolderError, match="holds an unfinished search"):
        BatchFolder.create(tmp_path / "run", wanted)


def test_a_folder_that_is_none_is_named(tmp_path) -> None:
    with pytest.raises(RunFolderError, match=r"is not a batch folder: it has no batch\.yaml"):
        BatchFolder.existing(tmp_path)


def test_a_damaged_request_is_named(tmp_path, wanted) -> None:
    batch = BatchFolder.create(tmp_path / "q3", wanted)
    (batch.path / "batch.yaml").write_text("version: 1\n")

    with pytest.raises(RunFolderError, match=r"batch\.yaml in the batch folder"):
        batch.request()


def test_a_task_must_not_be_called_as_a_file_of_the_folder(tmp_path) -> None:
    with pytest.raises(RequestError, match="must not have the name of a file"):
        BatchFolder.create(tmp_path / "q3", BatchRequest(name="q3", members=(member("Memory"),)))


def test_added_tasks_wait_in_the_inbox_until_they_are_taken_in(tmp_path, wanted) -> None:
    batch = BatchFolder.create(tmp_path / "q3", wanted)

    batch.leave_in_inbox([member("calls"), member("notes")])
    assert [each.name for each in batch.request().members] == ["mails", "bad"]
    with pytest.raises(RequestError, match="two tasks have the name 'calls'"):
        batch.leave_in_inbox([member("calls")])

    assert [each.name for each in batch.take_in()] == ["calls", "notes"]
    assert batch.take_in() == ()
    assert [each.name for each in batch.request().members] == ["mails", "bad", "calls", "notes"]


def test_a_task_is_given_up_by_its_name_unless_it_is_done(tmp_path, wanted) -> None:
    batch = BatchFolder.create(tmp_path / "q3", wanted)

    batch.cancel("mails")
    assert batch.is_cancelled("mails")
    assert not batch.is_cancelled("bad")
    with pytest.raises(RequestError, match="has no task 'mail'") as refusal:
        batch.cancel("mail")
    assert refusal.value.hint == "did you mean mails?"
    RunFolder.create(batch.run_path("bad"), "version: 1\n").write_done()
    with pytest.raises(RequestError, match="'bad' is done already"):
        batch.cancel("bad")
