"""The commands for many tasks at once: spelling only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from autolora.cli_parts import RUN, clean_errors, clear_interruption


@click.command()
@click.argument("tasks", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--defaults",
    type=click.Path(path_type=Path),
    help="Task file without data.path, for tables and what task files leave out; defaults.yaml beside them unless set.",
)
@click.option("--budget", help="Time for all tasks together, such as 2h, or money for machine time, such as 3000yen.")
@click.option("--out", type=click.Path(path_type=Path), help="Batch folder; runs/batch unless set.")
@click.option(
    "--memory",
    type=click.Path(path_type=Path),
    help="Folder of what earlier searches found (settings and scores, no texts), to learn from and to add to.",
)
@click.option("--resume", is_flag=True, help="Go on with the batch in the folder TASKS, or in --out.")
@click.option("--add", is_flag=True, help="Add TASKS to the batch in --out, running or not.")
@click.option("--cancel", metavar="NAME", help="Give up one task of the batch in the folder TASKS.")
@click.option("--status", is_flag=True, help="Say how the batch in the folder TASKS stands, and do nothing.")
@click.option("-f", "--format", "kind", type=click.Choice(["text", "json"]), default="text", show_default=True)
@clean_errors
@clear_interruption
def batch(tasks: tuple[Path, ...], out: Path | None, kind: str, **flags: Any) -> None:
    """Search adapters for many TASKS in one budget: task files, tables, or folders of them.

    \b
    autolora batch tasks/*.yaml --budget 2h --out runs/q3
    autolora batch tables/ --defaults defaults.yaml
    autolora batch runs/q3 --resume
    autolora batch runs/q3 --cancel reviews
    autolora batch more.yaml --add --out runs/q3
    """
    from autolora import progress
    from autolora.last_word import last_word
    from autolora.listing_many import portfolio_as
    from autolora.portfolio import asking, conduct

    asked = asking.asked(tasks, out, **flags)
    if isinstance(asked, asking.Answer):
        click.echo(portfolio_as(kind, asked.record) if asked.record else asked.said, nl=asked.record is None)
        return
    context = click.get_current_context()
    context.meta[RUN] = asked.folder
    context.with_resource(last_word(asked.folder, of="batch"))
    shown = progress.PlainProgress()
    if asked.request is None:
        found = conduct.resume(asked.folder, progress=shown)
    else:
        found = conduct.start(asked.request, asked.folder, progress=shown)
    click.echo(portfolio_as(kind, found), nl=False)
    if kind == "text":
        click.echo(f"\nreport   {asked.folder / 'report.html'}")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--delete", metavar="NAME", help="Delete what the searches of this task left.")
@click.option("-f", "--format", "kind", type=click.Choice(["text", "json"]), default="text", show_default=True)
@clean_errors
def memory(folder: Path, delete: str | None, kind: str) -> None:
    """Say what earlier searches left in FOLDER for later ones; or delete it.

    \b
    autolora memory runs/memory
    autolora memory runs/memory --delete reviews
    """
    from autolora.listing_many import past_as
    from autolora.past import Memory

    kept = Memory(folder=folder)
    if delete is not None:
        gone = kept.delete(delete)
        click.echo(f"Deleted {gone} search{'' if gone == 1 else 'es'} of {delete}.", err=True)
    click.echo(past_as(kind, kept.searches()), nl=False)
