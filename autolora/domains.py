"""The closed set of parameters that a search space may name, and what each one's value may be.

Knows no file and no model: whether a model has the layers and modules named is found out when they are resolved.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from autolora.errors import SpaceError
from autolora.parameters import Choice, Float, Int, Parameter, Size, number_size
from autolora.values import is_number, is_text, is_whole, listed, nearest, number_hint, shown

LAYER_RANGES = ("last_1", "last_quarter", "last_half", "all")
"""Named ranges of layers; ``last_N`` stands for any number of them."""

_LAYER_SHARES = {"last_quarter": 0.25, "last_half": 0.5, "all": 1.0}
_USUAL_DEPTH = 12
_MODULE_SHARES = {
    # Of a layer's linear parameters, where attention has four square matrices and the MLP is four times as wide.
    "attention_qv": 2 / 12,
    "attention_qkv": 3 / 12,
    "attention": 4 / 12,
    "mlp": 8 / 12,
    "all_linear": 1.0,
}
_LAST = re.compile(r"last_([1-9][0-9]{0,3})")


@dataclass(frozen=True, kw_only=True)
class Domain:
    """What one known parameter may be."""

    rule: str
    """What holds for every value, after "must be"."""
    holds: Callable[[Any], bool]
    kinds: tuple[str, ...]
    """As what it may be searched; empty where it can only be fixed."""
    default: Any = None
    """Fixed value of a space that does not name the parameter; None where it must be named."""
    size: Size = number_size
    """Places values on a scale, for finding the nearest."""
    hint: Callable[[Any], str] = lambda value: number_hint(value) or "give another value, or leave it out"
    """The way out for a wrong value."""


def check_value(name: str, value: Any, where: str) -> None:
    """Check one value of a known parameter.

    Raises:
        SpaceError: If it lies outside the parameter's domain.
    """
    domain = DOMAINS[name]
    if not domain.holds(value):
        raise SpaceError(f"{where}: {name} must be {domain.rule}, but got {shown(value)}", domain.hint(value))


def check_parameter(name: str, parameter: Parameter, where: str) -> None:
    """Check that a known parameter may be searched as this kind, and over these values.

    Raises:
        SpaceError: If not.
    """
    kinds = DOMAINS[name].kinds
    if not kinds:
        raise SpaceError(f"{where}: {name} can only be fixed, but got {parameter.kind}", "move it under fixed")
    if parameter.kind not in kinds:
        raise SpaceError(
            f"{where}.type: {name} must be searched as {' or '.join(kinds)}, but got {parameter.kind}",
            f"write type: {kinds[0]}",
        )
    # Every domain of numbers is an interval, so that a range lies inside it when both ends do.
    named = {"values": parameter.values} if isinstance(parameter, Choice) else _ends(parameter)
    for key, values in named.items():
        for value in values:
            check_value(name, value, f"{where}.{key}")


def _ends(parameter: Float | Int) -> dict[str, tuple[float, ...]]:
    return {"low": (parameter.low,), "high": (parameter.high,)}


def _is_positive(value: Any) -> bool:
    return is_number(value) and value > 0


def _is_share(value: Any) -> bool:
    return is_number(value) and 0 <= value < 1


def _at_least(least: int) -> Callable[[Any], bool]:
    return lambda value: is_whole(value) and value >= least


def _is_modules(value: Any) -> bool:
    names = value if isinstance(value, tuple) else (value,)
    return bool(names) and all(is_text(name) for name in names) and len(set(names)) == len(names)


def _is_layers(value: Any) -> bool:
    if isinstance(value, str):
        return value in LAYER_RANGES or _LAST.fullmatch(value) is not None
    indices = value if isinstance(value, tuple) else ()
    return bool(indices) and all(is_whole(i) and i >= 0 for i in indices) and len(set(indices)) == len(indices)


def _layers_hint(value: Any) -> str:
    close = nearest(value, LAYER_RANGES) if isinstance(value, str) else None
    if close:
        return f"did you mean {close}?"
    if is_whole(value):
        return f"write [{value}] for the layer of that index (from 0), or last_{max(value, 1)}"
    return f"ranges: {listed(LAYER_RANGES)}, last_N"


def _layers_size(value: Any) -> float | None:
    """Return about what share of a model's layers is meant, as in one of the usual depth."""
    if isinstance(value, tuple) and _is_layers(value):
        return min(len(value) / _USUAL_DEPTH, 1.0)
    if not isinstance(value, str):
        return None
    last = _LAST.fullmatch(value)
    return min(int(last[1]) / _USUAL_DEPTH, 1.0) if last else _LAYER_SHARES.get(value)


def _modules_size(value: Any) -> float | None:
    """Return about what share of a layer's linear parameters a named group holds."""
    return _MODULE_SHARES.get(value) if isinstance(value, str) else None


_NUMBERS = ("choice", "float")
_WHOLE_NUMBERS = ("choice", "int")

DOMAINS: dict[str, Domain] = {
    "rank": Domain(rule="a whole number of at least 1", holds=_at_least(1), kinds=_WHOLE_NUMBERS),
    "alpha_over_rank": Domain(rule="a number above 0", holds=_is_positive, kinds=("choice", "float", "int"), default=2),
    "use_rslora": Domain(
        rule="true or false", holds=lambda value: isinstance(value, bool), kinds=("choice",), default=False
    ),
    "target_modules": Domain(
        rule="a group of modules or a list of different module names",
        holds=_is_modules,
        kinds=("choice",),
        size=_modules_size,
        hint=lambda value: f"groups: {listed(_MODULE_SHARES)}",
    ),
    "layers": Domain(
        rule="a range of layers or a list of different indices from 0",
        holds=_is_layers,
        kinds=("choice",),
        size=_layers_size,
        hint=_layers_hint,
    ),
    "learning_rate": Domain(rule="a number above 0", holds=_is_positive, kinds=_NUMBERS),
    "dropout": Domain(rule="a number in [0, 1)", holds=_is_share, kinds=_NUMBERS, default=0.0),
    "warmup_share": Domain(rule="a number in [0, 1)", holds=_is_share, kinds=_NUMBERS, default=0.0),
    "weight_decay": Domain(
        rule="a number of at least 0",
        holds=lambda value: is_number(value) and value >= 0,
        kinds=_NUMBERS,
        default=0.0,
    ),
    "epochs": Domain(rule="a number above 0", holds=_is_positive, kinds=("choice", "float", "int"), default=3),
    "batch_size": Domain(rule="a whole number of at least 1", holds=_at_least(1), kinds=_WHOLE_NUMBERS, default=16),
    "max_length": Domain(rule="a whole number of at least 4", holds=_at_least(4), kinds=(), default=128),
}
"""Known parameters by name, in the order in which tables show them."""
