"""The run folder: what a search keeps, written so that a kill at any moment leaves it readable. Knows records only.

Whole files are written aside and renamed; lines are appended and flushed; ``DONE`` is written last, and means that
everything else is there.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from autolora.durable import PART
from autolora.errors import RunFolderError
from autolora.folder import DONE, Folder, lines_of
from autolora.records import (
    AnswersRecord,
    ConfirmRecord,
    DataRecord,
    PredictionsRecord,
    Recommendation,
    TrialRecord,
    from_json,
    to_json,
)
from autolora.records.review import ReviewRecord
from autolora.records.robustness import RobustnessRecord

T = TypeVar("T")
TASK, DATA, TRIALS = "task.yaml", "data.json", "trials.jsonl"
CONFIRM, ANSWERS, RECOMMENDATION = "confirm.json", "answers.json", "recommendation.json"
PREDICTIONS, ROBUSTNESS = "predictions.json", "robustness.json"
REVIEW, REVIEWS = "review.json", "review"
BUNDLE, REPORT, SLOTS, STUDY, CONFIRM_DIR = "adapter", "report.html", "slots", "study.db", "confirm"
KEPT_DEFAULT = "adapter_default"
"""Beside the bundle, where the verdict is to keep the default: the bundle of that."""
PREFIXES = "prefixes"
"""What engines computed of rows once; goes when the search is done."""


def bundle_of(run: Path) -> Path:
    """Return the bundle in a run folder that the verdict would have used: the default's, where it is kept."""
    return run / KEPT_DEFAULT if (run / KEPT_DEFAULT).is_dir() else run / BUNDLE


