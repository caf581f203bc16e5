"""Reviews through the service: a page for those who do the work, and what they said bears on the verdict."""

from __future__ import annotations

import json
import time

import pytest

from autolora import results
from autolora.records import from_json
from autolora.review.records import ReviewKey
from autolora.service.ids import Prefix, new_id
from autolora.service.jobs import Jobs, NewJob
from autolora.service.states import ENDED, Kind, State
from autolora.service.tables import open_tables
from autolora.service.workplace import JobFolder, Workplace
from tests.review import made

pytestmark = pytest.mark.tiny


@pytest.fixture
def search(tmp_path) -> str:
    """Return the id of a finished search that a service will find when it is opened."""
    place = Workplace.at(tmp_path / "data")
    job = NewJob(id=new_id(Prefix.SEARCH), kind=Kind.SEARCH, name="mails")
    folder = JobFolder.make(place.jobs / job.id, {"kind": "search", "task": {"base_model": "/nowhere"}})
    run = made.labelled_run(tmp_path / "made")
    run.rename(folder.run)
    jobs = Jobs(open_tables(place.tables))
    jobs.add(job)
    jobs.move(job.id, State.SUCCEEDED, starts=True)
    jobs.close()
    return job.id


def ended(client, job: dict) -> dict:
    for _ in range(600):
        job = client.get(job["links"]["self"]).json()
        if job["state"] in ENDED:
            return job
        time.sleep(0.1)
    raise AssertionError(job)


def test_what_reviewers_say_bears_on_the_verdict(search, web, opened_service) -> None:
    client, run = web(), opened_service.desk.place.job(search).run
    before = results.read(run).recommendation
    page_job = ended(client, client.post(f"/v1/searches/{search}/reviews", params={"lang": "ja"}).json())
    page = client.get(page_job["links"]["page"])
    (path,) = (run / "review").glob("key-*.json")
    key = from_json(path.read_bytes(), ReviewKey)
    said = [made.saved(key, made.accepts("head_only"), reviewer) for reviewer in ("Ada", "Grace", "Ada")]
    for each in said:
        read = ended(
            client, client.post(f"/v1/searches/{search}/reviews/said", params={"min_accepted": 0.5}, json=each).json()
        )
        assert (read["state"], read["cause"]) == ("succeeded", None)
    after = results.read(run).recommendation

    assert '<html lang="ja"' in page.text
    assert "attachment" in page.headers["content-disposition"]
    assert before.verdict_before_review is None
    assert after.verdict_before_review == before.verdict
    assert results.read(run).review.reviewers == ("Ada", "Grace"), "who sends again takes the place of what was sent"
    assert len(client.get(f"/v1/searches/{search}/reviews").json()) == 4


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b'{"judgements": []}', b"\xff"])
def test_a_file_that_no_review_page_has_saved_is_refused(search, web, body) -> None:
    answer = web().post(f"/v1/searches/{search}/reviews/said", content=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_value")


def test_what_belongs_to_another_review_is_said_and_changes_nothing(search, web, opened_service) -> None:
    client, run = web(), opened_service.desk.place.job(search).run
    before = results.read(run).recommendation
    read = ended(client, client.post(f"/v1/searches/{search}/reviews/said", json=made.saved(made.key())).json())

    assert read["state"] == "failed"
    assert read["cause"]
    assert results.read(run).recommendation == before


def test_the_page_of_a_search_leads_through_its_review(search, web, opened_service) -> None:
    from autolora.service.guard import COOKIE

    visitor = web(token=False, Accept="text/html", Origin="http://service.test")
    visitor.cookies.set(COOKIE, opened_service.sessions.new())
    path = f"/searches/{search}"
    first = visitor.get(path).text
    asked = visitor.post(f"{path}/review")
    for _ in range(300):
        second = visitor.get(path).text
        if "Download the page" in second:
            break
        time.sleep(0.1)
    (key,) = (opened_service.desk.place.job(search).run / "review").glob("key-*.json")
    said = json.dumps(made.saved(from_json(key.read_bytes(), ReviewKey))).encode()
    sent = visitor.post(f"{path}/said", files={"file": ("review.json", said, "application/json")})

    assert "Make a page for reviewers" in first
    assert "Download the page" not in first
    assert asked.status_code == sent.status_code == 200
    assert "Download the page" in second
