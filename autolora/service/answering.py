"""Adapters at work, in a process of their own that ends when nobody asks: the service itself never loads a model.

``python -m autolora.service.answering BUNDLE BASE`` is that process: a line of JSON in, a line of JSON out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autolora.service.faults import Busy, Invalid

IDLE_SECONDS = 300
"""Without a question, after which the process ends."""
ANSWER_SECONDS = 120
"""That an answer may take, loading included."""


class Answerer:
    """One loaded adapter at a time: of the search that was asked last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bundle: Path | None = None
        self._process: subprocess.Popen[str] | None = None
        self._last = 0.0

    def answers(
        self, bundle: Path, base: Path, texts: Sequence[str], *, abstain_below: float | None
    ) -> list[dict[str, Any]]:
        """Return what an adapter says of each text.

        Args:
            bundle: The adapter folder.
            base: The folder of its base model.
            texts: What is to be answered.
            abstain_below: Confidence under which a person is to answer.

        Raises:
            Busy: If others are being answered for too long, or the process broke down.
            Invalid: If the adapter cannot be loaded, or does not abstain.
        """
        if not self._lock.acquire(timeout=ANSWER_SECONDS):
            raise Busy("the adapters are at work for others", "ask again in a minute")
        try:
            process = self._process_of(bundle, base)
            said = _asked(process, {"texts": list(texts), "abstain_below": abstain_below})
            self._last = time.monotonic()
        except Busy:
            self._end()
            raise
        finally:
            self._lock.release()
        if "error" in said:
            raise Invalid(said["error"], said["hint"])
        return list(said["answers"])

    def rest(self) -> None:
        """End the process if nobody has asked for long."""
        if self._lock.acquire(blocking=False):
            try:
                if self._process is not None and time.monotonic() - self._last > IDLE_SECONDS:
                    self._end()
            finally:
                self._lock.release()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _process_of(self, bundle: Path, base: Path) -> subprocess.Popen[str]:
        if self._process is None or self._bundle != bundle or self._process.poll() is not None:
            self._end()
            self._bundle = bundle
            self._process = subprocess.Popen(
                [sys.executable, "-m", "autolora.service.answering", str(bundle), str(base)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
            )
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
        self._process = self._bundle = None


def _asked(process: subprocess.Popen[str], question: dict[str, Any]) -> dict[str, Any]:
    """Return what the process says to a question."""
    assert process.stdin is not None, "it is a pipe"
    assert process.stdout is not None, "it is a pipe"
    late = threading.Timer(ANSWER_SECONDS, process.kill)
    late.start()
    try:
        process.stdin.write(f"{json.dumps(question)}\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except OSError:
        line = ""
    finally:
        late.cancel()
    if not line:
        raise Busy("the adapter's process broke down or took too long", "ask again; with fewer texts, perhaps")
    return dict(json.loads(line))


def main(bundle: str, base: str) -> None:
    """Answer questions from the standard input until it ends."""
    import msgspec

    from autolora.errors import AutoloraError
    from autolora.predict.opening import opened
    from autolora.predict.predictor import Predictor

    # What libraries print must not stand among the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    predictor: Predictor | None = None
    for line in sys.stdin:
        question = json.loads(line)
        try:
            predictor = predictor or Predictor(opened(bundle, base))
            found = predictor.predict(question["texts"], abstain_below=question["abstain_below"])
            said: dict[str, Any] = {"answers": msgspec.to_builtins(found)}
        except AutoloraError as error:
            said = {"error": error.message, "hint": error.hint}
        print(json.dumps(said), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
