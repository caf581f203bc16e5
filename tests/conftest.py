"""What several rooms' tests share. Heavy imports stay inside fixtures, so that unit tests load no torch."""

from __future__ import annotations

import itertools
import os
import statistics
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from autolora.records import Dataset, Label, ProblemType, Split

# Set before any library reads it: no test may reach for a hub.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Threads that spin while they wait make steps as small as these ones' many times longer beside any other work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# How fast a case runs says something of the machine, nothing of the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

CLASSES = ("delivery", "money", "repair")
_OWN_WORDS = {
    "delivery": "parcel van late door box where when".split(),
    "money": "card charged twice price receipt money much".split(),
    "repair": "broken screen button noise leak water help".split(),
}
ANSWERS = ("the van is late", "money back to the card please", "send the broken lamp")
"""What is written to a row of each class, where an answer is to be written."""
_COMMON = "please my the a is was not it i want to today monday again still".split()


TIERS = ("ray", "browser", "tiny", "unit")
"""The tiers from the longest tests to the shortest."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests, so that tests in several processes end together; files stay in one piece."""
    items.sort(
        key=lambda item: next((at for at, tier in enumerate(TIERS) if item.get_closest_marker(tier)), len(TIERS))
    )


@pytest.fixture
def figure(request: pytest.FixtureRequest):
    """Return a function that keeps a figure for the table at the end of a run: name and value."""
    return lambda name, value: request.node.user_properties.append((f"figure: {name}", float(value)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was counted and measured, in whichever process."""
    figures: dict[str, list[float]] = {}
    for report in itertools.chain(*terminalreporter.stats.values()):
        for name, value in report.user_properties if getattr(report, "when", None) == "call" else ():
            if name.startswith("figure: "):
                figures.setdefault(name.removeprefix("figure: "), []).append(value)
    if figures:
        terminalreporter.section("figures")
    for name, values in figures.items():
        if len(values) == 1 or name.startswith("number of "):
            terminalreporter.write_line(f"{name:<52} {sum(values):10.2f}")
        else:
            middle, most = statistics.median(values), max(values)
            terminalreporter.write_line(f"{name:<52} {middle:10.2f} median {most:10.2f} most, of {len(values)}")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory):
    """Return a function from a family's name to the folder of a model, of two layers and width 32 unless asked."""
    from tests import tiny_models

    made: dict[tuple[object, ...], Path] = {}

    def folder(
        family: str = "bert", layers: int = 2, width: int = 32, *, writes: bool = False, chat: bool = False
    ) -> Path:
        key = (family, layers, width, writes, chat)
        if key not in made:
            place = tmp_path_factory.mktemp("models") / f"tiny-{family}"
            made[key] = tiny_models.make(family, place, layers=layers, width=width, writes=writes, chat=chat)
        return made[key]

    return folder


def made_up_split(rows: int, *, seed: int, noise: float = 0.2) -> Split:
    """Return rows whose class shows in some of their words."""
    random = np.random.default_rng(seed)
    texts, labels = [], []
    for at in range(rows):
        label = at % len(CLASSES)
        own = _OWN_WORDS[CLASSES[label]]
        words = [str(random.choice(own if random.random() > noise else _COMMON)) for _ in range(3)]
        words += [str(random.choice(_COMMON)) for _ in range(int(random.integers(2, 9)))]
        random.shuffle(words)
        texts.append(" ".join(words))
        labels.append(label)
    return Split(
        texts=tuple(texts),
        labels=tuple(labels),
        row_ids=tuple(str(at + 1) for at in range(rows)),
        ties=tuple(1000 * seed + at for at in range(rows)),
        strata=tuple(map(str, labels)),
    )


def relabelled(dataset: Dataset, problem: ProblemType) -> Dataset:
    """Return a dataset of three classes with other labels: also the next class for some, or a number from the text."""

    def several(text: str, label: Label) -> Label:
        return (int(label), *([(int(label) + 1) % 3] if "please" in text else [])) if "not" not in text else ()

    def number(text: str, label: Label) -> Label:
        return 100.0 * int(label) + len(text)

    def changed(split: Split) -> Split:
        rows = zip(split.texts, split.labels, strict=True)
        if problem == "generation":
            return replace(split, labels=tuple(ANSWERS[int(label)] for _, label in rows))
        if problem == "multi_label":
            return replace(split, labels=tuple(tuple(sorted(several(text, label))) for text, label in rows))
        return replace(split, labels=tuple(number(text, label) for text, label in rows))

    splits = {name: changed(getattr(dataset, name)) for name in ("train", "validation", "test")}
    if problem == "multi_label":
        return replace(dataset, problem=problem, **splits)
    if problem == "generation":
        return replace(dataset, problem=problem, classes=(), answers=tuple(sorted(ANSWERS)), **splits)
    return replace(dataset, problem=problem, classes=(), center=130.0, scale=85.0, **splits)


@pytest.fixture(scope="session")
def tiny_dataset() -> Dataset:
    """Return a small learnable dataset of three classes."""
    return Dataset(
        source="tiny.csv",
        hash="sha256:tiny",
        text_column="text",
        label_column="label",
        classes=CLASSES,
        train=made_up_split(96, seed=1),
        validation=made_up_split(48, seed=2),
        test=made_up_split(48, seed=3),
        rows_in_source=192,
    )
