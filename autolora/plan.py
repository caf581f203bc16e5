"""The plan of a search in a given time: which rows it explores, confirms and tests on, and how long each part takes.

Pure arithmetic on row counts and measured speeds; knows no clock, no engine and no text. The rules, in this order:

1. **Test rows.** All of them, if scoring the chosen adapter and its rivals takes at most a fifth of the time: the
   verdict rests on them. Else as many as a tenth allows, and reports call them a sample. The other seeds of each
   candidate, which no verdict rests on, are scored as well where that takes no more than a tenth; the rows with
   noise, which none rests on either, where that takes no more than a twentieth.
2. **Everything.** If all training rows can be explored (``LEAST_TRAININGS`` trainings in full) and confirmed, no subset
   is taken at all, and the fullest way of confirming is chosen that leaves exploring its share.
3. **Confirming rows.** Else every finalist and every baseline, TF-IDF too, is trained on the same rows, as many as fit
   beside exploring: only then are they compared fairly. With fewer than ``ENOUGH_ROWS`` the time goes to more rows
   rather than to more finalists and seeds.
4. **Exploring rows.** A third of those, as from one rung to the next. Trials are compared with each other only, and the
   order of adapters changes less with the number of rows than their scores do. Exploring has the time for all trials
   that are wanted, and at least ``EXPLORE_SHARE``.
5. **Validation rows.** Where training rows are cut, as many as take a fifth of the time of training: they choose.

No part has fewer than ``LEAST_ROWS`` training rows; where that is too much for the time, the plan says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from autolora.confirm import SEEDS
from autolora.grids import RATE_GRID
from autolora.recommend import FINALISTS
from autolora.request import BaselineWish
from autolora.robustness import rows_passed
from autolora.sensitivity import NOISE, SHARES
from autolora.solo_rivals import RATES, TIMES_AN_ADAPTER
from autolora.units import in_minutes

LEAST_ROWS = 600
"""Training rows under which small encoders hardly leave the majority class in a few epochs."""
LEAST_VALIDATION = 400
"""Validation rows under which noise (2 points of accuracy and more) decides what is better."""
LEAST_WRITTEN = 32
"""The same where each training writes an answer to every such row, which takes many times as long as scoring it."""
LEAST_TEST = 500
LEAST_TEST_WRITTEN = 100
LEAST_CHECKED = 200
"""Test rows on which plain PEFT must give the engine's labels."""
LEAST_CHECKED_WRITTEN = 20
"""The same where it writes answers."""
BASE_ANSWERS = 3
"""The base's own answer to a row, and that with examples in the prompt, which take longer to read."""
ENOUGH_ROWS = 5_000
LEAST_TRAININGS = 3.0
TRAINED_SHARE = 0.4
"""Of its full length, what a trial is trained on average: most end at a rung."""
STOPPED_SHARE = 0.4
"""Of its full length, what a rate is trained that another one beats."""
BEYOND = 0.5
"""Full trainings at rates beyond a grid's end; mostly there is none, or one."""
EXPLORE_SHARE = 0.35
"""Least of the time for exploring and confirming that exploring has; on all rows less may be left to the leanest."""
EXPLORED_OF_CONFIRMED = 1 / 3
CLOSING_SECONDS = 25.0
"""For packing the adapter, loading it in plain PEFT, measuring its memory and writing the report."""
TFIDF_SECONDS_PER_CHARACTER = 2e-6
"""And class, four penalties together (measured: 0.5 to 4 times that)."""
_TEST_SHARES = (0.1, 0.2)
_CHECKED_SHARE = 0.05
_NOISE_SHARE = 0.05
_PLAIN_SPEED = 0.3
"""Speed of plain PEFT in float32 in shares of the engine's."""
_SCORING_SHARE = 0.2


@dataclass(frozen=True, kw_only=True)
class Depth:
    """How much is confirmed."""

    finalists: int
    baseline_seeds: int
    """Fresh seeds that the default and the best of its rates are trained on; finalists always have ``SEEDS``."""

    @property
    def compared(self) -> float:
        """Trainings of the default and of its grid of rates, in full ones: two in full, the others to a rung."""
        return 2 * self.baseline_seeds + STOPPED_SHARE * (len(RATE_GRID) - 2) + BEYOND


DEPTHS = (
    Depth(finalists=FINALISTS, baseline_seeds=SEEDS),
    Depth(finalists=FINALISTS, baseline_seeds=1),
    Depth(finalists=2, baseline_seeds=1),
    Depth(finalists=1, baseline_seeds=1),
)
"""From the fullest to the leanest."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Rows of the splits."""

    train: int
    validation: int
    test: int


