"""Baselines that train without a search: one configuration at a few learning rates, of which the best is taken.

Where the best is at an end of the grid, the next rate beyond is tried too: nobody who tunes by hand would stop there.

Knows configurations and what they cost; trains nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from autolora.engine.costs import CostModel
from autolora.records import AdapterConfig

DEFAULT_RATE = 2e-4
RATE_GRID = (2e-4, 6e-4, 2e-3, 6e-3)
"""Learning rates tried on the default adapter; the first is the default's own."""
HEAD_RATES = (2e-3, 6e-3, 2e-2)
"""Tried on the head alone: nothing that was learned before is at stake, so it bears larger ones."""
MOST_STEPS = 2
"""Rates that a grid may go on by, where the best of them is at one of its ends."""
_STEP = 3.0
"""From one rate to the next."""
DEFAULT_CHOICE = ("attention_qv", "all")
"""Modules and layers of the default adapter."""
HEAD_CHOICE: tuple[tuple[str, ...], str] = ((), "last_1")
"""Those of the head alone: none. The last layer is named as the one below which nothing is trained."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """One configuration at several rates."""

    name: str
    """Of the candidate that the best of them is."""
    words: str
    """What it is, for tables."""
    configs: dict[str, AdapterConfig]
    """What a training is called → its configuration, by rising rate."""
    prefix: str
    """Of what trainings are called."""

    @property
    def rates(self) -> str:
        """The rates in words."""
        return ", ".join(f"{config.learning_rate:g}" for config in self.configs.values())

    def stored(self, config: AdapterConfig) -> str:
        """Return what the trainings of one of its configurations are called."""
        return next(name for name, own in self.configs.items() if own == config)

    def beyond(self, losses: Mapping[str, float]) -> str | None:
        """Return what the training at the rate to try next is called, None where the best lies within.

        Args:
            losses: What each training came to.
        """
        rate = next_rate({self.configs[name].learning_rate: loss for name, loss in losses.items()})
        return None if rate is None else f"{self.prefix}_{rate:g}"

    def extended(self, name: str) -> Grid:
        """Return the grid with another rate, as the training's name has it."""
        rate = float(name.rpartition("_")[2])
        configs = self.configs | {name: replace(next(iter(self.configs.values())), learning_rate=rate)}
        rising = sorted(configs.items(), key=lambda item: item[1].learning_rate)
        return replace(self, configs=dict(rising))


def next_rate(losses: Mapping[float, float]) -> float | None:
    """Return the rate to try next: beyond the end of those tried, if the one there is better than all others.

    Args:
        losses: What each rate came to; infinite where its training failed or was stopped.
    """
    rates = sorted(losses)
    best = min(rates, key=losses.__getitem__)
    if sum(losses[rate] == losses[best] for rate in rates) > 1:
        return None
    if best == rates[-1]:
        return float(f"{best * _STEP:.1g}")
    return float(f"{best / _STEP:.1g}") if best == rates[0] else None


def default_config(costs: CostModel, epochs: float, batch_size: int, rate: float = DEFAULT_RATE) -> AdapterConfig:
    """Return what people take without a search: r 8, alpha 16 on attention's query and value in every layer."""
    return _config(costs, DEFAULT_CHOICE, epochs, batch_size, rate)


def default_grid(costs: CostModel, epochs: float, batch_size: int) -> Grid:
    """Return the default adapter at several rates, its own among them: what a careful engineer would try by hand."""
    names = {rate: "default_lora" if rate == DEFAULT_RATE else f"rate_{rate:g}" for rate in RATE_GRID}
    configs = {name: default_config(costs, epochs, batch_size, rate) for rate, name in names.items()}
    return Grid(name="rate_grid", words="Default LoRA", configs=configs, prefix="rate")


def head_grid(costs: CostModel, epochs: float, batch_size: int) -> Grid:
    """Return the head alone on the frozen base, at several rates."""
    configs = {f"head_{rate:g}": _config(costs, HEAD_CHOICE, epochs, batch_size, rate) for rate in HEAD_RATES}
    return Grid(name="head_only", words="The head alone on the frozen base", configs=configs, prefix="head")


def _config(costs: CostModel, choice: tuple[object, str], epochs: float, batch_size: int, rate: float) -> AdapterConfig:
    modules, layers = choice
    params = {
        "rank": 8, "alpha_over_rank": 2, "use_rslora": False, "target_modules": modules, "layers": layers,
        "learning_rate": rate, "dropout": 0.0, "warmup_share": 0.0, "weight_decay": 0.0,
        "epochs": epochs, "batch_size": batch_size,
    }  # fmt: skip
    return costs.config(params)
