"""Ctrl-C and SIGTERM as one KeyboardInterrupt, whatever is being done when they come. Knows no command."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Interruption:
    """Who asked this process to stop."""

    signals: list[int] = field(default_factory=list)
    """In order, the oldest first."""
    _leaving: threading.Event = field(default_factory=threading.Event)

    def leave(self) -> None:
        """Raise for none that come from now on: the process ends."""
        self._leaving.set()

    def hear(self, number: int) -> None:
        """Take in a signal.

        Raises:
            KeyboardInterrupt: For the first, and for the second, which cuts short what the first has set off.
        """
        self.signals.append(number)
        if len(self.signals) <= 2 and not self._leaving.is_set():
            raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Have SIGINT and SIGTERM raise ``KeyboardInterrupt`` in the block; whoever catches it calls ``leave``.

    The first asks to stop, which takes some seconds; the second cuts that short; more change nothing.
    """
    asked = Interruption()  # its list: Ray turns whatever a handler raises into a KeyboardInterrupt of its own
    again: list[threading.Timer] = []

    def ask_again(missed: sys.UnraisableHookArgs) -> None:
        # Raised inside a callback of an import, a fork or the garbage collector, it would be printed and forgotten.
        if asked.signals and issubclass(missed.exc_type, KeyboardInterrupt):
            again.append(threading.Timer(0.1, os.kill, (os.getpid(), asked.signals.pop())))
            again[-1].start()
        else:
            sys.__unraisablehook__(missed)

    # What was started in the background ignores Ctrl-C, and is to go on doing so.
    wanted = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, lambda signum, frame: asked.hear(signum)) for number in wanted}
    hook, sys.unraisablehook = sys.unraisablehook, ask_again
    try:
        yield asked
    finally:
        sys.unraisablehook = hook
        for timer in again:
            timer.cancel()
        for number, handler in before.items():
            # Who has been heard need not be heard again while the process ends.
            signal.signal(number, signal.SIG_IGN if asked.signals else handler)
