"""A service from its start to its end: everything is opened, listens, and is closed in order."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from autolora.errors import RequestError
from autolora.interruption import interruptible
from autolora.service.answering import Answerer
from autolora.service.app import create_app
from autolora.service.bases import Bases
from autolora.service.desk import Desk
from autolora.service.following import Following
from autolora.service.guard import Sessions
from autolora.service.jobs import Jobs
from autolora.service.settings import Settings, token_of
from autolora.service.supervisor import Limits, Supervisor
from autolora.service.tables import open_tables
from autolora.service.workplace import MODELS, Workplace

_REST_SECONDS = 30
"""How often it is looked whether the adapters' process is still needed."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """What has been opened."""

    desk: Desk
    sessions: Sessions


@contextmanager
def opened(settings: Settings) -> Iterator[Service]:
    """Open everything, take up the jobs that there are, and close it in the end; their processes go on.

    Raises:
        AutoloraError: If the data folder cannot be used, or another service uses it.
    """
    place = Workplace.at(settings.data_dir)
    with contextlib.ExitStack() as closing:
        closing.enter_context(place.owned())
        closing.enter_context(place.incoming())
        jobs = Jobs(open_tables(place.tables))
        closing.callback(jobs.close)
        place.sweep(jobs.ids(), jobs.dataset_ids())
        limits = Limits(jobs_at_once=settings.jobs_at_once, least_free_bytes=settings.least_free_bytes)
        supervisor, answerer = Supervisor(jobs, place, limits), Answerer()
        closing.callback(answerer.close)
        folders = [place.path / MODELS, *([] if settings.models is None else [settings.models])]
        desk = Desk(
            settings=settings,
            jobs=jobs,
            place=place,
            bases=Bases(folders),
            supervisor=supervisor,
            following=Following(),
            answerer=answerer,
        )
        supervisor.start()
        closing.callback(supervisor.stop)
        closing.enter_context(_resting(answerer))
        yield Service(desk=desk, sessions=Sessions(token=token_of(place.path)))


def serve(settings: Settings, *, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM; jobs that work keep where they are then, and go on with the next service.

    Args:
        settings: What it is started with.
        ready: Is told the address when requests are answered.

    Raises:
        AutoloraError: If the data folder or the port cannot be used.
    """
    with _bound(settings) as listening, opened(settings) as it:
        port = listening.getsockname()[1]
        app = create_app(it.desk, it.sessions, hosts=lambda: settings.hosts(port))
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                access_log=False,  # the guard's own leaves queries out
                server_header=False,
                log_config=None,
                proxy_headers=False,  # nothing here is decided by where a request came from
                ssl_certfile=None if settings.certificate is None else str(settings.certificate),
                ssl_keyfile=None if settings.key is None else str(settings.key),
                timeout_graceful_shutdown=5,
            )
        )
        shown = f"[{settings.host}]" if ":" in settings.host else settings.host
        ready(f"{'https' if settings.certificate is not None else 'http'}://{shown}:{port}")
        with interruptible() as asked:
            try:
                server.run(sockets=[listening])
            except KeyboardInterrupt:  # when it has shut down, uvicorn raises the signal that it was stopped by again
                asked.leave()
            logging.getLogger("autolora.service").info("stopping: jobs keep where they are")
            it.desk.supervisor.rest()


@contextmanager
def _bound(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((settings.host, settings.port))
        except OSError as error:
            raise RequestError(
                f"port {settings.port} of {settings.host} cannot be used: {error.strerror}", "choose another --port"
            ) from error
        listening.listen()  # whoever comes before the app is ready waits
        yield listening


@contextmanager
def _resting(answerer: Answerer) -> Iterator[None]:
    """Have the adapters' process end when nobody asks."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_REST_SECONDS):
            answerer.rest()

    thread = threading.Thread(target=watch, name="resting", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
