"""The command line: spelling only. Every command parses, calls one function of the library, and prints.

Data go to stdout, progress to stderr. Heavy imports stay inside the commands.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from autolora import __version__
from autolora.cli_batch import batch, memory
from autolora.cli_parts import RUN, clean_errors, clear_interruption, print_error
from autolora.cli_serve import serve
from autolora.errors import DataError, RequestError
from autolora.options import data_options, search_options

_REFUSED = 3
_FOR_MANAGERS = (".pdf", ".xlsx")
"""Files that only their report is written as."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="autolora")
def main() -> None:
    """Find the smallest LoRA adapter that does a job, with the proof and the price."""


def _run_folder(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.argument("run", type=click.Path(path_type=Path))(function)


def _business_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--business",
        type=click.Path(path_type=Path),
        help="YAML file with what the work costs today, in place of what the task file says.",
    )(function)


@main.command()
@click.argument("data")
@search_options
@click.option("--out", type=click.Path(path_type=Path), help="Run folder; runs/NAME unless set.")
@click.option("--resume", is_flag=True, help="Go on with the search in the run folder.")
@click.option(
    "--reopen-test", is_flag=True, help="With --resume: open the test split for another choice, which the report says."
)
@click.option("--plain", is_flag=True, help="Lines instead of a live table.")
@clean_errors
@clear_interruption
def search(data: str, out: Path | None, resume: bool, reopen_test: bool, plain: bool, **flags: Any) -> None:
    """Search adapters for DATA: a table, a saved dataset, a hub dataset, or a task file.

    \b
    autolora search reviews.csv --text text --label label --base-model DIR_OR_HUB_ID
    autolora search task.yaml
    autolora search task.yaml --resume
    """
    from autolora import flow
    from autolora.command import out_folder, request_from, resumed_folder

    if resume:
        folder = resumed_folder(data, out, **flags)
        _go(lambda progress: flow.resume(folder, progress=progress, reopen_test=reopen_test), folder, plain)
    else:
        if reopen_test:
            raise RequestError("reopen_test is for a search that goes on", "add --resume, or leave it out")
        wanted = request_from(data, **flags)
        folder = out or out_folder(wanted)
        _go(lambda progress: flow.search(wanted, folder, progress=progress), folder, plain)


@main.command()
@click.argument("data")
@search_options
@click.option(
    "--audience",
    type=click.Choice(["engineer", "management"]),
    default="engineer",
    show_default=True,
    help="Engineers get rows, times and memory; managers the proposal of a pilot as a page.",
)
@click.option(
    "--lang", "language", type=click.Choice(["en", "ja"]), default="en", show_default=True, help="Of the proposal."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="File of the proposal, .html or .pdf; proposal.LANG.html unless set.",
)
@_business_option
@click.option("-f", "--format", "kind", type=click.Choice(["text", "json"]), default="text", show_default=True)
@clean_errors
@clear_interruption
def plan(
    data: str, audience: str, language: Any, output: Path | None, business: Path | None, kind: str, **flags: Any
) -> None:
    """Say what a search of DATA would take, before it is begun; the engine is timed for some seconds.

    \b
    autolora plan task.yaml
    autolora plan task.yaml --audience management -o proposal.html
    """
    from autolora import pages, progress
    from autolora.command import request_from
    from autolora.listing import forecast_as
    from autolora.planning import forecast
    from autolora.request import read_business

    wanted = request_from(data, **flags)
    entered = wanted.business if business is None else read_business(business)
    with progress.make(plain=True) as shown:
        found = forecast(wanted, stage=shown.stage)
    if audience == "management":
        target = output or Path(f"proposal.{language}.html")
        _write_page(target, _as_file(pages.proposal_page(found, language, business=entered), target))
        click.echo(str(target))
    else:
        click.echo(forecast_as(kind, found, entered), nl=False)


@main.command()
@click.argument("data")
@data_options
@click.option("--test", help="File with the rows to test on.")
@click.option("--rows", type=int, help="Look at a stratified sample of this many rows.")
@click.option("--base-model", help="Folder or hub id of a base model; its tokenizer counts the tokens.")
@click.option("--space", help="Search space whose length cuts the texts; encoder unless set.")
@click.option("--seed", type=int, help="Of the splits; 0 unless set.")
@click.option("-f", "--format", "kind", type=click.Choice(["text", "json"]), default="text", show_default=True)
@clean_errors
def validate(data: str, kind: str, **flags: Any) -> None:
    """Say what DATA holds and what is odd about it; exit with 3 if a search would refuse it.

    \b
    autolora validate reviews.csv --text text --label label
    autolora validate task.yaml
    """
    from autolora.command import examination_from
    from autolora.examine import examine
    from autolora.listing import data_as

    try:
        record = examine(examination_from(data, **flags))
    except DataError as error:
        print_error(error)
        sys.exit(_REFUSED)
    click.echo(data_as(kind, record), nl=False)


