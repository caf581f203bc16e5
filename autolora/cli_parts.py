"""What the commands have in common: how errors are printed, and what becomes of an interruption."""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import click

from autolora.errors import AutoloraError

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
    """End with one clear line and the usual exit code when Ctrl-C or SIGTERM come, whatever is being done.

    The first asks to stop, which takes some seconds; the second cuts that short; more change nothing.
    """

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        asked: list[int] = []  # Ray turns whatever a handler raises into a KeyboardInterrupt of its own
        leaving = threading.Event()
        again: list[threading.Timer] = []

        def end(signum: int, frame: object) -> None:
            asked.append(signum)
            if len(asked) <= 2 and not leaving.is_set():
                raise KeyboardInterrupt

        def ask_again(missed: sys.UnraisableHookArgs) -> None:
            # Raised inside a callback of an import, a fork or the garbage collector, it would be printed and forgotten.
            if asked and issubclass(missed.exc_type, KeyboardInterrupt):
                again.append(threading.Timer(0.1, os.kill, (os.getpid(), asked.pop())))
                again[-1].start()
            else:
                sys.__unraisablehook__(missed)

        # What was started in the background ignores Ctrl-C, and is to go on doing so.
        wanted = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) != signal.SIG_IGN]
        before = {number: signal.signal(number, end) for number in wanted}
        hook, sys.unraisablehook = sys.unraisablehook, ask_again
        try:
            return function(*args, **kwargs)
        except (KeyboardInterrupt, SystemExit) as error:
            leaving.set()  # a second Ctrl-C here would end in click's own exit code
            # While it starts, Ray has SIGTERM for itself and makes an exit of it.
            if isinstance(error, SystemExit) and error.code != signal.SIGTERM:
                raise
            from autolora.last_word import NOTHING, way_on

            # One that came up through code from a string, as dataclasses are made of, would else count as never caught:
            # a program run by -m ends as if killed by SIGINT then. Every such run forgets it (CPython's pythonrun.c).
            exec("")
            folder = click.get_current_context().meta.get(RUN)
            click.echo(f"\nInterrupted. {NOTHING if folder is None else way_on(folder)}", err=True)
            sys.exit(_INTERRUPTED if asked[:1] == [signal.SIGINT] else _TERMINATED)
        finally:
            sys.unraisablehook = hook
            for timer in again:
                timer.cancel()
            for number, handler in before.items():
                # Who has been heard need not be heard again while the process ends.
                signal.signal(number, signal.SIG_IGN if asked else handler)

    return wrapped


def print_error(error: AutoloraError) -> None:
    """Print an error as one line on stderr."""
    hint = f" ({error.hint})" if error.hint else ""
    click.echo(f"Error: {error.message}{hint}".replace("\n", " "), err=True)
