"""The command line as far as it works from files alone; what it refuses stands in test_bad_input.py."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from autolora import __version__
from autolora.cli import main
from autolora.store import RunFolder
from tests.report import made_up

pytestmark = pytest.mark.unit

COMMANDS = (
    "search", "batch", "memory", "plan", "validate", "doctor", "demo", "trials", "recommend", "predict", "report",
    "review", "serve",
)  # fmt: skip


def run(*arguments: str | Path):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    folder = RunFolder.create(tmp_path / "my run", "version: 1\nname: product-reviews\nmetric: macro_f1\n")
    folder.write_data(made_up.data())
    folder.write_trials(made_up.trials())
    folder.write_confirm(made_up.confirm())
    folder.write_recommendation(made_up.recommendation())
    return folder.path


def test_these_are_all_commands() -> None:
    assert set(main.commands) == set(COMMANDS)
    for name in COMMANDS:
        assert name in run("--help").stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_help(name: str) -> None:
    done = run(name, "--help")

    assert done.exit_code == 0
    assert done.stderr == ""
    command = main.commands[name]
    assert command.help
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    for option in options:
        assert option.opts[-1] in done.stdout
        assert option.help or isinstance(option.type, click.Choice), option.name


def test_the_version_is_the_packages() -> None:
    assert run("--version").stdout == f"autolora, version {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["serch"],
        ["search"],
        ["search", "a.csv", "--trails", "3"],
        ["trials"],
        ["search", "a.csv", "--trials", "few"],
    ],
)
def test_wrong_usage_ends_with_2_and_says_why_on_stderr(arguments: list[str]) -> None:
    done = run(*arguments)

    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr


def test_trials_go_to_stdout_in_three_formats(finished: Path) -> None:
    table, as_json, as_csv = (run("trials", finished, *kind) for kind in ((), ("-f", "json"), ("--format", "csv")))

    assert {done.exit_code for done in (table, as_json, as_csv)} == {0}
    assert {done.stderr for done in (table, as_json, as_csv)} == {""}
    assert len(table.stdout.splitlines()) == 25
    assert [row["trial"] for row in json.loads(as_json.stdout)] == [
        int(row["trial"]) for row in csv.DictReader(io.StringIO(as_csv.stdout))
    ]


def test_the_recommendation_goes_to_stdout_as_text_and_as_json(finished: Path) -> None:
    assert run("recommend", finished).stdout.startswith("verdict  adopt")
    assert json.loads(run("recommend", finished, "-f", "json").stdout)["schema"] == 1


def test_the_report_is_written_where_it_is_wanted_and_its_place_printed(finished: Path, tmp_path: Path) -> None:
    for arguments, target in (((), finished / "report.html"), (("-o", tmp_path / "a b.html"), tmp_path / "a b.html")):
        done = run("report", finished, *arguments)
        assert (done.exit_code, done.stdout, done.stderr) == (0, f"{target}\n", "")
        assert target.read_text(encoding="utf-8").lower().startswith("<!doctype html>")
    assert not list(tmp_path.rglob("*.part"))


BUSINESS = "business: {currency: JPY, volume_per_month: 3000, hourly_cost: 3000, machine: {hourly: 90}}"


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_page_for_managers_is_written_in_their_language_with_what_was_entered(
    language: str, finished: Path, tmp_path: Path
) -> None:
    wanted = ("report", finished, "--audience", "management", "--lang", language)
    assert run(*wanted).stdout == f"{finished / f'management.{language}.html'}\n"
    bare = (finished / f"management.{language}.html").read_text(encoding="utf-8")
    (tmp_path / "work.yaml").write_text(BUSINESS)
    assert run(*wanted, "--business", tmp_path / "work.yaml", "-o", tmp_path / "page.html").exit_code == 0
    entered = (tmp_path / "page.html").read_text(encoding="utf-8")
    with open(finished / "task.yaml", "a") as task:
        task.write(BUSINESS + "\n")
    assert run(*wanted).exit_code == 0

    assert f'<html lang="{language}">' in bare
    assert "business.volume_per_month" in bare
    assert "3,000" in entered
    assert (finished / f"management.{language}.html").read_text(encoding="utf-8") == entered


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("currency: JPY\nvolume_per_month: -3\n", "work.yaml: volume_per_month must be a number above 0"),
        ("currency: JPY\nvolumes: 3\n", "work.yaml: volumes: unknown key"),
        ("volume_per_month: 3\n", "work.yaml: currency"),
    ],
)
def test_what_is_wrong_with_the_business_is_one_line(content: str, says: str, finished: Path, tmp_path: Path) -> None:
    (tmp_path / "work.yaml").write_text(content)
    before = sorted(finished.iterdir())

    done = run("report", finished, "--audience", "management", "--business", tmp_path / "work.yaml")

    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert says in done.stderr
    assert sorted(finished.iterdir()) == before


def test_managers_get_no_page_of_a_search_without_a_verdict(finished: Path) -> None:
    (finished / "recommendation.json").unlink()

    done = run("report", finished, "--audience", "management")

    assert done.exit_code == 2
    assert "has come to no verdict yet (go on with it first: --resume)" in done.stderr


def test_a_report_can_be_written_before_the_search_has_ended(finished: Path) -> None:
    for name in ("confirm.json", "recommendation.json", "trials.jsonl"):
        (finished / name).unlink()

    assert run("report", finished).exit_code == 0
    assert run("recommend", finished).stdout == "No recommendation yet: the search has not ended.\n"
    assert json.loads(run("trials", finished, "-f", "json").stdout) == []


@pytest.mark.parametrize("command", ["trials", "recommend", "report"])
def test_what_is_no_run_folder_is_one_line_on_stderr(command: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    begun = RunFolder.create(tmp_path / "begun", "version: 1\n").path
    damaged = RunFolder.create(tmp_path / "damaged", "version: 1\n")
    (damaged.path / "data.json").write_text('{"source": ')
    wrong = {
        tmp_path / "absent": "is not a run folder: it has no task.yaml (give the --out of a search)",
        tmp_path / "file": "is not a run folder",
        begun: "ended before it had read its data (start it again with --resume)",
        damaged.path: "data.json in the run folder",
    }
    for folder, words in wrong.items():
        done = run(command, folder)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.startswith("Error: ")
        assert done.stderr.count("\n") == 1
        assert words in done.stderr


@pytest.mark.parametrize("output", ["no/such/folder/report.html", "a-folder", "a-file/report.html"])
def test_a_report_that_cannot_be_written_is_one_line_and_leaves_nothing(
    output: str, finished: Path, tmp_path: Path
) -> None:
    (tmp_path / "a-folder").mkdir()
    (tmp_path / "a-file").write_text("mine")

    done = run("report", finished, "-o", tmp_path / output)

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Error: the report '{tmp_path / output}' cannot be written: ")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.rglob("*.part"))
    assert (tmp_path / "a-file").read_text() == "mine"


@pytest.mark.parametrize("name", ["report.pdf", "report.xlsx"])
def test_engineers_get_a_page_and_no_file_of_another_kind(name: str, finished: Path, tmp_path: Path) -> None:
    done = run("report", finished, "-o", tmp_path / name)

    assert done.exit_code == 2
    assert "the report for engineers is an HTML page" in done.stderr
    assert "--audience management" in done.stderr
    assert not (tmp_path / name).exists()


def test_an_interrupt_that_nothing_can_hear_is_asked_again(tmp_path: Path) -> None:
    code = """
import gc, os, signal, sys, time, click
from autolora import cli_parts

heard = []

def deaf(phase, info):  # what a callback of the garbage collector raises is printed and forgotten
    if not heard:
        heard.append(phase)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.1)

@click.command()
@cli_parts.clear_interruption
def command():
    gc.callbacks.append(deaf)
    gc.collect()
    time.sleep(60)

command()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)

    assert (done.returncode, done.stderr) == (143, "\nInterrupted. Nothing was written.\n")


def test_an_interrupt_inside_code_from_a_string_keeps_the_exit_code(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        """
import os, signal, click
from autolora import cli_parts, last_word

@click.command()
@cli_parts.clear_interruption
def command():  # as the import of a dataclass does
    exec("import os, signal, time; os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)")

command()
"""
    )
    done = subprocess.run([sys.executable, "-m", "program"], cwd=tmp_path, capture_output=True, text=True, timeout=50)

    assert (done.returncode, done.stderr) == (143, "\nInterrupted. Nothing was written.\n")
