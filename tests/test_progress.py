from __future__ import annotations

import io
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from rich.console import Console

from autolora import progress
from autolora.progress import LiveProgress, PlainProgress
from autolora.records import TrialState
from tests.report import made_up

pytestmark = pytest.mark.unit

COMPLETE = made_up.trials()[made_up.CHOSEN]
DIVERGED = made_up.trials()[4]


def go_through(shown: PlainProgress | LiveProgress) -> None:
    with shown:
        shown.stage("Searching")
        shown.trial("started", replace(COMPLETE, state=TrialState.RUNNING, rungs=(), metric=None), 2)
        shown.trial("rung", replace(COMPLETE, state=TrialState.RUNNING, rungs=COMPLETE.rungs[:1]), 2)
        shown.trial("ended", COMPLETE, 2)
        shown.trial("ended", DIVERGED, 2)
        shown.confirming(3, 17)
        shown.note("The base model cannot read this text: 41% of the tokens are unknown to it.")


def test_what_is_left_of_a_budget_is_in_every_line_and_beside_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    plain = PlainProgress()
    plain.stage("Reading the data")
    plain.budget(lambda: "12 min")
    plain.stage("Searching")

    before, after = capsys.readouterr().err.splitlines()
    assert "left" not in before
    assert re.match(r"\[ *\d+\.\d s, 12 min left\] Searching", after)

    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    live = LiveProgress(console)
    with live:
        live.budget(lambda: "7 min or 200 JPY")
        live.stage("Searching")
    assert "7 min or 200 JPY left" in console.file.getvalue()


def test_plain_lines_go_to_stderr_and_nothing_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    go_through(PlainProgress())

    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert all(re.match(r"\[ *\d+\.\d s\] ", line) for line in lines)
    assert [line.split("] ", 1)[1] for line in lines] == [
        "Searching",
        f"  trial 17 running, score {COMPLETE.metric:.3f} after 11%, {COMPLETE.trainable_params:,} parameters",
        f"  trial 17 complete, score {COMPLETE.metric:.3f} after 100%, {COMPLETE.trainable_params:,} parameters",
        f"  trial 4 diverged, no score after 11%, {DIVERGED.trainable_params:,} parameters: {DIVERGED.cause}",
        "  trained 3 of up to 17",
        "Note: The base model cannot read this text: 41% of the tokens are unknown to it.",
    ]


def test_a_trial_that_never_trained_has_a_line_without_gaps() -> None:
    refused = replace(made_up.trials()[13], trainable_params=None)

    assert progress.line(refused) == f"trial 13 refused, no score: {refused.cause}"


def test_the_live_display_goes_to_its_console_and_nothing_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    out = io.StringIO()

    go_through(LiveProgress(Console(file=out, force_terminal=True, width=120)))

    assert capsys.readouterr() == ("", "")
    shown = out.getvalue()
    assert "Searching" in shown
    assert "diverged" in shown
    assert "41% of the tokens" in re.sub(r"\x1b\[[0-9;]*m", "", shown)


def test_the_live_table_holds_the_newest_trials_only() -> None:
    out = io.StringIO()
    with LiveProgress(Console(file=out, force_terminal=True, width=120, height=40)) as shown:
        for trial in made_up.trials():
            shown.trial("ended", replace(trial, number=trial.number + 1000), 24)
        out.truncate(0)

    last = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", out.getvalue())
    assert sorted(set(re.findall(r"\b10\d\d\b", last))) == [str(1000 + at) for at in range(12, 24)]
    assert "23/24" in last, "the refused one counts as no trial"


def test_text_in_brackets_is_shown_and_not_taken_for_markup() -> None:
    out = io.StringIO()
    explicit = replace(COMPLETE, params={"target_modules": "[bold]query[/bold]", "layers": [0, 1]})
    with LiveProgress(Console(file=out, force_terminal=True, width=200)) as shown:
        shown.stage("Searching [red]reviews")
        shown.trial("ended", explicit, 2)
        shown.note("a [link] in a note")

    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", out.getvalue())
    assert "[bold]query[/bold]" in text
    assert "[0, 1]" in text
    assert "a [link] in a note" in text
    assert "Searching [red]reviews" in text


def test_lines_are_chosen_without_a_terminal_and_when_asked_for() -> None:
    asked = "from autolora import progress; print(type(progress.make(plain={})).__name__)"

    for plain in (True, False):
        done = subprocess.run(
            [sys.executable, "-c", asked.format(plain)], capture_output=True, text=True, check=True, timeout=60
        )
        assert done.stdout == "PlainProgress\n"
