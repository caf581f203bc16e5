"""Optuna's side of a proposer: a sampler that reads the study's trials as records and answers in Optuna's terms."""

from __future__ import annotations

import json
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from autolora.parameters import Choice, Int, Parameter
from autolora.search.proposer import Proposer
from autolora.search.study_records import is_trial, record_of
from autolora.space import Space


class FrontSampler(optuna.samplers.BaseSampler):
    """Samples every parameter of a space at once, as a proposer says."""

    def __init__(self, proposer: Proposer) -> None:
        """Sample by a proposer."""
        self._proposer = proposer

    def infer_relative_search_space(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the whole space; none for a trial whose settings were given."""
        return {} if "fixed_params" in trial.system_attrs else distributions(self._proposer.space)

    def sample_relative(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return a value for every parameter."""
        if not search_space:
            return {}
        seen = [record_of(each) for each in study.get_trials(deepcopy=False) if is_trial(each)]
        return {name: stored(value) for name, value in self._proposer.propose(seen).items()}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return a value for one parameter that was left open where the others were given.

        Raises:
            NotImplementedError: Always: settings are given whole or not at all.
        """
        raise NotImplementedError(f"{param_name} was left open")


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """Return a space's parameters as Optuna has them."""
    return {name: _distribution(parameter) for name, parameter in space.parameters.items()}


def _distribution(parameter: Parameter) -> BaseDistribution:
    if isinstance(parameter, Choice):
        return CategoricalDistribution([stored(value) for value in parameter.values])
    if isinstance(parameter, Int):
        return IntDistribution(parameter.low, parameter.high, step=parameter.step, log=parameter.log)
    return FloatDistribution(parameter.low, parameter.high, log=parameter.log)


def stored(value: Any) -> Any:
    """Return a choice as Optuna keeps it: lists become JSON text."""
    return json.dumps(value) if isinstance(value, list | tuple) else value


def members(space: Space, params: dict[str, Any]) -> dict[str, Any]:
    """Return what Optuna has for a space's parameters as the space's own members."""
    return {name: _member(parameter, params[name]) for name, parameter in space.parameters.items()}


def _member(parameter: Parameter, value: Any) -> Any:
    if isinstance(parameter, Choice):
        return next(member for member in parameter.values if stored(member) == value)
    return value
