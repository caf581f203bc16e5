"""Requests made up from the service's own description: however odd, none is answered with a server error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from autolora.service.problems import MEDIA_TYPE

schemathesis = pytest.importorskip("schemathesis")
pytestmark = pytest.mark.tiny

CASES = 25
"""For each operation."""
_ALLOWED_5XX = {507, 503}
"""A full disk, and an adapter at work for others: these are said on purpose."""


def sent(client: Any, case: Any) -> Any:
    """Send a case as a program would."""
    given = case.as_transport_kwargs(base_url="http://service.test")
    headers = {name: value for name, value in dict(given.get("headers") or {}).items() if name.lower() != "host"}
    query = dict(given.get("params") or {})
    if "wait" in query:
        query["wait"] = 0  # nothing looks at uploads here
    body = {name: given[name] for name in ("json", "data", "content", "files") if given.get(name) is not None}
    if isinstance(body.get("data"), bytes | str):
        body["content"] = body.pop("data")
    return client.request(given["method"], given["url"], params=query, headers=_sendable(headers), **body)


def _sendable(headers: dict[str, Any]) -> dict[str, bytes]:
    """Return headers as bytes; characters that no header may hold are left out, as a client would."""
    return {name: str(value).encode("latin-1", "ignore") for name, value in headers.items()}


def test_no_request_is_answered_with_a_server_error(web, opened_service, figure) -> None:
    opened_service.desk.supervisor.stop()  # what is started here is to wait for ever
    client = web()
    schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    answers: dict[int, int] = {}
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=CASES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.as_strategy())
        def hold(case: Any) -> None:
            answer = sent(client, case)
            answers[answer.status_code] = answers.get(answer.status_code, 0) + 1

            assert answer.status_code < 500 or answer.status_code in _ALLOWED_5XX, (case.method, case.path, answer.text)
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == MEDIA_TYPE
                assert answer.json()["detail"]

        hold()

    figure("number of made-up requests to the service", sum(answers.values()))
    assert sum(answers.values()) > 300
    assert {200, 404, 422} <= set(answers)
