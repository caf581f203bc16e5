"""Which configuration to try next: the one by which the front is expected to grow most. Knows records, not Optuna.

Quality is learned from every score of every trial, at whichever rung (``surrogate``); costs are known (``gain``). What
is still running counts as being as good as believed, so that trials that run at once are spread out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolora.engine.costs import CostModel
from autolora.objectives import Objective
from autolora.recommend import front
from autolora.records import AdapterConfig, TrialRecord, TrialState
from autolora.search.encoding import Encoder, along
from autolora.space import Space

if TYPE_CHECKING:
    from autolora.search.elsewhere import Elsewhere
    from autolora.search.surrogate import Surrogate

Array = NDArray[np.float64]

_START = 4
"""Trials that are drawn by chance before anything is believed of the others."""
_DRAWN = 512
"""Candidates from all over the space."""
_NEAR = 256
"""Candidates near the front."""
_STEP = 0.1
"""How far a number is moved for a candidate near the front; 1 is its whole range."""
_LEARNS_FROM = 2
"""Scores from which on something is learned here."""
_UNLIKE = 0.1
"""How far gains of two tasks are apart where nothing is known yet: a standard deviation, as a share of all gains."""
_EQUAL_GAINS = 0.5
"""Weight, in squared gains, of the guess that as much can be gained here as elsewhere."""
_MOST_POINTS = 300
"""Scores that are learned from; the time for it grows with their cube."""
_REFIT_GROWTH = 1.1
_RECENT = 8
"""Trials whose gains tell what another one may bring."""
_CERTAIN = np.full(1, 1e-12)
"""A spread of next to nothing, of a quality that was measured."""
REFERENCE = 1.1
"""Cost beyond which nothing counts, where 0 and 1 are the least and the greatest in the space: even the dearest
configuration is worth something."""


@dataclass(frozen=True, kw_only=True)
class CostScale:
    """Trained parameters and memory on scales where equal distances matter equally: logarithms, between 0 and 1."""

    costs: CostModel
    least: Array
    """Logarithms of both, of the cheapest of a space ``(2,)``."""
    width: Array
    """From there to the dearest ``(2,)``."""

    @classmethod
    def of(cls, space: Space, costs: CostModel, drawn: Sequence[dict[str, Any]]) -> CostScale:
        """Return the scale of a space, by some of its members."""
        raw = np.array([_raw(costs, costs.config(space.fixed | params)) for params in drawn])
        return cls(costs=costs, least=raw.min(axis=0), width=np.maximum(np.ptp(raw, axis=0), 1e-9))

    def places(self, configs: Sequence[AdapterConfig]) -> Array:
        """Return both costs of configurations on it ``(n, 2)``."""
        raw = np.array([_raw(self.costs, config) for config in configs]).reshape(-1, 2)
        return np.asarray((raw - self.least) / self.width)


def _raw(costs: CostModel, config: AdapterConfig) -> tuple[float, float]:
    return math.log(costs.trainable_params(config)), math.log(costs.peak_memory_bytes(config))


@dataclass(kw_only=True)
class Proposer:
    """Proposes configurations for one search."""

    space: Space
    costs: CostModel
    metric: Objective
    floor: float
    """The metric that is to be had for nothing."""
    seed: int
    admits: Callable[[AdapterConfig], bool] = lambda config: True
    """Whether a configuration may be trained at all."""
    elsewhere: Elsewhere | None = None
    """What earlier searches let one expect, where there were any."""
    _random: np.random.Generator = field(init=False)
    """Begun anew for every proposal, so that its draws depend on its number alone and not on what came when."""
    _encoder: Encoder = field(init=False)
    _scale: CostScale = field(init=False)
    _shape: Array | None = field(init=False, default=None)
    _fitted_on: int = field(init=False, default=0)
    _known: tuple[Any, dict[str, Any], float] | None = field(init=False, default=None)
    """What was proposed last: on which records, what, and how much it promised."""

    def __post_init__(self) -> None:
        """Look over the space's costs."""
        self._random = np.random.default_rng(self.seed)
        self._encoder = Encoder(self.space)
        self._scale = CostScale.of(self.space, self.costs, self._drawn(_DRAWN))

    def propose(self, seen: Sequence[TrialRecord]) -> dict[str, Any]:
        """Return settings to try next, a member of the space.

        Where every candidate was tried or is not admitted, it is one of those.

        Args:
            seen: Every trial so far, refused ones included.
        """
        return self._best(seen)[0]

    def promise(self, seen: Sequence[TrialRecord]) -> float:
        """Return how much the next trial is expected to add to the front: a share of all that any front can cover.

        Infinity as long as too little is known to say, 0 where everything was tried. The model is asked for the best
        of hundreds of candidates, and so for its most hopeful error. Therefore what it says counts as one trial beside
        the last few, of which it is known what they added: their mean.

        Args:
            seen: Every trial so far, refused ones included.
        """
        expected = self._best(seen)[1]
        if not 0 < expected < math.inf:
            return expected
        added = self._added(seen)
        return (expected + sum(added)) / (1 + len(added))

    def _added(self, seen: Sequence[TrialRecord]) -> list[float]:
        """Return what each of the last trials to have ended added to the front: shares, 0 of what was stopped."""
        ended = [trial for trial in seen if trial.state not in (TrialState.REFUSED, TrialState.RUNNING)]
        return [self._share_of(ended[at], ended[:at]) for at in range(max(0, len(ended) - _RECENT), len(ended))]

    def _share_of(self, trial: TrialRecord, before: Sequence[TrialRecord]) -> float:
        """Return the share that a trial that has ended added to the front of those before it."""
        from autolora.search.gain import expected_gain

        if trial.state != TrialState.COMPLETE:
            return 0.0
        done = [*(each for each in before if each.state == TrialState.COMPLETE), trial]
        quality = np.array([self._quality(each.rungs[-1].score.value) for each in done])
        paid = self._scale.places([each.config for each in done if each.config is not None])
        whole = self._whole(quality)
        gain = expected_gain(
            quality[-1:],
            _CERTAIN,
            paid[-1:],
            quality=quality[:-1],
            paid=paid[:-1],
            floor=self._quality(self.floor),
            reference=REFERENCE,
        )
        return float(gain[0]) / whole if whole > 0 else 0.0

    def _whole(self, values: Array) -> float:
        """Return the hypervolume of what costs nothing and is perfect."""
        return (self._perfect(values) - self._quality(self.floor)) * REFERENCE**2

    def _best(self, seen: Sequence[TrialRecord]) -> tuple[dict[str, Any], float]:
        """Return what to try next, and what it promises; the same for the same records."""
        state = tuple((trial.number, len(trial.rungs), trial.state) for trial in seen)
        if self._known is None or self._known[0] != state:
            self._known = (state, *self._found(seen))
        return self._known[1:]

    def _found(self, seen: Sequence[TrialRecord]) -> tuple[dict[str, Any], float]:
        self._random = np.random.default_rng([self.seed, len(seen)])
        trials = [trial for trial in seen if trial.state != TrialState.REFUSED]
        points, values = self._observed(trials)
        by_chance = self.elsewhere is None and (len(trials) < _START or len(values) < 2)
        candidates = list(self._candidates(seen, () if by_chance else front(tuple(trials), self.metric)))
        if not candidates:
            return self.space.sample(self._random), 0.0
        settings = [params for params, _ in candidates]
        costs = self._scale.places([config for _, config in candidates])
        if by_chance:
            # With all as good as each other, one adds what lies beyond its costs.
            room = np.clip(REFERENCE - costs, 0, None).prod(axis=1)
            return settings[int(self._random.choice(len(settings), p=room / room.sum()))], math.inf
        gains = self._gains(settings, costs, trials, points, values)
        best = int(np.argmax(gains))
        whole = self._whole(values)
        return settings[best], float(gains[best]) / whole if whole > 0 else 0.0

    # ---------------------------------------------------------------------------------------------------- what is known

    def _observed(self, trials: Sequence[TrialRecord]) -> tuple[Array, Array]:
        """Return points ``(scores, axes)`` and qualities ``(scores,)``; of too many, the furthest and newest."""
        rows: list[tuple[float, int, tuple[float, ...], float]] = []
        for trial in trials:
            at = self._encoder.point(trial.params)
            rows += [(rung.share, trial.number, at, self._quality(rung.score.value)) for rung in trial.rungs]
            if trial.state.is_failure:
                rows.append((1.0, trial.number, at, self._quality(self.floor)))
        rows.sort(key=lambda row: row[:2], reverse=True)
        points = [(*at, along(share)) for share, _, at, _ in rows[:_MOST_POINTS]]
        return np.array(points), np.array([quality for *_, quality in rows[:_MOST_POINTS]])

    def _quality(self, metric: float) -> float:
        """Return a metric so that larger is better; what is worse than nothing is worth as much as nothing."""
        nothing = -self.metric.loss(self.floor)
        return max(-self.metric.loss(metric), nothing) if math.isfinite(metric) else nothing

    def _gains(
        self,
        settings: Sequence[dict[str, Any]],
        costs: Array,
        trials: Sequence[TrialRecord],
        points: Array,
        values: Array,
    ) -> Array:
        # Takes a second to import, which whoever only reads a study need not wait for.
        from autolora.search.gain import expected_gain

        trend = self._trend(points, values)
        belief = self._belief(points, values, trend)
        done = [trial for trial in trials if trial.state == TrialState.COMPLETE]
        quality = [self._quality(trial.rungs[-1].score.value) for trial in done]
        running = [trial for trial in trials if trial.state == TrialState.RUNNING]
        if running:
            ends = np.array([(*self._encoder.point(trial.params), 1.0) for trial in running])
            quality += (belief.predict(ends)[0] + trend(ends)).tolist()
            belief = belief.believing(ends)
        paid = self._scale.places([trial.config for trial in (*done, *running) if trial.config is not None])
        there = np.array([(*self._encoder.point(params), 1.0) for params in settings])
        mean, spread = belief.predict(there)
        return expected_gain(
            mean + trend(there),
            spread,
            costs,
            quality=np.array(quality),
            paid=paid,
            floor=self._quality(self.floor),
            reference=REFERENCE,
        )

    def _belief(self, points: Array, values: Array, trend: Callable[[Array], Array]) -> Surrogate:
        """Return what is believed of how qualities differ from the trend."""
        from autolora.search import surrogate

        if len(values) < _LEARNS_FROM:
            span = abs(self._perfect(values) - self._quality(self.floor))
            axes = len(self._encoder.point(self.space.sample(np.random.default_rng(0)))) + 1
            return surrogate.unsure(axes, spread=_UNLIKE * span)
        refit = self._shape is None or len(values) >= _REFIT_GROWTH * self._fitted_on
        belief = surrogate.fit(points, values - trend(points), shape=self._shape, refit=refit)
        if refit:
            self._shape, self._fitted_on = belief.shape, len(values)
        return belief

    def _perfect(self, values: Array) -> float:
        """Return the best quality there can be, or the best that was seen where there is none."""
        return self._quality(self.metric.best) if self.metric.best is not None else float(values.max(initial=0.0))

    def _trend(self, points: Array, values: Array) -> Callable[[Array], Array]:
        """Return what is expected of points before anything is learned here: nothing, or what was found elsewhere.

        What was gained elsewhere is scaled to what is gained here, by least squares drawn towards equal gains.
        """
        if self.elsewhere is None:
            return lambda there: np.zeros(len(there))
        elsewhere, nothing = self.elsewhere, self._quality(self.floor)
        perfect, scale = self._perfect(values), 1.0
        if len(values):
            there, here = elsewhere.expected(points), (values - nothing) / ((perfect - nothing) or 1.0)
            scale = float((there @ here + _EQUAL_GAINS) / (there @ there + _EQUAL_GAINS))
        return lambda others: nothing + scale * (perfect - nothing) * elsewhere.expected(others)

    # ------------------------------------------------------------------------------------------------------- candidates

    def _candidates(
        self, seen: Sequence[TrialRecord], best: Sequence[TrialRecord]
    ) -> Iterator[tuple[dict[str, Any], AdapterConfig]]:
        """Yield members that were not tried yet and may be: from all over the space, and near the best so far."""
        tried = {trial.config for trial in seen}
        for params in (*self._drawn(_DRAWN), *self._near(best)):
            config = self._config(params)
            if config not in tried and self.admits(config):
                tried.add(config)
                yield params, config

    def _drawn(self, count: int) -> list[dict[str, Any]]:
        return [self.space.sample(self._random) for _ in range(count)]

    def _near(self, best: Sequence[TrialRecord]) -> Iterator[dict[str, Any]]:
        """Yield neighbours of trials: one or two settings drawn anew, numbers moved a little."""
        for _ in range(_NEAR if best else 0):
            params = self.space.snap(best[int(self._random.integers(len(best)))].params)
            fresh = self.space.sample(self._random)
            names = self._random.permutation(list(params))[: int(self._random.integers(1, 3))]
            params |= {name: fresh[name] for name in names.tolist()}
            for name, parameter in self.space.parameters.items():
                params[name] = parameter.moved(params[name], _STEP * float(self._random.normal()))
            yield params

    def _config(self, params: dict[str, Any]) -> AdapterConfig:
        return self.costs.config(self.space.fixed | params)
