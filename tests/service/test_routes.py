"""What the routes say to what they cannot do: one problem document each, and nothing is left of it."""

from __future__ import annotations

import gzip
import json
from html import unescape

import pytest

from autolora.service.ids import Prefix, new_id
from autolora.service.pages.japanese import TROUBLES
from autolora.service.problems import MEDIA_TYPE

pytestmark = pytest.mark.tiny  # a check is a process that reads a table as a search would

WORDS = {"a": "parcel", "b": "card"}
TABLE = "text,label\n" + "".join(f"my {WORDS[label]} {at} again,{label}\n" for at in range(30) for label in WORDS)


def upload(client, name: str = "mails.csv", content: bytes = TABLE.encode(), wait: int = 30):
    return client.post("/v1/datasets", params={"name": name, "wait": wait}, content=content)


def is_problem(answer, status: int) -> bool:
    body = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, MEDIA_TYPE), answer.text
    assert {"type", "title", "status", "detail", "code"} <= set(body)
    return body["status"] == status and bool(body["detail"])


@pytest.mark.parametrize("kind", ["searches", "batches", "plans"])
@pytest.mark.parametrize(
    "id", ["x", "..%2F..%2Fetc", "search_" + "0" * 20, "batch_" + "0" * 20, "plan_" + "0" * 20, "%00"]
)
def test_a_job_that_is_not_there_is_not_found(web, kind, id) -> None:
    client = web()
    assert is_problem(client.get(f"/v1/{kind}/{id}"), 404)
    assert is_problem(client.get(f"/v1/{kind}/{id}/events"), 404)
    assert is_problem(client.post(f"/v1/{kind}/{id}/cancel"), 404)
    assert is_problem(client.delete(f"/v1/{kind}/{id}"), 404)


@pytest.mark.parametrize("part", ["trials", "front", "recommendation", "report", "adapter"])
def test_what_a_search_has_not_found_yet_is_said_so(web, opened_service, part) -> None:
    from autolora.service.jobs import NewJob
    from autolora.service.states import Kind, State

    jobs = opened_service.desk.jobs
    opened_service.desk.supervisor.stop()  # or it would begin the search
    job = jobs.add(NewJob(id=new_id(Prefix.SEARCH), kind=Kind.SEARCH, name="reviews"))
    jobs.move(job.id, State.CANCELLED)
    answer = web().get(f"/v1/searches/{job.id}/{part}")

    assert is_problem(answer, 409)
    assert answer.json()["code"] == "not_yet"


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (b"{", 400, None),
        (b"", 422, ""),
        (b"[]", 422, ""),
        (b"\xff\xfe", 400, None),
        (b'{"dataset": "d", "base_model": "m", "epochs": 3}', 422, "epochs"),
        (b'{"dataset": 5, "base_model": "m"}', 422, "dataset"),
        (b'{"base_model": "m"}', 422, "dataset"),
        (b'{"dataset": "d", "base_model": "m", "priority": 1e9}', 422, "priority"),
        (b'{"dataset": "d", "base_model": "m", "seed": NaN}', 422, "seed"),
    ],
)
def test_a_wrong_body_names_what_is_wrong(web, body, status, param) -> None:
    answer = web().post("/v1/searches", content=body, headers={"Content-Type": "application/json"})

    assert is_problem(answer, status)
    assert answer.json().get("param", "") == (param or "")


def test_a_table_is_taken_in_and_told_in_plain_words(web) -> None:
    answer = upload(web(), content=TABLE.encode() + b"my parcel 3 again,b\n")

    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert answer.headers["location"] == told["links"]["self"]
    assert told["state"] == "ready"
    assert told["check"]["columns"] == ["text", "label"]
    assert told["check"]["classes"] == {"b": 31, "a": 30}
    assert (
        any(finding["code"] == "conflicting_labels" for finding in told["check"]["findings"])
        or told["check"]["findings"]
    )
    assert web().get(told["links"]["self"]).json() == told


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.csv", "passwd.csv"),
        ("..\\..\\CON.csv", "CON.csv"),
        ("\u202egnp.csv", "gnp.csv"),
        ("お問い合わせ.csv", "お問い合わせ.csv"),
        ("<script>alert(1)<.csv", "<script>alert(1)<.csv"),
        ("a" * 300 + ".csv", None),
        ("/.csv", ".csv"),
        ("x\x00y\n.csv", "xy.csv"),
    ],
)
def test_a_name_full_of_tricks_names_the_dataset_and_no_place(web, opened_service, name, shown) -> None:
    told = upload(web(), name, wait=0).json()
    folder = opened_service.desk.place.datasets / told["id"]

    assert told["name"] == shown or (shown is None and len(told["name"]) <= 130 and told["name"].endswith(".csv"))
    assert [path.suffix for path in folder.iterdir()] == [".csv"]
    assert len(list(opened_service.desk.place.datasets.iterdir())) == 1
    assert not list(opened_service.desk.place.path.parent.glob("*passwd*"))


