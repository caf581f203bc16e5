"""The command that serves: spelling only."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import click

from autolora.cli_parts import clean_errors
from autolora.errors import RequestError


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=int, default=8080, show_default=True, help="0 takes any that is free.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    default=Path("autolora-data"),
    show_default=True,
    help="Folder of jobs, datasets and the token.",
)
@click.option("--models", type=click.Path(path_type=Path), help="Folder of base models.")
@click.option("--jobs", "jobs_at_once", type=int, default=1, show_default=True, help="Searches that work side by side.")
@click.option("--address", help="Run searches on this Ray cluster.")
@click.option("--name", "names", multiple=True, help="Host name by which browsers reach it; may be given again.")
@click.option("--certificate", type=click.Path(path_type=Path), help="PEM file: speak TLS, with --key.")
@click.option("--key", type=click.Path(path_type=Path), help="PEM file of the certificate's key.")
@click.option("--behind-proxy", is_flag=True, help="A proxy before it speaks TLS.")
@clean_errors
def serve(**options: Any) -> None:
    """Serve searches to a team over REST, on this machine only unless told otherwise.

    \b
    autolora serve
    autolora serve --host 0.0.0.0 --certificate cert.pem --key key.pem --name autolora.example.com
    """
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ModuleNotFoundError as error:
        raise RequestError(f"serving needs {error.name}", "pip install 'autolora[service]'") from None
    from autolora.service.serving import serve as serve_until_stopped
    from autolora.service.settings import Settings
    from autolora.service.workplace import TOKEN

    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s", force=True
    )
    settings = Settings(**options)

    def say(address: str) -> None:
        click.echo(f"Serving on {address}; the token is in {settings.data_dir / TOKEN}", err=True)

    serve_until_stopped(settings, ready=say)
