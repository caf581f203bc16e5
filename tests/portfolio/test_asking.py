from __future__ import annotations

from pathlib import Path

import pytest

from autolora.errors import AutoloraError, RequestError
from autolora.portfolio.asking import Answer, Asked, asked

pytestmark = pytest.mark.unit

USUAL = {
    "defaults": None, "budget": None, "memory": None, "resume": False, "add": False, "cancel": None, "status": False,
}  # fmt: skip
MACHINE = "business: {currency: JPY, machine: {hourly: 600}}\n"


def ask(tasks, out=None, **flags):
    return asked([Path(task) for task in tasks], out, **(USUAL | flags))


@pytest.fixture
def tasks(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\n")
    (tmp_path / "defaults.yaml").write_text("base_model: owner/base\ndata: {text: text, label: label}\n" + MACHINE)
    return tmp_path


def test_tasks_become_a_batch_that_is_called_as_its_folder(tasks) -> None:
    found = ask([tasks], tasks / "out" / "q3", budget="2h", memory=Path("m"))

    assert isinstance(found, Asked)
    assert (found.request.name, found.request.minutes, found.request.memory) == ("q3", 120, "m")
    assert [member.name for member in found.request.members] == ["a"]


def test_a_budget_in_money_buys_machine_time_at_the_price_that_the_tasks_say(tasks) -> None:
    assert ask([tasks], tasks / "q3", budget="300 JPY").request.minutes == 30


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"budget": "soon"}, "budget: a duration must be"),
        ({"budget": "3 USD"}, "USD"),
        ({"resume": True, "cancel": "a"}, "at most one of --resume and --cancel"),
        ({"resume": True, "budget": "2h"}, "--budget is for a batch that begins"),
        ({"status": True, "memory": Path("m")}, "--memory is for a batch that begins"),
        ({"resume": True}, "is not a batch folder"),
        ({"add": True}, "is not a batch folder"),
    ],
)
def test_what_does_not_go_together_is_one_clear_error(tasks, flags, message) -> None:
    with pytest.raises(AutoloraError) as refusal:
        ask([tasks], None if flags.get("resume") else tasks / "out", **flags)
    assert message in refusal.value.message


def test_money_without_a_price_is_refused(tasks) -> None:
    text = (tasks / "defaults.yaml").read_text().replace(MACHINE, "")
    (tasks / "defaults.yaml").write_text(text)

    with pytest.raises(RequestError, match="none of the tasks says it"):
        ask([tasks], tasks / "q3", budget="300 JPY")


def test_one_folder_is_gone_on_with_at_a_time(tasks) -> None:
    with pytest.raises(RequestError, match="--status is for one batch folder, but got 2 paths"):
        ask([tasks, tasks], status=True)


def test_a_status_is_answered_at_once(tasks) -> None:
    from autolora.portfolio.folder import BatchFolder

    BatchFolder.create(tasks / "q3", ask([tasks], tasks / "q3").request)

    answer = ask([tasks / "q3"], status=True)
    assert isinstance(answer, Answer)
    assert [member.state for member in answer.record.members] == ["waiting"]