@pytest.mark.parametrize("name", ["x", "x.exe", "x.csv.zip", "x.parquet.gz", ".", "csv"])
def test_a_file_that_is_no_table_by_its_name_is_refused_and_leaves_nothing(web, opened_service, name) -> None:
    answer = upload(web(), name)

    assert is_problem(answer, 422)
    assert answer.json()["param"] == "name"
    assert list(opened_service.desk.place.datasets.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "says", "code"),
    [
        ("x.csv", b"\x00\x01\x02" * 1000, "NUL", "damaged"),
        ("x.csv", b"text,label\n", "no rows", "empty"),
        ("x.csv", b"a;b\n1;2\n", "cannot be guessed", "unguessed"),
        ("x.csv", b"text,label\n" + b"one more parcel,late\n,late\n" * 20, "column 'text' is blank", "blank"),
        ("x.jsonl", b'{"text": "a"\n', "JSON", "json"),
        ("x.xlsx", b"PK\x03\x04 no workbook", "workbook", "damaged"),
        ("x.parquet", b"PAR1 no parquet", "Parquet", "damaged"),
        ("x.csv.gz", b"\x1f\x8b broken", "unpacked", "damaged"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_a_way_out(web, visitor, name, content, says, code) -> None:
    told = upload(web(), name, content).json()
    trouble = told["check"]["trouble"]
    why, what_to_do = TROUBLES[code]
    english, japanese = (unescape(visitor(language).get(f"/data/{told['id']}").text) for language in ("en", "ja"))

    assert (told["state"], trouble["code"]) == ("refused", code)
    assert says in trouble["message"]
    assert trouble["hint"]
    assert trouble["hint"] in english
    assert why not in english
    assert why in japanese
    assert what_to_do in japanese


def test_an_empty_file_is_refused_at_once(web, opened_service) -> None:
    assert is_problem(upload(web(), content=b""), 422)
    assert list(opened_service.desk.place.datasets.iterdir()) == []


def test_a_form_is_no_upload(web) -> None:
    answer = web().post("/v1/datasets", params={"name": "x.csv"}, files={"file": ("x.csv", TABLE)})

    assert is_problem(answer, 422)


def test_a_packed_table_is_read(web) -> None:
    assert upload(web(), "mails.csv.gz", gzip.compress(TABLE.encode())).json()["state"] == "ready"


def test_other_columns_may_be_named_afterwards(web) -> None:
    client = web()
    table = "who,said,kind\n" + "".join(f"p{at},parcel {at} is late,{at % 2}\n" for at in range(60))
    first = upload(client, content=table.encode()).json()
    check = {"data": {"text": "who", "label": "kind"}}
    again = client.post(f"/v1/datasets/{first['id']}/check", params={"wait": 30}, json=check).json()

    assert first["check"]["data"] == {"text": "said", "label": "kind"}
    assert again["check"]["data"] == check["data"]
    assert not again["check"]["was_guessed"]


@pytest.mark.parametrize("place", ["path", "hub", "test"])
def test_no_place_can_be_named_in_place_of_an_upload(web, place) -> None:
    client = web()
    table = upload(client).json()["id"]
    data = {"text": "text", "label": "label", place: "/etc/passwd"}

    assert is_problem(client.post(f"/v1/datasets/{table}/check", json={"data": data}), 422)
    body = {"dataset": table, "base_model": "all-MiniLM-L6-v2", "data": data}
    assert is_problem(client.post("/v1/searches", json=body), 422)


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"base_model": "/etc"}, "base_model"),
        ({"base_model": "../models"}, "base_model"),
        ({"space": "/etc/passwd"}, "space"),
        ({"space": "no-such-space"}, "space"),
        ({"limits": {"max_parms": 3}}, "limits.max_parms"),
        ({"budget": {"trials": 0}}, "budget"),
        ({"metric": "no-such-metric"}, None),
        ({"name": "../up"}, None),
    ],
)
def test_a_wrong_value_names_its_key(web, opened_service, more, param) -> None:
    client = web()
    table = upload(client).json()["id"]
    answer = client.post("/v1/searches", json={"dataset": table, "base_model": "all-MiniLM-L6-v2"} | more)

    assert is_problem(answer, 422)
    assert param is None or answer.json()["param"] == param
    assert client.get("/v1/searches").json() == {"data": [], "next": None}
    assert [path.name for path in opened_service.desk.place.jobs.iterdir() if not path.name.startswith("check")] == []


def test_a_job_is_refused_while_the_disk_is_short(web, opened_service, monkeypatch) -> None:
    client = web()
    table = upload(client).json()["id"]
    monkeypatch.setattr(type(opened_service.desk.place), "free_bytes", lambda place: 10)
    answer = client.post("/v1/searches", json={"dataset": table, "base_model": "all-MiniLM-L6-v2"})

    assert is_problem(answer, 507)
    assert is_problem(upload(client), 507)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "limit=101", "after=x", "after=%00", "after=9999999999999999999999"]
)
def test_a_wrong_page_is_said_so(web, query) -> None:
    assert is_problem(web().get(f"/v1/searches?{query}"), 422)


def test_figures_are_there_for_prometheus(web) -> None:
    client = web()
    upload(client)
    figures = client.get("/metrics")

    assert figures.headers["content-type"].startswith("text/plain")
    assert 'autolora_jobs{kind="check",state="succeeded"} 1.0' in figures.text
    assert "autolora_disk_free_bytes" in figures.text


def test_the_description_names_every_route_and_the_problem_document(web) -> None:
    described = web().get("/openapi.json").json()

    assert {"/v1/searches", "/v1/datasets", "/v1/batches", "/v1/plans", "/v1/predict"} <= set(described["paths"])
    assert json.dumps(described).count(MEDIA_TYPE) > 20
