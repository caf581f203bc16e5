"""Files of rows through a bundle: rows in, the same rows with answers out, a window at a time."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from autolora.data.passing import Format, Row, Sink, passing
from autolora.durable import asked_for, being_written
from autolora.predict.predictor import Predictor
from autolora.predict.said import Prediction

WINDOW = 1024
"""Rows that are under way at a time: among them those of like length pass together."""


@dataclass(frozen=True, kw_only=True)
class Passed:
    """How it went."""

    rows: int
    abstained: int
    blank: int
    cut: int
    """Rows longer than what the adapter reads."""
    seconds: float
    """From the first row to the last, loading left out."""

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds if self.seconds > 0 else 0.0


def pass_through(
    predictor: Predictor,
    source: str,
    target: Path | None,
    *,
    column: str | None = None,
    format: Format | None = None,
    encoding: str | None = None,
    abstain_below: float | None = None,
    batch_size: int,
) -> Passed:
    """Write every row of a file with what is said of it.

    Added are ``prediction``, ``confidence`` and ``abstained``, and ``prediction_without_adapter`` where the predictor
    explains.

    Args:
        predictor: The bundle.
        source: A file of CSV, TSV or JSON Lines, or ``-`` for the standard input.
        target: The file to write, whole or not at all; None writes to the standard output, row by row.
        column: Of the texts; the one that the adapter was trained on unless given.
        format: What the source is, where its name does not tell.
        encoding: Of a file whose own cannot be found.
        abstain_below: Confidence under which a person is to answer.
        batch_size: Texts that pass together.

    Raises:
        DataError: If the source cannot be read, or lacks the column.
        RequestError: If the target cannot be written.
    """
    added = ("prediction", "confidence", "abstained", *(("prediction_without_adapter",) if predictor.explains else ()))
    name = column or predictor.says.text_column
    with passing(source, name, format=format, encoding=encoding) as rows, _opened(target) as file:
        sink, begun = rows.written(file, added), time.perf_counter()
        count = abstained = blank = cut = 0
        while window := list(islice(rows.rows, WINDOW)):
            said = predictor.predict([row.text for row in window], abstain_below=abstain_below, batch_size=batch_size)
            for row, prediction in zip(window, said, strict=True):
                _write(sink, row, prediction)
                abstained += prediction.abstained
                blank += not row.text.strip()
                cut += prediction.was_cut
            count += len(window)
            file.flush()
    return Passed(rows=count, abstained=abstained, blank=blank, cut=cut, seconds=time.perf_counter() - begun)


def _write(sink: Sink, row: Row, prediction: Prediction) -> None:
    confidence = prediction.confidence
    sink.write(
        row,
        {
            "prediction": prediction.label,
            "confidence": None if confidence is None else round(confidence, 4),
            "abstained": prediction.abstained,
            "prediction_without_adapter": prediction.without_adapter,
        },
    )


@contextmanager
def _opened(target: Path | None) -> Iterator[IO[str]]:
    """Open where rows go; a file stands under its name only when all are in it."""
    if target is None:
        yield sys.stdout
        return
    with asked_for(target, "predictions"), being_written(target, at="predictions") as file:
        text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
        yield text
        text.detach()  # the file is closed by whoever opened it
