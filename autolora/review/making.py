"""``autolora review make``: from a finished search to a page, or to Label Studio's tasks, and the key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from autolora.durable import asked_for, write_whole
from autolora.review import keys, label_studio, page, sources
from autolora.review.records import Language, ReviewKey
from autolora.review.sampling import draw
from autolora.store import RunFolder

Format = Literal["html", "label-studio"]


def make(
    run: Path, output: Path, *, rows: int, seed: int, language: Language, format: Format
) -> tuple[ReviewKey, tuple[Path, ...]]:
    """Write a review of a finished search, and keep its key in the run folder.

    Args:
        run: The run folder.
        output: The file to write; Label Studio's labelling interface goes beside it, under its name with
            ``.config.xml``.
        rows: At most so many test rows are shown; at least 2.
        seed: Of the sample and of every order.
        language: Of what the page says.
        format: What is written.

    Returns:
        The key, and the files written.

    Raises:
        RunFolderError: If the search is not finished or has nothing to review.
        DataError: If the texts are read again, and have changed.
        RequestError: If the output cannot be written.
    """
    it = sources.finished(run)
    key = draw(sources.material(it), rows=rows, seed=seed)
    texts = sources.texts(it, [item.row_id for item in key.items])
    if format == "html":
        files = {output: page.render(page.sheet(key, texts), language)}
    else:
        tasks = json.dumps(label_studio.tasks(key, texts), indent=1, ensure_ascii=False)
        files = {output: f"{tasks}\n", output.with_suffix(".config.xml"): label_studio.interface(key, language)}
    with RunFolder(run).owned():
        keys.keep(run, key)  # first: what is given to reviewers can be read back
    for path, content in files.items():
        _write(path, content)
    return key, tuple(files)


def _write(path: Path, content: str) -> None:
    with asked_for(path, "review"):
        write_whole(path, content.encode(), at="review.make")
