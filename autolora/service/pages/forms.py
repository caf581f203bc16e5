"""What the forms have in common: tables to choose from, numbers that were typed, buttons that were pressed."""

from __future__ import annotations

from collections.abc import Mapping

from autolora.service.desk import Desk
from autolora.service.faults import Invalid
from autolora.service.routes.datasets import dataset_out
from autolora.service.schemas import DatasetOut
from autolora.service.states import Kind, Wish

_CHOICES = 200
"""Datasets that may be chosen from."""
_WISHES = {"pause": Wish.PAUSE, "resume": Wish.RUN, "cancel": Wish.CANCEL}


def ready_datasets(desk: Desk) -> list[DatasetOut]:
    """Return the newest datasets that a search can be started with."""
    found = (dataset_out(desk, each) for each in desk.jobs.datasets(limit=_CHOICES))
    return [each for each in found if each.state == "ready"]


def number(form: Mapping[str, str], name: str) -> int | float | None:
    """Return the number in a field, None where it is empty.

    Raises:
        Invalid: If it is none.
    """
    given = form.get(name, "").replace(",", "")
    if not given:
        return None
    try:
        return int(given) if given.lstrip("-").isdecimal() else float(given)
    except ValueError:
        raise Invalid(f"{name} must be a number, but got {given[:40]!r}", "correct it, or leave it empty") from None


def wish_of(button: str, kind: Kind) -> Wish:
    """Return what a button on a job's page wants of it.

    Raises:
        Invalid: If there is no such button.
    """
    if button not in _WISHES:
        raise Invalid(f"a {kind.value} can be asked to pause, resume or cancel", "use the buttons")
    return _WISHES[button]