class RunFolder(Folder):
    """One search's folder."""

    kind = "run folder"

    # ----------------------------------------------------------------------------------------------------- opening it

    @staticmethod
    def check_free(path: Path) -> None:
        """Check that a new search may use the path.

        Raises:
            RunFolderError: If it is taken, by another run or by anything else.
        """
        try:
            path.exists()
        except OSError as error:
            raise RunFolderError(
                f"the run folder {str(path)!r} cannot be: {error.strerror}", "choose another --out"
            ) from error
        if path.exists() and not path.is_dir():
            raise RunFolderError(f"the run folder {str(path)!r} is a file", "choose another --out")
        above = next((folder for folder in path.absolute().parents if folder.exists()), None)
        if above is not None and not above.is_dir():
            raise RunFolderError(
                f"the run folder {str(path)!r} lies below a file, {above.name}", "choose another --out"
            )
        # What cannot be written is better said now than after the engine has started.
        lowest = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())
        if not os.access(lowest, os.W_OK | os.X_OK):
            raise RunFolderError(
                f"the run folder {str(path)!r} cannot be written: {str(lowest)!r} is read-only for this user",
                "choose another --out",
            )
        if not path.is_dir() or not _holds_anything(path):
            return
        if not (path / TASK).is_file():
            raise RunFolderError(f"the run folder {str(path)!r} is not empty", "choose an empty or a new folder")
        state, way_out = "an unfinished", f"go on with it: autolora search {shlex.quote(str(path))} --resume"
        if (path / DONE).exists():
            state, way_out = "a finished", f"read it: autolora report {shlex.quote(str(path))}"
        raise RunFolderError(
            f"the run folder {str(path)!r} holds {state} search", f"{way_out}; or choose another --out"
        )

    @classmethod
    def create(cls, path: Path, request_yaml: str) -> RunFolder:
        """Make the folder of a new search.

        Raises:
            RunFolderError: If the path is taken, or cannot be written.
        """
        cls.check_free(path)
        cls.make(path)
        run = cls(path)
        with run.owned():
            cls.check_free(path)  # again: another search may have begun here meanwhile
            run._write(TASK, request_yaml)
        return run

    @classmethod
    def existing(cls, path: Path) -> RunFolder:
        """Open the folder of a search that was started before.

        Raises:
            RunFolderError: If there is none.
        """
        if not (path / TASK).is_file():
            raise RunFolderError(f"{str(path)!r} is not a run folder: it has no {TASK}", "give the --out of a search")
        return cls(path)

    # -------------------------------------------------------------------------------------------------------- writing

    def write_data(self, record: DataRecord) -> None:
        """Keep what is known of the data."""
        self._write(DATA, to_json(record, indent=1))

    def write_trials(self, records: Iterable[TrialRecord]) -> None:
        """Keep the projection of the study that readers use."""
        self._write(TRIALS, "".join(f"{to_json(record)}\n" for record in records))

    def write_confirm(self, record: ConfirmRecord) -> None:
        """Keep finalists and baselines."""
        self._write(CONFIRM, to_json(record, indent=1))

    def write_answers(self, record: AnswersRecord) -> None:
        """Keep what was answered to the test rows."""
        self._write(ANSWERS, to_json(record, indent=1))

    def write_predictions(self, record: PredictionsRecord) -> None:
        """Keep what is said of the test rows."""
        self._write(PREDICTIONS, to_json(record))

    def write_robustness(self, record: RobustnessRecord) -> None:
        """Keep how adapters do on test rows with noise."""
        self._write(ROBUSTNESS, to_json(record, indent=1))

    def write_review(self, record: ReviewRecord) -> None:
        """Keep what a review came to."""
        self._write(REVIEW, to_json(record, indent=1))

    def write_recommendation(self, record: Recommendation) -> None:
        """Keep what scripts read."""
        self._write(RECOMMENDATION, to_json(record, indent=1))

    def write_report(self, html: str) -> None:
        """Keep the report."""
        self._write(REPORT, html)

    # -------------------------------------------------------------------------------------------------------- reading

    def request(self) -> dict[str, Any]:
        """Return the request as it stands in ``task.yaml``."""
        try:
            content = yaml.safe_load((self.path / TASK).read_text(encoding="utf-8"))
        except (yaml.YAMLError, ValueError) as error:
            raise self._damaged(TASK, error) from error
        if not isinstance(content, dict):
            raise self._damaged(TASK, "it holds no keys and values")
        return content

    def data(self) -> DataRecord | None:
        """Return what is known of the data, None before it was read."""
        return self._read(DATA, DataRecord)

    def confirm(self) -> ConfirmRecord | None:
        """Return finalists and baselines, None before they were trained."""
        return self._read(CONFIRM, ConfirmRecord)

    def answers(self) -> AnswersRecord | None:
        """Return what was answered to the test rows, None where none was, or not yet."""
        return self._read(ANSWERS, AnswersRecord)

    def predictions(self) -> PredictionsRecord | None:
        """Return what is said of the test rows, None where answers are written, or before they were looked at."""
        return self._read(PREDICTIONS, PredictionsRecord)

    def robustness(self) -> RobustnessRecord | None:
        """Return how adapters do on test rows with noise, None before these were looked at."""
        return self._read(ROBUSTNESS, RobustnessRecord)

    def review(self) -> ReviewRecord | None:
        """Return what a review came to, None where none was read."""
        return self._read(REVIEW, ReviewRecord)

    def recommendation(self) -> Recommendation | None:
        """Return the recommendation, None before there is one."""
        return self._read(RECOMMENDATION, Recommendation)

    def trials(self) -> tuple[TrialRecord, ...]:
        """Return the projected trials, none before the first ended."""
        path = self.path / TRIALS
        if not path.exists():
            return ()
        try:
            return tuple(from_json(line, TrialRecord) for line in lines_of(path))
        except msgspec.MsgspecError as error:
            fault = self._damaged(TRIALS, error)
            raise RunFolderError(
                fault.message, f"{fault.hint}; the search, gone on with --resume, makes it anew"
            ) from error


def _holds_anything(path: Path) -> bool:
    """Whether a folder holds more than what a search leaves that was killed before its request was written."""
    try:
        return any(p.name not in (".lock", ".owner") and not p.name.endswith(PART) for p in path.iterdir())
    except OSError as error:
        raise RunFolderError(
            f"the run folder {str(path)!r} cannot be read: {error.strerror}", "choose another --out"
        ) from error
