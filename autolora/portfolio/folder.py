"""The batch folder: what was asked for, what happened, and under each task's name its run folder. Knows files only.

Other processes may leave word in it while a batch runs: a task to be added (``inbox/``), a task to be given up
(``cancel/``). Everything else has one writer.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from autolora import request
from autolora.durable import unwritable, write_whole
from autolora.errors import RequestError, RunFolderError
from autolora.folder import Folder
from autolora.portfolio.members import Member, check_names
from autolora.records import to_json
from autolora.records.portfolio import PortfolioRecord
from autolora.store import RunFolder
from autolora.values import listed, nearest

BATCH, PORTFOLIO, REPORT = "batch.yaml", "portfolio.json", "report.html"
INBOX, CANCEL, ERRORS, MEMORY = "inbox", "cancel", "errors", "memory"
MANAGEMENT = "management.{language}.html"
WORKBOOK = "portfolio.{language}.xlsx"
_OWN_NAMES = (BATCH, PORTFOLIO, REPORT, INBOX, CANCEL, ERRORS, MEMORY, "sharing", "DONE", "events.jsonl")
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class BatchRequest:
    """What is asked of a batch."""

    name: str
    members: tuple[Member, ...]
    minutes: float | None = None
    """Wall time of all together; None means no limit."""
    memory: str | None = None
    """Folder of earlier searches; None keeps those of this batch in its own folder."""


class BatchFolder(Folder):
    """One batch's folder."""

    kind = "batch folder"

    # ----------------------------------------------------------------------------------------------------- opening it

    @classmethod
    def check_free(cls, path: Path) -> None:
        """Check that a new batch may use the path.

        Raises:
            RunFolderError: If it is taken, by another batch or by anything else.
        """
        if (path / BATCH).is_file():
            state = "a finished" if cls(path).is_done else "an unfinished"
            raise RunFolderError(
                f"the batch folder {str(path)!r} holds {state} batch",
                f"go on with it: autolora batch {shlex.quote(str(path))} --resume; or choose another --out",
            )
        RunFolder.check_free(path)

    @classmethod
    def create(cls, path: Path, wanted: BatchRequest) -> BatchFolder:
        """Make the folder of a new batch.

        Raises:
            RunFolderError: If the path is taken, or cannot be written.
        """
        cls.check_free(path)
        cls.make(path)
        batch = cls(path)
        with batch.owned():
            batch.write_request(wanted)
        return batch

    @classmethod
    def existing(cls, path: Path) -> BatchFolder:
        """Open the folder of a batch that was started before.

        Raises:
            RunFolderError: If there is none.
        """
        if not (path / BATCH).is_file():
            raise RunFolderError(f"{str(path)!r} is not a batch folder: it has no {BATCH}", "give the --out of a batch")
        return cls(path)

    def run_path(self, name: str) -> Path:
        """Return where a task's run folder is."""
        return self.path / name

    # ---------------------------------------------------------------------------------------------------- what is asked

    def write_request(self, wanted: BatchRequest) -> None:
        """Keep what is asked for.

        Raises:
            RequestError: If a task has the name of one of the batch's own files.
        """
        for member in wanted.members:
            if member.name.casefold() in (name.casefold() for name in _OWN_NAMES):
                raise RequestError(
                    f"a task must not have the name of a file of the batch folder, but {member.source} is called"
                    f" {member.name!r}",
                    "give it another name: in the task file",
                )
        content = {
            "version": VERSION,
            "name": wanted.name,
            "minutes": wanted.minutes,
            "memory": wanted.memory,
            "members": [_as_dict(member) for member in wanted.members],
        }
        self._write(BATCH, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))

    def request(self) -> BatchRequest:
        """Return what is asked for.

        Raises:
            RunFolderError: If the file is damaged.
        """
        try:
            content = yaml.safe_load((self.path / BATCH).read_text(encoding="utf-8"))
            return BatchRequest(
                name=str(content["name"]),
                members=tuple(map(_member_of, content["members"])),
                minutes=content["minutes"],
                memory=content["memory"],
            )
        except (yaml.YAMLError, ValueError, KeyError, TypeError, RequestError) as error:
            raise self._damaged(BATCH, error) from error

    # --------------------------------------------------------------------------------------------- word from elsewhere

    def leave_in_inbox(self, members: Iterable[Member]) -> None:
        """Ask for more tasks; whoever owns the folder takes them in before its next ones begin.

        Raises:
            RequestError: If a name is taken.
            RunFolderError: If it cannot be written.
        """
        new = list(members)
        check_names((*self.request().members, *self._waiting(), *new))
        for member in new:
            path = self._below(INBOX) / f"{member.name}.yaml"
            write_whole(path, yaml.safe_dump(_as_dict(member), allow_unicode=True).encode(), at="inbox")

    def take_in(self) -> tuple[Member, ...]:
        """Put the tasks that were asked for meanwhile among the others, and return them."""
        new = self._waiting()
        if new:
            wanted = self.request()
            known = {member.name for member in wanted.members}
            fresh = tuple(member for member in new if member.name not in known)
            self.write_request(replace(wanted, members=(*wanted.members, *fresh)))
            for member in new:
                (self.path / INBOX / f"{member.name}.yaml").unlink(missing_ok=True)
            return fresh
        return ()

    def _waiting(self) -> tuple[Member, ...]:
        try:
            return tuple(
                _member_of(yaml.safe_load(path.read_text(encoding="utf-8")))
                for path in sorted((self.path / INBOX).glob("*.yaml"))
            )
        except (yaml.YAMLError, ValueError, KeyError, TypeError, RequestError) as error:
            raise self._damaged(INBOX, error) from error

    def cancel(self, name: str) -> None:
        """Ask for a task to be given up.

        Raises:
            RequestError: If there is none of that name, or it has ended.
            RunFolderError: If it cannot be written.
        """
        names = [member.name for member in self.request().members]
        if name not in names:
            close = nearest(name, names)
            raise RequestError(
                f"the batch in {str(self.path)!r} has no task {name!r}",
                f"did you mean {close}?" if close else f"it has {listed(names)}",
            )
        if RunFolder(self.run_path(name)).is_done:
            raise RequestError(f"task {name!r} is done already", "there is nothing to give up")
        write_whole(self._below(CANCEL) / name, b"", at="cancel")

    def is_cancelled(self, name: str) -> bool:
        """Return whether a task is to be given up, or was."""
        return (self.path / CANCEL / name).exists()

    def _below(self, name: str) -> Path:
        folder = self.path / name
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise unwritable(folder, error) from error
        return folder

    # -------------------------------------------------------------------------------------------------- what came of it

    def write_error(self, name: str, trace: str) -> None:
        """Keep where a task's error came from, for whoever mends it; what cannot be kept is no further error."""
        with contextlib.suppress(RunFolderError):
            write_whole(self._below(ERRORS) / f"{name}.txt", trace.encode(), at="errors")

    def write_portfolio(self, record: PortfolioRecord) -> None:
        """Keep what scripts read."""
        self._write(PORTFOLIO, to_json(record, indent=1))

    def portfolio(self) -> PortfolioRecord | None:
        """Return what the batch came to so far, None before there is anything."""
        return self._read(PORTFOLIO, PortfolioRecord)

    def write_page(self, name: str, content: bytes) -> None:
        """Keep a report."""
        write_whole(self.path / name, content, at=name)

    def reopen(self) -> None:
        """Say that it is not done any more."""
        (self.path / "DONE").unlink(missing_ok=True)


def _as_dict(member: Member) -> dict[str, Any]:
    wanted = None if member.request is None else yaml.safe_load(request.as_yaml(member.request))
    return {"name": member.name, "source": member.source, "fault": member.fault, "request": wanted}


def _member_of(value: dict[str, Any]) -> Member:
    wanted = value["request"]
    return Member(
        name=str(value["name"]),
        source=str(value["source"]),
        request=None if wanted is None else request.from_mapping(wanted),
        fault=str(value["fault"]),
    )