@dataclass(frozen=True, kw_only=True)
class Work:
    """What the parts of a search take, in seconds, all engines together."""

    per_row: float
    """Of training on a row once."""
    per_default_row: float
    """The same of the default adapter, which is on every layer, wherever the space has its own."""
    per_score: float
    """Of scoring a row once."""
    per_word_row: float
    """Of a training row in TF-IDF."""
    epochs: float
    trials: int
    """Wanted."""
    rungs: int
    """How often a trial is scored on its way."""
    per_answer: float = 0.0
    """Of writing an answer, where one is written: by finished adapters only."""
    head_trainings: float = 0.0
    """Trainings of the head alone on the frozen base, in trainings of an adapter."""
    baselines: BaselineWish = "quick"

    @property
    def writes(self) -> bool:
        """Whether answers are written."""
        return self.per_answer > 0

    def training(self, rows: int, validation: int, *, scored: int = 1) -> float:
        """Return the time of one full training that is scored so many times."""
        return self.epochs * rows * self.per_row + scored * validation * self.per_score

    def exploring(self, rows: int, validation: int) -> float:
        """Return the time of one full training of a trial."""
        return self.training(rows, validation, scored=self.rungs)

    def confirming(self, it: Confirming) -> float:
        """Return the time of all that is confirmed, and of what comes beside where there is time for it."""
        chosen, defaults = float(SEEDS * it.depth.finalists), 0.0
        if self.baselines != "none":
            defaults += it.depth.compared
        written = (chosen + defaults + self.writes * BASE_ANSWERS) * it.validation * self.per_answer
        if self.baselines != "none":
            chosen += self.head_trainings + (self._curves(it.depth.baseline_seeds) if it.beside else 0.0)
        if self.baselines == "all" and it.beside and not self.writes:
            defaults += TIMES_AN_ADAPTER * sum(len(rates) + it.depth.baseline_seeds - 1 for rates in RATES.values())
        of_default = replace(self, per_row=self.per_default_row)
        return (
            chosen * self.training(it.train, it.validation)
            + defaults * of_default.training(it.train, it.validation)
            + written
            + self.fitting(it.train)
        )

    def fitting(self, rows: int) -> float:
        """Return the time of the linear model, which is fitted when all adapters are trained."""
        return SEEDS * rows * self.per_word_row

    def _curves(self, seeds: int) -> float:
        """Return how often the chosen one is trained again, in trainings of an adapter on all rows.

        Args:
            seeds: That baselines are trained on.
        """
        return seeds * (sum(SHARES) + len(NOISE)) if self.baselines == "all" else sum(SHARES)

    def at_pace(self, pace: float) -> Work:
        """Return the same on an engine that takes ``pace`` times as long."""
        return replace(
            self,
            per_row=self.per_row * pace,
            # Trials that are quicker than the mean of dearest and cheapest say nothing of the dearest.
            per_default_row=self.per_default_row * max(1.0, pace),
            per_score=self.per_score * pace,
            per_answer=self.per_answer * pace,
        )

    def validation_rows(self, rows: int, available: int, *, scored: int, written: bool = False) -> int:
        """Return how many validation rows a training on so many rows is scored on, and answers if these are written."""
        each = scored * self.per_score + (self.per_answer if written else 0.0)
        affordable = _SCORING_SHARE * self.epochs * rows * self.per_row / each
        return min(available, max(LEAST_WRITTEN if written else LEAST_VALIDATION, int(affordable)))


@dataclass(frozen=True, kw_only=True)
class Confirming:
    """What finalists and baselines are trained and chosen on."""

    depth: Depth
    train: int
    validation: int
    beside: bool = False
    """Whether there is time for what comes beside: the learning curve and, where they are wanted, wrong labels, prompt
    tuning and full fine-tuning."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A search's plan: rows of each part and expected seconds."""

    sizes: Sizes
    explore_train: int
    explore_validation: int
    confirm: Confirming
    test: int
    every_seed: bool
    """Whether all seeds of a candidate are scored on the test rows, not just the first."""
    checked: int
    """Test rows that plain PEFT labels too before the adapter counts."""
    noise: bool = True
    """Whether adapters are scored on test rows with noise too."""
    begun: float = 0.0
    """Seconds that had passed when the plan was made."""
    explore_seconds: float = math.inf
    confirm_seconds: float = math.inf
    closing_seconds: float = math.inf
    """Of scoring the test rows, packing and reporting."""
    trainings: float = math.inf
    """Full trainings that exploring is expected to have time for."""
    enough: bool = True
    """Whether the budget is enough for the least that can be compared."""

    @property
    def seconds(self) -> float:
        """All parts together, and what had passed before."""
        return self.begun + self.explore_seconds + self.confirm_seconds + self.closing_seconds


