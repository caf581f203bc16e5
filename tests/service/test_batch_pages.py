"""The pages of batches: tables are chosen, tasks watched, the roll-up read; nothing from outside is more than text."""

from __future__ import annotations

from html import unescape

import pytest

from autolora.portfolio.folder import BatchFolder
from autolora.service.faults import Invalid
from autolora.service.ids import Prefix, new_id
from autolora.service.jobs import NewJob
from autolora.service.pages.batches import body_of
from autolora.service.states import Kind, State
from autolora.service.workplace import JobFolder
from autolora.store import RunFolder
from tests.report import made_up
from tests.report.portfolio.made_up import portfolio
from tests.service.test_pages import Seen

pytestmark = pytest.mark.unit

TRICK = "<b>&日報"


@pytest.fixture
def finished(opened_service) -> str:
    """Return the id of a batch that has ended, one task of every kind of end."""
    desk = opened_service.desk
    desk.supervisor.stop()  # or it would begin the batch before it stands where it is to stand
    record = portfolio()
    job = NewJob(id=new_id(Prefix.BATCH), kind=Kind.BATCH, name="third quarter")
    tasks = [{"name": member.name} for member in record.members]
    folder = JobFolder.make(desk.place.jobs / job.id, {"kind": "batch", "name": job.name, "tasks": tasks})
    folder.run.mkdir()
    batch = BatchFolder(folder.run)
    batch.write_portfolio(record)
    batch.write_page("management.ja.html", "<p>全体</p>".encode())
    made = made_up.report()
    run = RunFolder.create(folder.run / "mails", "version: 1\nname: mails\nmetric: macro_f1\n")
    run.write_data(made.data)
    run.write_trials(made.trials)
    desk.jobs.add(job)
    desk.jobs.move(job.id, State.SUCCEEDED, starts=True)
    return job.id


def test_every_task_stands_with_what_became_of_it(visitor, finished) -> None:
    html = visitor().get(f"/batches/{finished}").text
    rows = unescape(html).split("<tbody>")[1].split("</tbody>")[0].split("<tr>")[1:]

    assert len(rows) == 5
    assert "Adopt the adapter" in rows[0]
    assert "0.910 (macro_f1)" in rows[0]
    assert "/tasks/mails/adapter" in rows[0]
    assert "Use something simpler" in rows[2]
    assert "failed: " in rows[4]
    assert "holds only one class" in rows[4]
    assert "/tasks/" not in rows[4], "what failed has no report"


def test_what_a_task_has_tried_is_counted_while_it_goes_on(visitor, finished, opened_service) -> None:
    opened_service.desk.jobs.move(finished, State.RUNNING)
    (opened_service.desk.run_of(finished) / "portfolio.json").unlink()
    html = visitor().get(f"/batches/{finished}/live").text

    assert 'hx-trigger="every 3s"' in html
    assert "not yet" in html
    assert "management.ja" not in html
    ended = [trial for trial in made_up.trials() if trial.state not in ("running", "refused")]
    assert f'<td class="number">{len(ended)}</td>' in html


@pytest.mark.parametrize("language", ["en", "ja"])
def test_pages_are_whole_in_either_language_and_names_are_only_text(visitor, finished, language) -> None:
    client = visitor(language)
    for path in ("/batches", "/batches/new", f"/batches/{finished}"):
        answer = client.get(path)
        seen = Seen(answer.text)

        assert answer.status_code == 200
        assert seen.all("html")[0]["lang"] == language
        assert len(seen.all("h1")) == 1
        assert not seen.all("b"), "a task's name is no markup"
    assert TRICK in unescape(client.get(f"/batches/{finished}").text)
    report = client.get(f"/v1/batches/{finished}/report?audience=management&lang=ja")
    assert "全体" in report.text
    engineers = client.get(f"/v1/batches/{finished}/report").text
    assert "hardly anything more was expected" in engineers
    assert "<a " not in engineers, "the tasks' folders do not lie beside it there"


def test_a_batch_is_asked_for_with_tables_of_one_name_kept_apart() -> None:
    body = body_of(
        {"base_model": "tiny", "minutes": "120", "trials": "12", "name": ""},
        {"data_1": "mails.csv", "data_2": "MAILS.csv", "data_3": "calls.xlsx"},
    )

    assert [task["name"] for task in body["tasks"]] == ["mails", "MAILS-2", "calls"]
    assert [task["dataset"] for task in body["tasks"]] == ["data_1", "data_2", "data_3"]
    assert {str(task["budget"]) for task in body["tasks"]} == {"{'trials': 12}"}
    assert (body["name"], body["minutes"]) == ("portfolio", 120)
    assert "minutes" not in body_of({"minutes": "0"}, {"data_1": "mails.csv"})
    with pytest.raises(Invalid, match="a table at the least"):
        body_of({}, {})


def test_a_form_without_a_table_is_refused_in_words(visitor, opened_service) -> None:
    answer = visitor().post("/batches/new", data={"minutes": "60", "base_model": "tiny"})

    assert answer.status_code == 422
    assert "a batch needs a table at the least" in answer.text


def test_a_batch_that_has_ended_can_be_deleted_and_is_gone(visitor, finished, opened_service) -> None:
    client = visitor()
    answer = client.post(f"/batches/{finished}/delete", follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, "/batches")
    assert client.get(f"/batches/{finished}").status_code == 404
    assert not (opened_service.desk.place.jobs / finished).exists()