@main.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("runs/demo"), show_default=True, help="Run folder."
)
@click.option("--language", type=click.Choice(["en", "ja"]), default="en", show_default=True, help="Of the enquiries.")
@click.option("--trials", type=int, default=12, show_default=True, help="How many configurations to try.")
@click.option("--budget", default="5m", show_default=True, help="Time for everything.")
@click.option("--resume", is_flag=True, help="Go on with the demo in the run folder.")
@click.option("--plain", is_flag=True, help="Lines instead of a live table.")
@clean_errors
@clear_interruption
def demo(out: Path, language: str, trials: int, budget: str, resume: bool, plain: bool) -> None:
    """Run a search on the customer enquiries and the base model that come with autolora[demo]."""
    from autolora import demo as embedded
    from autolora import flow
    from autolora.units import parse_duration

    wanted = embedded.request(language, trials=trials, minutes=parse_duration(budget))

    def run(shown: Any) -> Any:
        return flow.resume(out, progress=shown) if resume else flow.search(wanted, out, progress=shown)

    _go(run, out, plain)


@main.command()
@_run_folder
@click.option("-f", "--format", "kind", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@clean_errors
def trials(run: Path, kind: str) -> None:
    """List the trials of a search, best first."""
    from autolora import results
    from autolora.listing import rows_as

    click.echo(rows_as(kind, results.read(run).leaderboard()), nl=False)


@main.command()
@_run_folder
@click.option("-f", "--format", "kind", type=click.Choice(["text", "json"]), default="text", show_default=True)
@clean_errors
def recommend(run: Path, kind: str) -> None:
    """Print the recommendation of a search, and why."""
    from autolora import results
    from autolora.listing import recommendation_as

    click.echo(recommendation_as(kind, results.read(run)), nl=False)


@main.command()
@_run_folder
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="File; report.html or management.LANG.html in RUN unless set. For managers also .pdf or .xlsx.",
)
@click.option("--no-texts", is_flag=True, help="Leave prompts and answers from the data out, so that it can be shared.")
@click.option(
    "--audience",
    type=click.Choice(["engineer", "management"]),
    default="engineer",
    show_default=True,
    help="Engineers get everything about a search, finished or not; managers what it cost and what it is worth.",
)
@click.option(
    "--lang",
    "language",
    type=click.Choice(["en", "ja"]),
    default="en",
    show_default=True,
    help="Language of the page for managers.",
)
@_business_option
@clean_errors
def report(run: Path, output: Path | None, no_texts: bool, audience: str, language: Any, business: Path | None) -> None:
    """Write the report of a search as one HTML file, or what is for managers as a workbook."""
    from autolora import pages, results
    from autolora.request import read_business

    found = results.read(run)
    if audience == "management":
        entered = None if business is None else read_business(business)
        target = output or run / f"management.{language}.html"
        if target.suffix == ".xlsx":
            page = pages.management_workbook(found, language, business=entered)
        else:
            page = _as_file(pages.management_page(found, language, business=entered), target)
    else:
        page, target = pages.engineer_page(found, texts=not no_texts).encode(), output or run / "report.html"
        if target.suffix.lower() in _FOR_MANAGERS:
            raise RequestError(
                f"the report for engineers is an HTML page, but {str(target)!r} is asked for",
                "name a .html file, or add --audience management",
            )
    _write_page(target, page)
    click.echo(str(target))


@main.group()
def review() -> None:
    """Have those who do the work judge the answers of a search, without being told whose they are."""


@review.command("make")
@_run_folder
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="File to write.")
@click.option("--rows", type=click.IntRange(min=2), default=60, show_default=True, help="Most test rows to be judged.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the sample and of every order.")
@click.option(
    "--language", type=click.Choice(["en", "ja"]), default="en", show_default=True, help="Of what the page says."
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["html", "label-studio"]),
    default="html",
    show_default=True,
    help="One page to be opened in a browser, or tasks and a labelling interface to be imported.",
)
@clean_errors
def review_make(run: Path, output: Path, rows: int, seed: int, language: Any, kind: Any) -> None:
    """Write answers of a finished search, shuffled and without names, for others to judge.

    \b
    autolora review make runs/reviews -o review.html
    """
    from autolora.listing import made_as
    from autolora.review.making import make

    key, files = make(run, output, rows=rows, seed=seed, language=language, format=kind)
    click.echo(made_as(key), nl=False, err=True)
    for path in files:
        click.echo(str(path))