def everything(sizes: Sizes) -> Plan:
    """Return the plan of a search without a time budget."""
    return Plan(
        sizes=sizes,
        explore_train=sizes.train,
        explore_validation=sizes.validation,
        confirm=Confirming(depth=DEPTHS[0], train=sizes.train, validation=sizes.validation, beside=True),
        test=sizes.test,
        every_seed=True,
        checked=sizes.test,
    )


def make(budget: float, sizes: Sizes, work: Work, *, begun: float) -> Plan:
    """Return the plan for a time budget.

    Args:
        budget: Seconds of the whole search.
        sizes: Rows that there are.
        work: What they take.
        begun: Seconds of the budget that have passed.
    """
    left = max(0.0, budget - begun)
    plan = _closing(replace(everything(sizes), begun=begun), left, work)
    usable = max(0.0, left - plan.closing_seconds)
    confirm = _all_rows(usable, sizes, work)
    explore_train, explore_validation = sizes.train, sizes.validation
    if confirm is None and sizes.train <= LEAST_ROWS:
        confirm = _confirming(DEPTHS[-1], sizes.train, sizes, work, capped=False)
    elif confirm is None:
        wanted = max(LEAST_TRAININGS, TRAINED_SHARE * work.trials)

        def fits(it: Confirming) -> bool:
            exploring = max(wanted * work.exploring(*_explored(it, work, sizes)), EXPLORE_SHARE * usable)
            return exploring + work.confirming(it) <= usable

        confirm = _as_many_as_fit(fits, LEAST_ROWS, sizes, work)
        explore_train, explore_validation = _explored(confirm, work, sizes)
    confirm_seconds, full = work.confirming(confirm), work.exploring(explore_train, explore_validation)
    explore_seconds = max(usable - confirm_seconds, LEAST_TRAININGS * full)
    return replace(
        plan,
        explore_train=explore_train,
        explore_validation=explore_validation,
        confirm=confirm,
        explore_seconds=explore_seconds,
        confirm_seconds=confirm_seconds,
        trainings=explore_seconds / full,
        enough=begun + explore_seconds + confirm_seconds + plan.closing_seconds <= budget * (1 + 1e-9),
    )


def confirming(usable: float, plan: Plan, work: Work) -> Confirming:
    """Return what to confirm in the time that is left for it, by the speed that was seen.

    At least on the rows that were explored, which are part of them; on more or fewer than planned as time allows.
    """
    if math.isinf(usable) or plan.explore_train == plan.sizes.train:
        depths = _ways(plan.sizes, work)
        return next((it for it in depths if work.confirming(it) <= usable), depths[-1])
    return _as_many_as_fit(lambda it: work.confirming(it) <= usable, plan.explore_train, plan.sizes, work)


def _closing(plan: Plan, left: float, work: Work) -> Plan:
    """Return the plan with its test rows, and what scoring and reporting take."""
    fullest = DEPTHS[0]
    first_seeds = fullest.finalists + 2
    every = SEEDS * first_seeds
    low, high = (share * left for share in _TEST_SHARES)
    rows = plan.sizes.test
    each, base = work.per_score + work.per_answer, work.writes * BASE_ANSWERS
    if (first_seeds + base) * rows * each > high:
        least = LEAST_TEST_WRITTEN if work.writes else LEAST_TEST
        rows = min(rows, max(least, int(low / ((first_seeds + base) * each))))
    every_seed = (every + base) * rows * each <= low
    scoring = ((every if every_seed else first_seeds) + base) * rows * each
    per_checked = each / _PLAIN_SPEED
    least = LEAST_CHECKED_WRITTEN if work.writes else LEAST_CHECKED
    checked = min(rows, max(least, int(min(rows, _CHECKED_SHARE * left / per_checked))))
    noisy = rows_passed(rows) * work.per_score
    noise = not work.writes and noisy <= _NOISE_SHARE * left
    return replace(
        plan,
        test=rows,
        every_seed=every_seed,
        checked=checked,
        noise=noise,
        closing_seconds=CLOSING_SECONDS + scoring + checked * per_checked + noise * noisy,
    )


