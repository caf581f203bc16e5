"""A small client for Python code: what the REST API says, as typed values. Needs httpx and pydantic alone.

with Client("https://autolora.example.com", token) as service:
    table = service.upload("reviews.csv")
    search = service.start_search(dataset=table.id, base_model="all-MiniLM-L6-v2", budget={"trials": 24})
    done = service.wait(search)
    service.download_adapter(done, "adapter.zip")
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar

import httpx
from pydantic import BaseModel

from autolora.errors import AutoloraError
from autolora.service.schemas import DatasetOut, JobOut, Models, PredictionOut, Predictions

T = TypeVar("T", bound=BaseModel)
_PIECE = 1 << 20
_ENDED = ("succeeded", "failed", "cancelled")


class ServiceError(AutoloraError):
    """The service has answered with a problem."""

    def __init__(self, message: str, hint: str = "", status: int = 0, code: str = "", param: str | None = None) -> None:
        super().__init__(message, hint)
        self.status, self.code, self.param = status, code, param


class Client:
    """Talks to one service."""

    def __init__(self, url: str, token: str, *, timeout: float = 60.0, transport: Any = None) -> None:
        """Talk to a service.

        Args:
            url: Its address.
            token: What opens its doors.
            timeout: Seconds that an answer may take.
            transport: Of httpx, in place of the network.
        """
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout, transport=transport)

    def __enter__(self) -> Client:
        """Return the client."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close its connections."""
        self._http.close()

    def models(self) -> list[str]:
        """Return the names of the base models.

        Raises:
            ServiceError: As all calls do, where the service says that something is wrong.
        """
        return [each.name for each in self._get("/v1/models", Models).data]

    def upload(self, path: str | Path, *, wait: int = 30) -> DatasetOut:
        """Upload a table, and return what was found in it if the check takes no longer than ``wait`` seconds."""
        path = Path(path)
        with open(path, "rb") as file:
            pieces = iter(lambda: file.read(_PIECE), b"")
            return self._post("/v1/datasets", DatasetOut, params={"name": path.name, "wait": wait}, content=pieces)

    def check(self, dataset: str, data: dict[str, Any], *, wait: int = 30) -> DatasetOut:
        """Have a dataset checked again, with other columns: as under ``data`` of a task file."""
        return self._post(f"/v1/datasets/{dataset}/check", DatasetOut, params={"wait": wait}, json={"data": data})

    def start_search(self, *, key: str | None = None, **task: Any) -> JobOut:
        """Start a search; the arguments are the keys of ``POST /v1/searches``.

        Args:
            key: Of idempotency: sent again, the same request starts no second search.
            task: What is asked for.
        """
        return self._start("searches", task, key)

    def start_plan(self, *, key: str | None = None, **task: Any) -> JobOut:
        """Have it said what a search would take."""
        return self._start("plans", task, key)

    def start_batch(self, name: str, tasks: Sequence[dict[str, Any]], *, key: str | None = None, **more: Any) -> JobOut:
        """Start a search of many tasks."""
        return self._start("batches", {"name": name, "tasks": list(tasks), **more}, key)

    def again(self, job: JobOut) -> JobOut:
        """Return how a job stands now."""
        return self._get(job.links["self"], JobOut)

    def ask(self, job: JobOut, wish: Literal["pause", "resume", "cancel"]) -> JobOut:
        """Ask a job to rest, to go on or to end; its state follows within seconds."""
        return self._post(f"{job.links['self']}/{wish}", JobOut)

    def wait(self, job: JobOut, *, seconds: float = float("inf"), until: Sequence[str] = _ENDED) -> JobOut:
        """Wait until a job has ended, or stands otherwise as asked for, and return how it stands then.

        Raises:
            TimeoutError: If it takes longer.
        """
        ends = time.monotonic() + seconds
        while (now := self.again(job)).state not in until:
            if now.state in _ENDED or time.monotonic() > ends:
                raise TimeoutError(f"{now.id} is {now.state}{f': {now.cause}' if now.cause else ''}")
            time.sleep(0.5)
        return now

    def events(self, job: JobOut, *, after: int = 0) -> Iterator[dict[str, Any]]:
        """Yield what a job says, from the event after one on, until it has ended."""
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        with self._http.stream("GET", job.links["events"], headers=headers, timeout=None) as response:
            if response.is_error:
                response.read()
            _check(response)
            for line in response.iter_lines():
                if line.startswith("data: "):
                    yield dict(json.loads(line.removeprefix("data: ")))

    def recommendation(self, job: JobOut) -> dict[str, Any]:
        """Return what a search recommends, as ``recommendation.json``."""
        return dict(_check(self._http.get(job.links["recommendation"])).json())

    def report(self, job: JobOut, *, lang: str = "en", audience: Literal["engineer", "management"] = "engineer") -> str:
        """Return the report of a search or a batch as one HTML page."""
        return _check(self._http.get(job.links["report"], params={"lang": lang, "audience": audience})).text

    def download_adapter(self, job: JobOut, path: str | Path) -> Path:
        """Save the adapter of a search as a zip file, and return its path."""
        path = Path(path)
        with self._http.stream("GET", job.links["adapter"]) as response:
            if response.is_error:
                response.read()
            _check(response)
            with open(path, "wb") as file:
                for piece in response.iter_bytes():
                    file.write(piece)
        return path

    def predict(self, job: JobOut, texts: Sequence[str], *, abstain_below: float | None = None) -> list[PredictionOut]:
        """Return what the adapter of a search says of texts, in their order."""
        body = {"search": job.id, "texts": list(texts), "abstain_below": abstain_below}
        return self._post("/v1/predict", Predictions, json=body, timeout=180).data

    def _start(self, what: str, body: dict[str, Any], key: str | None) -> JobOut:
        headers = {} if key is None else {"Idempotency-Key": key}
        return self._post(f"/v1/{what}", JobOut, json=body, headers=headers)

    def _get(self, path: str, kind: type[T]) -> T:
        return kind.model_validate(_check(self._http.get(path)).json())

    def _post(self, path: str, kind: type[T], **more: Any) -> T:
        return kind.model_validate(_check(self._http.post(path, **more)).json())


def _check(response: httpx.Response) -> httpx.Response:
    """Return a response that is none of a problem.

    Raises:
        ServiceError: If it is one.
    """
    if not response.is_error:
        return response
    try:
        said = dict(response.json())
    except ValueError:
        said = {}
    detail = said.get("detail") or f"the service answered {response.status_code}"
    raise ServiceError(detail, said.get("hint", ""), response.status_code, said.get("code", ""), said.get("param"))
