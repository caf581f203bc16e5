"""Which rows each part of a search works on, cut from the splits by the plan and handed to the engines.

Knows splits, the plan and what engines were given; decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from autolora.data import subset
from autolora.domination import RUNGS
from autolora.engine.costs import Rates
from autolora.plan import TFIDF_SECONDS_PER_CHARACTER, Confirming, Plan, Sizes, Work
from autolora.records import Dataset, Split
from autolora.request import BaselineWish
from autolora.search.engines import Engines
from autolora.space import Space

_FIRST_ROWS = 10_000
"""Rows of a split that an engine starts with when time is limited: enough to measure lengths and speed on."""
_SAMPLED_TEXTS = 1_000
_HEAD_TRAININGS = 0.6
"""Of the head alone, three to five in all: only the last layer is passed through, and all below it is computed once."""
_IN_SEARCH = 1.25
"""What a training takes in a search, in times of what it takes while the engine is timed (1.1 to 1.4 on two datasets):
not always are all slots taken, and no batch comes twice in a row."""


def sizes_of(dataset: Dataset) -> Sizes:
    """Return the rows of a dataset's splits."""
    return Sizes(train=len(dataset.train), validation=len(dataset.validation), test=len(dataset.test))


def work_of(
    dataset: Dataset,
    rates: Rates,
    space: Space,
    *,
    trials: int,
    engines: int,
    closed: int = 0,
    baselines: BaselineWish = "quick",
) -> Work:
    """Return what the parts of a search take on engines that were measured.

    Args:
        dataset: All rows.
        rates: Of an engine.
        space: What is explored.
        trials: Wanted.
        engines: How many there are.
        closed: Answers to choose from by likelihood; each is then scored, and none written.
        baselines: What finalists are compared with.
    """
    per_answer = closed / rates.score if closed else 1 / rates.answer
    per_row = _IN_SEARCH * (1 / rates.train_dearest + 1 / rates.train_cheapest) / 2
    texts = dataset.train.texts[:: max(1, len(dataset.train) // _SAMPLED_TEXTS)]
    characters = sum(map(len, texts)) / len(texts)
    return Work(
        per_row=per_row / engines,
        per_default_row=_IN_SEARCH / rates.train_dearest / engines,
        per_score=1 / rates.score / engines,
        per_word_row=TFIDF_SECONDS_PER_CHARACTER * characters * max(1, len(dataset.classes)),
        epochs=float(space.usual("epochs")),
        trials=trials,
        rungs=len(RUNGS),
        per_answer=per_answer / engines,
        head_trainings=_HEAD_TRAININGS if dataset.problem != "generation" else 0.0,
        baselines=baselines,
    )


@dataclass
class Portions:
    """The rows of one search's parts."""

    dataset: Dataset
    seed: int
    limited: bool
    """Whether time is limited, so that not all rows may be needed."""
    _given: dict[str, int] = field(default_factory=dict)
    """Split of the engines → its rows; of one length there is one portion only."""

    def first(self) -> tuple[Split, Split]:
        """Return the training and validation rows that engines start with."""
        rows = _FIRST_ROWS if self.limited else len(self.dataset.train) + len(self.dataset.validation)
        train, validation = (self._cut(split, rows) for split in (self.dataset.train, self.dataset.validation))
        self._given |= {"train": len(train), "validation": len(validation)}
        return train, validation

    def explored(self, plan: Plan, engines: Engines) -> tuple[tuple[str, str], Split]:
        """Give the engines what is explored on; return the names of these splits, and the validation rows."""
        whole = self.dataset
        train = self._cut(whole.train, plan.explore_train)
        validation = self._cut(whole.validation, plan.explore_validation)
        # What is confirmed on too has its usual name; a part of it has a name of its own beside it.
        names = (
            "train" if len(train) == len(whole.train) else "explore",
            "validation" if len(validation) == len(whole.validation) else "explore_validation",
        )
        self._give(names[0], train, engines)
        self._give(names[1], validation, engines)
        return names, validation

    def confirmed(self, plan: Plan, it: Confirming, engines: Engines) -> Dataset:
        """Give the engines what is confirmed on; return it with the test rows, which they get when they are opened."""
        train, validation = self._cut(self.dataset.train, it.train), self._cut(self.dataset.validation, it.validation)
        self._give("train", train, engines)
        self._give("validation", validation, engines)
        return replace(self.dataset, train=train, validation=validation, test=self._cut(self.dataset.test, plan.test))

    def _cut(self, split: Split, rows: int) -> Split:
        return subset(split, rows, seed=self.seed)

    def _give(self, name: str, split: Split, engines: Engines) -> None:
        """Give the engines a split unless they have it."""
        if self._given.get(name) != len(split):
            engines.add_split(name, split)
            self._given[name] = len(split)
