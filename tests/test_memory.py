"""A search that keeps what it found, and the next one on another task that begins with it."""

from __future__ import annotations

import json

import pytest
import yaml

from autolora import flow, progress, request, results
from autolora.past import Memory
from autolora.search.study_file import open_ledger
from tests import tiny_search

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def searched(tiny_folder, tmp_path_factory):
    """Return the folders of searches, one after the other, with one memory; and what each noted."""
    notes: dict[str, list[str]] = {}
    runs = []
    memory = tmp_path_factory.mktemp("memory") / "kept"
    for name, rows in (("first", 20), ("second", 24), ("again", 20)):
        folder = tmp_path_factory.mktemp(name)
        it = tiny_search.make(folder, tiny_folder(), trials=4, rows=rows)
        # The first begins with settings that are known to learn: it has a front, however a CPU rounds.
        own = {"name": name, "memory": str(memory), "first_suggestions": name == "first"}
        it.task.write_text(yaml.safe_dump(yaml.safe_load(it.task.read_text()) | own))
        with progress.make(plain=True) as shown:
            shown.note = notes.setdefault(name, []).append
            flow.search(request.read(it.task), it.run, progress=shown)
        runs.append(it.run)
    return runs, memory, notes


def test_every_search_leaves_what_it_found_and_no_text(searched) -> None:
    runs, memory, _ = searched
    kept = {past.name: past for past in Memory(folder=memory).searches()}

    assert set(kept) == {"first", "second", "again"}
    for run in runs:
        trials = results.read(run).trials
        past = kept[results.read(run).request["name"]]
        assert sum(trial.complete for trial in past.trials) == sum(t.state == "complete" for t in trials)
        assert past.likeness.classes == 3
    text = "".join(path.read_text() for path in memory.iterdir())
    assert not [word for word in ("parcel", "card", "broken", "please", "delivery", "repair") if word in text]


def test_the_second_begins_with_what_stood_on_the_front_of_the_first(searched) -> None:
    (first, second, _), _, notes = searched
    front = [t.params for t in results.read(first).trials if t.state == "complete"]
    ledger = open_ledger(second, seed=0)
    opening = ledger.records()[0]
    ledger.close()

    assert [note for note in notes["second"] if note.startswith("First suggestions come from first (")]
    assert opening.params in front
    assert json.loads((second / "recommendation.json").read_text())["search"]["trials"] == 4


def test_a_search_does_not_learn_from_one_on_the_same_data(searched) -> None:
    (said,) = [note for note in searched[2]["again"] if note.startswith("First suggestions")]

    assert "second" in said
    assert "first (" not in said
