"""The three kinds of searched parameters: a choice, a range of numbers, a range of whole numbers.

Each knows its members: which they are, which is nearest to a value from elsewhere, and how to draw one. No kind knows
what a parameter is called or means.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from autolora.errors import SpaceError
from autolora.values import is_number, is_text, is_whole, number_hint, plain, shown

Size = Callable[[Any], float | None]
"""Places a value on a scale, so that the nearest member can be told; None for a value that has no place there."""


def number_size(value: Any) -> float | None:
    """Return a number as a float (too large a number as the largest), None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return None
    return float(min(max(value, -sys.float_info.max), sys.float_info.max))


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of some values, which have no distances between them unless they are numbers."""

    kind: ClassVar[str] = "choice"

    values: tuple[Any, ...]
    """Numbers, texts, True and False, or tuples of texts or of whole numbers."""

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            SpaceError: If there are none, one is given twice, or one is of another type.
        """
        if not isinstance(self.values, list | tuple) or not self.values:
            raise SpaceError(
                f"values must be a list of at least one value, but got {shown(self.values)}", "write [a, b]"
            )
        object.__setattr__(self, "values", plain(self.values))
        seen: set[tuple[bool, Any]] = set()
        for value in self.values:
            _check_choice(value)
            key = isinstance(value, bool), value  # to Python, True and 1 are one
            if key in seen:
                raise SpaceError(
                    f"values must differ, but got {shown(value)} twice in {shown(self.values)}", "remove one"
                )
            seen.add(key)

    @property
    def rule(self) -> str:
        """What a member must be, in words."""
        return f"one of {shown(self.values)}"

    @property
    def middle(self) -> Any:
        """A member to fall back on."""
        return self.values[(len(self.values) - 1) // 2]

    def nearest(self, value: Any, size: Size = number_size) -> Any | None:
        """Return ``value`` itself if it is a member, else the nearest by ``size``; None if it has no place there.

        Distances between positive sizes are ratios: 6 is nearer to 8 than to 4.
        """
        wanted = plain(value)
        for member in self.values:
            if _same(member, wanted):
                return member
        place = size(wanted)
        sized = [(there, member) for member in self.values if (there := size(member)) is not None]
        if place is None or not sized:
            return None
        least, most = min(there for there, _ in sized), max(there for there, _ in sized)
        place = min(max(place, least), most)
        scale: Callable[[float], float] = math.log if least > 0 else float
        return min(sized, key=lambda pair: (abs(scale(pair[0]) - scale(place)), pair[0]))[1]

    def contains(self, value: Any) -> bool:
        """Return whether ``value`` is a member; numbers are compared by value."""
        wanted = plain(value)
        return any(_same(member, wanted) for member in self.values)

    def sample(self, random: np.random.Generator) -> Any:
        """Return a member, each as likely as the others."""
        return self.values[int(random.integers(len(self.values)))]

    def moved(self, value: Any, by: float) -> Any:
        """Return ``value``: between the values of a choice there is nothing."""
        return value

    def as_dict(self) -> dict[str, Any]:
        """Return the parameter as YAML writes it."""
        return {"type": self.kind, "values": [list(v) if isinstance(v, tuple) else v for v in self.values]}


@dataclass(frozen=True, kw_only=True)
class Float:
    """A number between two bounds, both included."""

    kind: ClassVar[str] = "float"

    low: float
    high: float
    log: bool = False
    """Whether equal ratios, rather than equal differences, are equally likely."""

    def __post_init__(self) -> None:
        """Check the bounds.

        Raises:
            SpaceError: If they are not finite, not in order, or not positive on a log scale.
        """
        _check_bounds(self.low, self.high, self.log, is_number, "finite numbers")
        object.__setattr__(self, "low", float(self.low))
        object.__setattr__(self, "high", float(self.high))

    @property
    def rule(self) -> str:
        """What a member must be, in words."""
        return f"a number from {self.low:g} to {self.high:g}"

    @property
    def middle(self) -> float:
        """A member to fall back on: the middle of the range, on its scale."""
        return self._at(0.5)

    def nearest(self, value: Any, size: Size = number_size) -> float | None:
        """Return ``value``, moved into the range; None if it has no ``size``."""
        place = size(plain(value))
        return None if place is None else min(max(place, self.low), self.high)

    def contains(self, value: Any) -> bool:
        """Return whether ``value`` is a number in the range."""
        number = plain(value)
        return is_number(number) and self.low <= number <= self.high

    def sample(self, random: np.random.Generator) -> float:
        """Return a member, drawn uniformly on the parameter's scale."""
        return self._at(float(random.random()))

    def moved(self, value: float, by: float) -> float:
        """Return the member that lies a share of the range, on its scale, above ``value``; below it if negative."""
        if self.log:
            length = math.log(self.high) - math.log(self.low)
            return min(max(math.exp(math.log(value) + by * length), self.low), self.high)
        return min(max(value + by * (self.high - self.low), self.low), self.high)

    def _at(self, share: float) -> float:
        if self.log:
            value = math.exp(math.log(self.low) * (1 - share) + math.log(self.high) * share)
        else:
            value = self.low * (1 - share) + self.high * share  # high - low could overflow
        return min(max(value, self.low), self.high)

    def as_dict(self) -> dict[str, Any]:
        """Return the parameter as YAML writes it."""
        return {"type": self.kind, "low": self.low, "high": self.high, "log": self.log}


@dataclass(frozen=True, kw_only=True)
class Int:
    """A whole number between two bounds, both included."""

    kind: ClassVar[str] = "int"

    low: int
    high: int
    log: bool = False
    """Whether equal ratios, rather than equal differences, are equally likely."""
    step: int = 1
    """Distance between members, from ``low`` up."""

    def __post_init__(self) -> None:
        """Check bounds and step.

        Raises:
            SpaceError: If they are not whole, not in order, not positive on a log scale, or no multiple of the step.
        """
        for name in ("low", "high", "step"):
            object.__setattr__(self, name, plain(getattr(self, name)))
        _check_bounds(self.low, self.high, self.log, is_whole, "whole numbers")
        if not is_whole(self.step) or self.step < 1:
            raise SpaceError(f"step must be a whole number of at least 1, but got {shown(self.step)}")
        if self.log and self.step != 1:
            raise SpaceError(f"step must be 1 on a log scale, but got {self.step}", "leave step out, or use a choice")
        if (self.high - self.low) % self.step:
            raise SpaceError(
                f"high - low must be a multiple of step, but got low={self.low}, high={self.high}, step={self.step}",
                f"use high: {self.high - (self.high - self.low) % self.step}",
            )

    @property
    def rule(self) -> str:
        """What a member must be, in words."""
        steps = f" in steps of {self.step}" if self.step > 1 else ""
        return f"a whole number from {self.low} to {self.high}{steps}"

    @property
    def middle(self) -> int:
        """A member to fall back on: the middle of the range, on its scale."""
        return self._on_grid((self.low * self.high) ** 0.5 if self.log else self.low + (self.high - self.low) / 2)

    def nearest(self, value: Any, size: Size = number_size) -> int | None:
        """Return the member nearest to ``value``; None if it has no ``size``."""
        place = size(plain(value))
        return None if place is None else self._on_grid(place)

    def contains(self, value: Any) -> bool:
        """Return whether ``value`` is a member; ``8.0`` counts as ``8``."""
        number = plain(value)
        return is_number(number) and self.low <= number <= self.high and (number - self.low) % self.step == 0

    def sample(self, random: np.random.Generator) -> int:
        """Return a member, drawn uniformly on the parameter's scale."""
        if not self.log:
            return self.low + self.step * int(random.integers((self.high - self.low) // self.step + 1))
        # Half a step beyond both bounds, so that they are as likely as their neighbours.
        return self._on_grid(math.exp(random.uniform(math.log(self.low - 0.5), math.log(self.high + 0.5))))

    def moved(self, value: int, by: float) -> int:
        """Return the member nearest to a share of the range, on its scale, above ``value``; below it if negative."""
        if self.log:
            return self._on_grid(value * (self.high / self.low) ** by)
        return self._on_grid(value + by * (self.high - self.low))

    def _on_grid(self, place: float) -> int:
        inside = min(max(place, self.low), self.high)
        return min(self.low + round((inside - self.low) / self.step) * self.step, self.high)

    def as_dict(self) -> dict[str, Any]:
        """Return the parameter as YAML writes it."""
        return {"type": self.kind, "low": self.low, "high": self.high, "log": self.log, "step": self.step}


Parameter = Choice | Float | Int
KINDS: dict[str, type[Choice] | type[Float] | type[Int]] = {kind.kind: kind for kind in (Choice, Float, Int)}
"""Kinds by the name that a file gives as ``type``."""


def _same(member: Any, value: Any) -> bool:
    """Return whether two plain values are equal, True and 1 kept apart."""
    if is_number(member) and is_number(value):
        return member == value
    return type(member) is type(value) and bool(member == value)


def _check_choice(value: Any) -> None:
    if isinstance(value, tuple):
        fits = bool(value) and (all(is_text(item) for item in value) or all(is_whole(item) for item in value))
    else:
        fits = isinstance(value, bool) or is_number(value) or is_text(value)
    if not fits:
        raise SpaceError(
            "values must be finite numbers, texts, true or false, or lists of texts or of whole numbers,"
            f" but got {shown(value)}",
            "remove it",
        )


def _check_bounds(low: Any, high: Any, log: Any, fits: Callable[[object], bool], what: str) -> None:
    got = f"but got low={shown(low)}, high={shown(high)}"
    if not (fits(low) and fits(high)):
        raise SpaceError(f"low and high must be {what}, {got}", number_hint(low, high) or "give two such numbers")
    if low >= high:
        raise SpaceError(f"low must be below high, {got}", "swap them; a single value belongs under fixed")
    if not isinstance(log, bool):
        raise SpaceError(f"log must be true or false, but got {shown(log)}", "leave it out for an even scale")
    if log and low <= 0:
        raise SpaceError(f"low must be positive on a log scale, {got}", "raise low, or leave log out")
