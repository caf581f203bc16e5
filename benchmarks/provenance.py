"""What every benchmark's JSON says of where its figures come from."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

_PACKAGES = ("autolora", "torch", "transformers", "peft", "optuna", "ray")


def provenance(device: str) -> dict[str, Any]:
    """Return the command, the device in words, versions, and the commit with a mark if files differ from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "command": sys.argv,
        "device": device,
        "commit": described.stdout.strip(),
        "versions": {name: version(name) for name in _PACKAGES},
    }
