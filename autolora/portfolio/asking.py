"""From command-line values to what is done with a batch: begun, gone on with, added to, or asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from autolora.business import check_one_currency, parse_amount, reads_as_amount
from autolora.errors import RequestError
from autolora.portfolio import members as member_room
from autolora.portfolio.clock import seconds_worked
from autolora.portfolio.folder import BatchFolder, BatchRequest
from autolora.portfolio.members import Member
from autolora.portfolio.rollup import rolled_up
from autolora.records.portfolio import PortfolioRecord
from autolora.units import parse_duration
from autolora.yamlfile import inside

USUAL_FOLDER = Path("runs/batch")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A batch that is to be worked on."""

    folder: Path
    request: BatchRequest | None
    """None where it goes on."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What was asked is done."""

    said: str = ""
    record: PortfolioRecord | None = None


def asked(
    tasks: Sequence[Path],
    out: Path | None,
    *,
    defaults: Path | None,
    budget: str | None,
    memory: Path | None,
    resume: bool,
    add: bool,
    cancel: str | None,
    status: bool,
) -> Asked | Answer:
    """Return what is to be worked on, or do what can be done at once.

    Raises:
        AutoloraError: If a value is wrong, or they do not go together.
    """
    ways = [name for name, given in (("resume", resume), ("add", add), ("cancel", cancel), ("status", status)) if given]
    if len(ways) > 1:
        raise RequestError(f"at most one of --{' and --'.join(ways)} may be given", "leave one out")
    if ways and (budget is not None or memory is not None):
        raise RequestError(
            f"--{'budget' if budget is not None else 'memory'} is for a batch that begins, but --{ways[0]} is given",
            "leave it out: a batch keeps what it was started with",
        )
    if add:
        folder = BatchFolder.existing(out or USUAL_FOLDER)
        new = member_room.read(tasks, defaults=defaults)
        folder.leave_in_inbox(new)
        names = ", ".join(member.name for member in new)
        return Answer(said=f"{names} will follow; if the batch is not running: autolora batch {folder.path} --resume")
    if ways:
        folder = BatchFolder.existing(out or _one(tasks, ways[0]))
        if cancel is not None:
            folder.cancel(cancel)
            return Answer(said=f"{cancel} is given up; the other tasks go on")
        if status:
            return Answer(record=rolled_up(folder, finished=folder.is_done, seconds=seconds_worked(folder)))
        return Asked(folder=folder.path, request=None)
    members = member_room.read(tasks, defaults=defaults)
    folder_path = out or USUAL_FOLDER
    wanted = BatchRequest(
        name=folder_path.name or "batch",
        members=members,
        minutes=None if budget is None else _minutes(budget, members),
        memory=None if memory is None else str(memory),
    )
    return Asked(folder=folder_path, request=wanted)


def _one(tasks: Sequence[Path], way: str) -> Path:
    if len(tasks) != 1:
        raise RequestError(f"--{way} is for one batch folder, but got {len(tasks)} paths", "name the batch folder")
    return tasks[0]


def _minutes(budget: str, members: Sequence[Member]) -> float:
    """Return a budget in minutes; of money, by what an hour of the machine costs in the tasks.

    Raises:
        RequestError: If it cannot be told, or the tasks do not agree on what an hour costs.
    """
    if not reads_as_amount(budget):
        try:
            return parse_duration(budget)
        except RequestError as fault:
            raise inside(fault, "budget") from None
    amount, currency = parse_amount(budget)
    prices: set[Decimal] = set()
    for member in members:
        if member.request is not None and member.request.an_hour and member.request.business is not None:
            check_one_currency("budget", currency, member.request.business.currency)
            prices.add(member.request.an_hour)
    if len(prices) != 1:
        what = "none of the tasks says it" if not prices else f"the tasks say {len(prices)} different prices"
        raise RequestError(
            f"a budget in money needs what an hour of the machine costs, but {what}",
            "write it in the defaults file, such as business: {currency: JPY, machine: {hourly: 120}}, or give a time",
        )
    return 60 * float(amount) / float(prices.pop())
