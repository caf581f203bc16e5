"""What the commands have in common: how errors are printed, and what becomes of an interruption."""

from __future__ import annotations

import functools
import signal
import sys
from collections.abc import Callable
from typing import Any

import click

from autolora.errors import AutoloraError
from autolora.interruption import interruptible

_INTERRUPTED, _TERMINATED = 130, 143
RUN = "autolora.run"
"""Key, in click's context, of the folder of the search or batch at hand, once it is known."""


def clean_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    """Print the library's errors as one line, and exit with 2."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except AutoloraError as error:
            print_error(error)
            sys.exit(2)

    return wrapped


def clear_interruption(function: Callable[..., Any]) -> Callable[..., Any]:
    """End with one clear line and the usual exit code when Ctrl-C or SIGTERM come, whatever is being done."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with interruptible() as asked:
            try:
                return function(*args, **kwargs)
            except (KeyboardInterrupt, SystemExit) as error:
                asked.leave()  # a second Ctrl-C here would end in click's own exit code
                # While it starts, Ray has SIGTERM for itself and makes an exit of it.
                if isinstance(error, SystemExit) and error.code != signal.SIGTERM:
                    raise
                from autolora.last_word import NOTHING, way_on

                # One that came up through code from a string, as dataclasses are made of, would else count as never
                # caught: a program run by -m ends as if killed by SIGINT then. Every such run forgets it (CPython's
                # pythonrun.c).
                exec("")
                folder = click.get_current_context().meta.get(RUN)
                click.echo(f"\nInterrupted. {NOTHING if folder is None else way_on(folder)}", err=True)
                sys.exit(_INTERRUPTED if asked.signals[:1] == [signal.SIGINT] else _TERMINATED)

    return wrapped


def print_error(error: AutoloraError) -> None:
    """Print an error as one line on stderr."""
    hint = f" ({error.hint})" if error.hint else ""
    click.echo(f"Error: {error.message}{hint}".replace("\n", " "), err=True)