def _all_rows(usable: float, sizes: Sizes, work: Work) -> Confirming | None:
    """Return the fullest way of confirming on all rows that leaves enough for exploring them, None without one."""
    least = LEAST_TRAININGS * work.exploring(sizes.train, sizes.validation)
    for it in _ways(sizes, work):
        share = 0.0 if it.depth == DEPTHS[-1] else EXPLORE_SHARE * usable
        if usable - work.confirming(it) >= max(least, share):
            return it
    return None


def _ways(sizes: Sizes, work: Work) -> list[Confirming]:
    """Return the ways of confirming on all rows, from the fullest to the leanest.

    At every depth what comes beside is the first to go; where it was asked for, it is the last.
    """
    ways = [_confirming(depth, sizes.train, sizes, work, capped=False) for depth in DEPTHS]
    if work.baselines == "all":
        return [*(replace(way, beside=True) for way in ways), *ways]
    return [each for way in ways for each in (replace(way, beside=True), way)]


def _as_many_as_fit(fits: Callable[[Confirming], bool], least: int, sizes: Sizes, work: Work) -> Confirming:
    """Return the fullest way of confirming on at least ``ENOUGH_ROWS``, else the leanest, on the rows that fit."""

    def fitting(depth: Depth) -> Confirming:
        it = largest(depth, beside=True)
        return it if fits(it) else largest(depth, beside=False)

    def largest(depth: Depth, *, beside: bool) -> Confirming:
        def way(rows: int) -> Confirming:
            return replace(_confirming(depth, rows, sizes, work), beside=beside)

        return way(_largest(lambda rows: fits(way(rows)), least, sizes.train))

    enough = min(sizes.train, max(ENOUGH_ROWS, least + 1))
    return next((it for it in map(fitting, DEPTHS[:-1]) if it.train >= enough), fitting(DEPTHS[-1]))


def _confirming(depth: Depth, rows: int, sizes: Sizes, work: Work, *, capped: bool = True) -> Confirming:
    validation = sizes.validation
    if capped or work.writes:
        validation = work.validation_rows(rows, sizes.validation, scored=1, written=work.writes)
    return Confirming(depth=depth, train=rows, validation=validation)


def _explored(confirm: Confirming, work: Work, sizes: Sizes) -> tuple[int, int]:
    """Return the training and validation rows to explore on."""
    train = max(LEAST_ROWS, int(EXPLORED_OF_CONFIRMED * confirm.train))
    return train, work.validation_rows(train, sizes.validation, scored=work.rungs)


def _largest(fits: Callable[[int], bool], least: int, most: int) -> int:
    """Return the largest number up to ``most`` that fits, or ``least`` if none above it does."""
    low, high = min(least, most), most
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low


def in_words(plan: Plan, budget: float) -> str:
    """Return the plan in plain words."""
    sizes, confirm = plan.sizes, plan.confirm
    if math.isinf(budget):
        return f"No time limit: everything is done on all {sizes.train:,} training and {sizes.test:,} test rows."
    same = "the same" if confirm.train == plan.explore_train else f"{confirm.train:,}"
    beside = ", the baselines and the learning curve" if confirm.beside else " and the baselines"
    others = f"{_finalists(confirm.depth)}{beside}"
    text = (
        f"Plan for {in_minutes(budget)}: {in_minutes(plan.begun)} to read and start, about"
        f" {in_minutes(plan.explore_seconds)} exploring on {_share(plan.explore_train, sizes.train)} training rows"
        f" (about {plan.trainings:.0f} full trainings), {in_minutes(plan.confirm_seconds)} confirming {others} on"
        f" {same} rows, {in_minutes(plan.closing_seconds)} scoring {_share(plan.test, sizes.test)} test rows and"
        " reporting."
    )
    if plan.enough:
        return text
    needed = in_minutes(plan.seconds)
    return f"{text} That is about {needed}: the budget is too short for the least that can be compared."


def confirming_in_words(it: Confirming, planned: Plan) -> str:
    """Return in plain words what is confirmed, where that is not everything or not as planned."""
    rows = _share(it.train, planned.sizes.train)
    before = f" ({planned.confirm.train:,} were planned)" if it.train != planned.confirm.train else ""
    return (
        f"Time is short: {_finalists(it.depth)} on {SEEDS} seeds, baselines on {it.depth.baseline_seeds};"
        f" {rows} training rows{before}."
    )


def _finalists(depth: Depth) -> str:
    return "1 finalist" if depth.finalists == 1 else f"up to {depth.finalists} finalists"


def _share(rows: int, of: int) -> str:
    return f"all {of:,}" if rows == of else f"{rows:,} of {of:,}"
