"""Named places at which a test can make a process end, fail or hang. Without ``AUTOLORA_FAILPOINTS`` they do nothing.

``AUTOLORA_FAILPOINTS="store.replace=kill@3;engine.step=hang"`` kills the process the third time it is about to rename a
file of the run folder, and hangs every training step. What happens between two writes can only be tested by being
there (the idea is fail-rs's: https://github.com/tikv/fail-rs).
"""

from __future__ import annotations

import errno
import os
import re
import signal
import time
from collections import Counter

VARIABLE = "AUTOLORA_FAILPOINTS"
_RULE = re.compile(r"(?P<name>[\w.]+)=(?P<action>kill|full|hang)(?:@(?P<at>[1-9]\d*))?")
_HANG_SECONDS = 3600.0
_reached: Counter[str] = Counter()


def failpoint(name: str) -> None:
    """Do what the environment asks for at this place: be killed, find the disk full, or hang; usually nothing.

    Raises:
        OSError: ``ENOSPC``, where the disk is to be full.
        ValueError: If the environment's text is not understood.
    """
    rules = os.environ.get(VARIABLE)
    if not rules:
        return
    _reached[name] += 1
    for rule in rules.split(";"):
        match = _RULE.fullmatch(rule)
        if match is None:
            raise ValueError(f"{VARIABLE} must be NAME=kill|full|hang, with @N for the Nth time only; got {rule!r}")
        if match["name"] == name and match["at"] in (None, str(_reached[name])):
            _act(match["action"], name)


def _act(action: str, name: str) -> None:
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "full":
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)} (failpoint {name})")
    else:
        time.sleep(_HANG_SECONDS)
