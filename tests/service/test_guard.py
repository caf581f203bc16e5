"""The door: nobody comes in without the token, from elsewhere, under another name, or with too much."""

from __future__ import annotations

import logging
import time

import pytest
from starlette.routing import BaseRoute, Mount

from autolora.service.app import rooms
from autolora.service.guard import COOKIE, OPEN_PATHS, SESSION_SECONDS, Sessions
from autolora.service.problems import MEDIA_TYPE

pytestmark = pytest.mark.unit

OWN = "http://service.test"


def doors(routes: list[BaseRoute], above: str = "") -> list[tuple[str, str]]:
    """Return every method and path that an app answers; of a mount its own path and one below it."""
    found: list[tuple[str, str]] = []
    for route in routes:
        path = above + getattr(route, "path", "")
        inside = getattr(route, "original_router", None)
        if inside is not None:  # a router that FastAPI keeps as it is
            found += doors(list(inside.routes), above)
        elif isinstance(route, Mount):
            found += [("GET", path or "/"), ("GET", f"{path}/anything"), *doors(list(route.routes or []), path)]
        else:
            found += [(method, path) for method in sorted(getattr(route, "methods", None) or {"GET"})]
    return found


def logged(caplog) -> str:
    """Return what the service has logged; the client's own lines are not its."""
    return "\n".join(line.getMessage() for line in caplog.records if line.name.startswith(("autolora", "uvicorn")))


def test_every_route_and_mount_but_the_open_ones_asks_for_the_token(opened_service, web) -> None:
    stranger = web(token=False)
    asked = [
        (method, path)
        for method, path in doors(rooms(opened_service.desk, opened_service.sessions).routes)
        if path not in OPEN_PATHS
    ]
    answers = {door: stranger.request(*door, headers={"Origin": OWN}) for door in asked}

    assert len(asked) > 30
    assert {door: answer.status_code for door, answer in answers.items() if answer.status_code != 401} == {}
    assert stranger.get("/healthz").status_code == 200
    assert stranger.get("/no/such/thing").status_code == 401  # nor does it say what there is


def test_who_asks_for_a_page_without_a_session_is_sent_to_the_login(web) -> None:
    answer = web(token=False, Accept="text/html").get("/searches", follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", "Basic {token}", "Bearer {token}x", "Bearer \u00e9"])
def test_a_wrong_token_is_none(web, opened_service, given) -> None:
    header = given.format(token=opened_service.sessions.token).encode("utf-8")
    answer = web(token=False).get("/v1/searches", headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == MEDIA_TYPE


@pytest.mark.parametrize("host", ["evil.test", "service.test:80", "service.test.evil.test", "SERVICE.TEST", ""])
def test_only_the_exact_names_of_the_service_are_answered(web, host) -> None:
    answer = web().get("/v1/searches", headers={"Host": host})

    assert (answer.status_code, answer.json()["code"]) == (421, "misdirected")


@pytest.mark.parametrize("name", ["token", "access_token", "Token", "api_key"])
def test_a_token_in_the_address_is_refused_and_not_logged(web, opened_service, caplog, name) -> None:
    secret = opened_service.sessions.token
    with caplog.at_level(logging.DEBUG):
        answer = web(token=False).get(f"/v1/searches?{name}={secret}")

    assert answer.status_code == 400
    assert "address" in answer.json()["detail"]
    assert secret not in answer.text
    assert secret not in logged(caplog)


def test_a_session_opens_the_doors_until_it_ends(web, opened_service, monkeypatch) -> None:
    visitor = web(token=False)
    visitor.cookies.set(COOKIE, opened_service.sessions.new())
    inside = visitor.get("/v1/searches").status_code
    later = time.time() + SESSION_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)

    assert inside == 200
    assert visitor.get("/v1/searches").status_code == 401


@pytest.mark.parametrize("forged", ["", "1", "99999999999.", "99999999999.00", "x.y", "²." + "0" * 64])
def test_a_forged_session_is_none(forged) -> None:
    assert not Sessions(token="a" * 40).is_open(forged)
    assert not Sessions(token="a" * 40).is_open(Sessions(token="b" * 40).new())


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {"Origin": "https://service.test"},
        {"Origin": OWN, "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("by_token", [True, False])
def test_what_changes_anything_must_come_from_our_own_pages(web, opened_service, headers, by_token) -> None:
    caller = web(token=by_token)
    if not by_token:
        caller.cookies.set(COOKIE, opened_service.sessions.new())
    answer = caller.post("/v1/searches", json={}, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_a_session_must_say_where_it_comes_from_and_a_program_need_not(web, opened_service) -> None:
    visitor = web(token=False)
    visitor.cookies.set(COOKIE, opened_service.sessions.new())

    assert visitor.post("/v1/searches", json={}).status_code == 403
    assert visitor.post("/v1/searches", json={}, headers={"Origin": OWN}).status_code == 422
    assert web().post("/v1/searches", json={}).status_code == 422


def test_no_other_site_may_read_answers(web) -> None:
    answer = web().get("/v1/searches", headers={"Origin": "http://evil.test"})
    preflight = web().options(
        "/v1/searches", headers={"Origin": "http://evil.test", "Access-Control-Request-Method": "POST"}
    )

    assert not [name for name in (*answer.headers, *preflight.headers) if name.lower().startswith("access-control")]
    assert preflight.status_code == 403


def test_browsers_are_told_what_to_beware_of_in_every_answer(web) -> None:
    for answer in (web().get("/v1/searches"), web(token=False).get("/v1/searches"), web().get("/healthz")):
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-inline" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


def test_a_body_that_says_that_it_is_too_large_is_not_read(web, opened_service) -> None:
    most = opened_service.desk.settings.most_body_bytes
    answer = web().post("/v1/searches", content=b"x", headers={"Content-Length": str(most + 1)})

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_body_that_becomes_too_large_is_cut_off(web, opened_service) -> None:
    most = opened_service.desk.settings.most_body_bytes
    pieces = (b"x" * 65_536 for _ in range(most // 65_536 + 2))
    answer = web().post("/v1/searches", content=pieces, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_the_log_holds_paths_and_no_more(web, caplog) -> None:
    with caplog.at_level(logging.INFO):
        web().get("/v1/searches?after=what-nobody-else-may-see")
        web().post("/v1/datasets?name=salaries-of-2026.csv", content=b"who,what\nMr Secret,1\n")

    assert "GET /v1/searches 422" in logged(caplog)
    for secret in ("what-nobody", "salaries", "Mr Secret"):
        assert secret not in logged(caplog)