@review.command("read")
@_run_folder
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--min-accepted",
    type=click.FloatRange(0, 1),
    help="Share of the adapter's answers that must be accepted as they are, such as 0.8; else it is not ready.",
)
@clean_errors
def review_read(run: Path, files: tuple[Path, ...], min_accepted: float | None) -> None:
    """Read what reviewers saved (or JSON exports of Label Studio), and let it bear on the verdict.

    \b
    autolora review read runs/reviews review-*.json
    """
    from autolora.listing import review_as
    from autolora.review.reading import read

    click.echo(review_as(*read(run, files, min_accepted=min_accepted)), nl=False)


@main.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("file")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write; the standard output unless set.")
@click.option("--base-model", help="Folder or hub id of the base, where the bundle's name for it is none.")
@click.option("--text", help="Column that holds the text; the one that the adapter was trained on unless set.")
@click.option("--abstain-below", type=float, help="Confidence under which no answer is given: a person is to answer.")
@click.option("--explain", is_flag=True, help="Add the answer with the adapter off: where does a mistake come from?")
@click.option("--batch-size", type=click.IntRange(min=1), default=32, show_default=True, help="Rows passed at once.")
@click.option("--format", "kind", type=click.Choice(["csv", "jsonl"]), help="Of FILE, where its name does not tell.")
@click.option("--encoding", help="Of a FILE whose encoding cannot be found, such as cp1252.")
@clean_errors
def predict(bundle: Path, file: str, output: Path | None, kind: Any, **flags: Any) -> None:
    """Give the rows of FILE (CSV, TSV or JSON Lines; - for the standard input) answers with a BUNDLE.

    BUNDLE is the adapter folder of a search, or its run folder. Columns are added: prediction, confidence, abstained.
    """
    from autolora.listing import passed_as
    from autolora.predict.opening import opened
    from autolora.predict.predictor import Predictor, check_abstention
    from autolora.predict.streaming import pass_through

    it = opened(bundle, flags["base_model"])
    check_abstention(flags["abstain_below"], it.says.problem)
    passed = pass_through(
        Predictor(it, explains=flags["explain"]),
        file,
        output,
        column=flags["text"],
        format=kind,
        encoding=flags["encoding"],
        abstain_below=flags["abstain_below"],
        batch_size=flags["batch_size"],
    )
    click.echo(passed_as(passed), nl=False, err=True)


@main.command()
@click.option("--offline", is_flag=True, help="Count it as a problem that a hub id could be downloaded.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="Where runs are written."
)
@click.option("-f", "--format", "kind", type=click.Choice(["text", "json"]), default="text", show_default=True)
@clean_errors
def doctor(offline: bool, out: Path, kind: str) -> None:
    """Say what this machine offers, and what listens on it while a search runs; exit with 3 on a problem.

    Starts a private Ray for a few seconds, as a search does.
    """
    from autolora.doctor import facts
    from autolora.listing import facts_as

    found = facts(out, offline=offline)
    click.echo(facts_as(kind, found), nl=False)
    if any(fact.state == "problem" for fact in found):
        sys.exit(_REFUSED)


def _as_file(html: str, target: Path) -> bytes:
    """Return the content of a page's file: HTML, or PDF where the file's name says so."""
    from autolora.report.management.paper import as_pdf

    return as_pdf(html) if target.suffix.lower() == ".pdf" else html.encode()


def _write_page(target: Path, content: bytes) -> None:
    """Write a page that was asked for, whole or not at all.

    Raises:
        RequestError: If it cannot be written there.
    """
    from autolora.durable import asked_for, write_whole

    with asked_for(target, "report"):
        write_whole(target, content, at="report")


def _go(run: Callable[[Any], Any], folder: Path, plain: bool) -> None:
    """Run a search with progress on stderr; print where the results are."""
    from autolora import progress
    from autolora.last_word import last_word
    from autolora.listing import recommendation_as
    from autolora.store import bundle_of

    context = click.get_current_context()
    context.meta[RUN] = folder
    context.with_resource(last_word(folder))
    with progress.make(plain=plain) as shown:
        record = run(shown)
    click.echo(recommendation_as("text", record), nl=False)
    click.echo(f"\nreport   {folder / 'report.html'}")
    if (adapter := bundle_of(folder)).is_dir():
        click.echo(f"adapter  {adapter}")


main.add_command(serve)
main.add_command(batch)
main.add_command(memory)

if __name__ == "__main__":
    main()
