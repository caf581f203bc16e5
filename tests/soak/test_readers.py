"""Readers of a run folder while a search writes it: never an exception, never half of a file.

``AUTOLORA_READERS`` sets how many read at once (``make soak`` asks for eight).
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests import tiny_search

pytestmark = pytest.mark.ray

READERS = int(os.environ.get("AUTOLORA_READERS", "2"))
READ = """
import sys, time
from pathlib import Path
from click.testing import CliRunner
from autolora import results
from autolora.cli import main

run, number = Path(sys.argv[1]), sys.argv[2]
while not (run / "data.json").exists():
    time.sleep(0.05)
count, known = 0, 0
while True:
    done = (run / "DONE").exists()
    read = results.read(run)
    assert len(read.trials) >= known, "a trial that was there is gone"
    assert all("event" in event for event in read.events)
    known = len(read.trials)
    for words in ("trials RUN", "trials RUN -f json", f"report RUN -o {run}-{number}.html", "report RUN"):
        command = [str(run) if word == "RUN" else word for word in words.split()]
        answer = CliRunner().invoke(main, command)
        assert answer.exit_code == 0, (command, answer.output, answer.exception)
    page = Path(f"{run}-{number}.html").read_text()
    assert page.rstrip().endswith("</html>")
    count += 1
    if done:
        break
    time.sleep(0.1)
print(count)
"""


@pytest.mark.timeout(1800)
def test_readers_of_a_running_search_see_whole_files_only(tmp_path, tiny_folder, figure) -> None:
    search = tiny_search.make(tmp_path, tiny_folder(), trials=3 if READERS < 8 else 12, epochs=24)
    search_process = search.start()
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READ, str(search.run), str(number)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(READERS)
    ]
    try:
        code, last = tiny_search.ended(search_process, timeout=1500)
        assert code == 0, last
        for reader in readers:
            out, err = reader.communicate(timeout=120)
            assert reader.returncode == 0, err
            figure("number of times that a run folder was read meanwhile", int(out))
    finally:
        for process in (search_process, *readers):
            if process.poll() is None:
                process.kill()
    search.check_finished()
