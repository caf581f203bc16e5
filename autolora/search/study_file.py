"""A run folder's ``study.db``: opened when it is whole, put aside when it is not, never made anew in its place.

Knows files and SQLite; what stands in a study is the ledger's.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from autolora.durable import unwritable
from autolora.errors import RunFolderError
from autolora.objectives import Direction
from autolora.search.ledger import BUSY_SECONDS, Ledger, cannot_be_kept
from autolora.store import STUDY, TRIALS


def open_ledger(run: Path, *, seed: int, direction: Direction = "maximize") -> Ledger:
    """Open a run folder's study, or make it, for a metric that is better in that direction.

    Raises:
        RunFolderError: If trials were recorded, but the study with them is damaged or gone; or if it is locked.
    """
    path = run / STUDY
    begun = (run / TRIALS).exists()
    if not path.exists() and begun:
        raise RunFolderError(
            f"{STUDY} is missing in the run folder {str(run)!r}, whose search has begun; only it knows all trials",
            "put it back, or start a new search in another folder",
        )
    if path.exists() and (fault := _fault(path, with_trials=begun)):
        aside = _put_aside(path)
        raise RunFolderError(
            f"{STUDY} in the run folder {str(run)!r} is damaged ({fault}) and was put aside as {aside.name}",
            f"put a sound copy in its place, or start a new search in another folder; {TRIALS} still lists what ended",
        )
    return Ledger(path, seed=seed, direction=direction)


def _fault(path: Path, *, with_trials: bool) -> str:
    """Return what is wrong with a study file, or nothing; a transaction that a kill cut short is rolled back."""
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS)
        try:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        finally:
            connection.close()
    except sqlite3.OperationalError as error:  # locked, or read-only with a transaction to roll back: it may be whole
        raise cannot_be_kept(path, error) from error
    except sqlite3.DatabaseError as error:
        return str(error)
    if found != "ok":
        return str(found).splitlines()[-1]
    return "it holds no trials" if with_trials and "trials" not in tables else ""


def _put_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    try:
        os.rename(path, aside)
    except OSError as error:
        raise unwritable(path, error) from error
    return aside
