"""Asks a fresh process what training one configuration alone takes. Loads no model here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from autolora.engine.start import EngineFacts
from autolora.records import AdapterConfig, to_json

_TIMEOUT_S = 600


def measured_peak(folder: Path, config: AdapterConfig, facts: EngineFacts) -> int | None:
    """Return the measured peak in bytes, None where the process fails or takes too long."""
    request = {
        "folder": str(folder),
        "config": to_json(config),
        "num_labels": facts.costs.num_labels,
        "length": facts.costs.length,
        "precision": facts.precision,
        "attention": facts.attention,
        "fused_norms": facts.fused_norms,
        "writes": facts.prompts is not None,
        "device": "cpu" if facts.on_cpu else "cuda",
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", "autolora.engine.measure"],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=True,
        )
        return int(done.stdout.split()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError):
        return None
