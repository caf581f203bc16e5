"""Search spaces: which settings a search may try. Read from YAML, checked, asked for members. Knows no search library.

A space is a closed set of types (see ``autolora.domains``): a file can name no code, only values.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from autolora.domains import DOMAINS, check_parameter, check_value
from autolora.errors import SpaceError
from autolora.parameters import KINDS, Choice, Float, Int, Parameter
from autolora.values import is_text, listed, nearest, number_hint, plain, shown
from autolora.yamlfile import check_keys, inside, key_path, read_mapping

__all__ = ["Choice", "Float", "Int", "Parameter", "Space", "from_dict", "load", "shipped"]

VERSION = 1
"""Of the file format."""


@dataclass(frozen=True, kw_only=True)
class Space:
    """The settings that a search may try."""

    name: str
    """A shipped space's name, or the file's name without its extension."""
    version: int = VERSION
    parameters: dict[str, Parameter]
    """What is searched."""
    fixed: dict[str, Any] = field(default_factory=dict)
    """What is the same in every trial; completed with the defaults of all that ``parameters`` does not name."""
    start: tuple[dict[str, Any], ...] = ()
    """First suggestions: settings known to work, in the order to try them."""

    def __post_init__(self) -> None:
        """Check everything, and complete ``fixed``.

        Raises:
            SpaceError: If a parameter is unknown, missing, given twice or outside its domain.
        """
        if self.version != VERSION or isinstance(self.version, bool):
            raise SpaceError(f"version: must be {VERSION}, but got {shown(self.version)}", f"write version: {VERSION}")
        if not self.parameters:
            raise SpaceError("parameters: must hold at least one parameter, but got none", "give one more than a value")
        for name, parameter in self.parameters.items():
            _check_name(name, "parameters")
            check_parameter(name, parameter, f"parameters.{name}")
        object.__setattr__(self, "fixed", self._completed())
        started: list[dict[str, Any]] = []
        for at, entry in enumerate(self.start):
            suggestion = self._started(entry, f"start[{at}]")
            if suggestion in started:
                raise SpaceError(
                    f"start[{at}]: must differ from the others, but repeats start[{started.index(suggestion)}]",
                    "remove it",
                )
            started.append(suggestion)
        object.__setattr__(self, "start", tuple(started))

    @property
    def rates(self) -> tuple[float, float] | None:
        """Lowest and highest learning rate that may be tried; None where there is only one."""
        rate = self.parameters.get("learning_rate")
        if isinstance(rate, Choice):
            return float(min(rate.values)), float(max(rate.values))
        return None if rate is None else (float(rate.low), float(rate.high))

    def _completed(self) -> dict[str, Any]:
        """Return the fixed values, checked, in the order of the domains, with defaults for what nobody named."""
        for name, value in self.fixed.items():
            _check_name(name, "fixed")
            if name in self.parameters:
                raise SpaceError(f"fixed.{name}: {name} is given under parameters too", "remove one of them")
            check_value(name, plain(value), f"fixed.{name}")
        complete: dict[str, Any] = {}
        for name, domain in DOMAINS.items():
            if name in self.parameters:
                continue
            if name not in self.fixed and domain.default is None:
                raise SpaceError(f"{name}: must be given under parameters or fixed", f"add {name}")
            complete[name] = plain(self.fixed.get(name, domain.default))
        return complete

    def _started(self, entry: Any, where: str) -> dict[str, Any]:
        """Return one first suggestion, checked, in the space's own types."""
        names = tuple(self.parameters)
        given = check_keys(entry, names, where=where, error=SpaceError, required=names)
        for name, parameter in self.parameters.items():
            if not parameter.contains(given[name]):
                raise SpaceError(
                    f"{where}.{name}: must be {parameter.rule}, but got {shown(given[name])}",
                    number_hint(given[name]) or f"change it, or what {name} may be",
                )
        return {name: parameter.nearest(given[name]) for name, parameter in self.parameters.items()}

    def contains(self, params: Mapping[str, Any]) -> bool:
        """Return whether ``params`` gives exactly this space's parameters, each a member."""
        return params.keys() == self.parameters.keys() and all(
            parameter.contains(params[name]) for name, parameter in self.parameters.items()
        )

    def snap(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the member of this space that is nearest to a setting from elsewhere, parameter by parameter.

        Named layers and module groups are near when they adapt about as much of a model. Where nothing is near (the
        setting lacks the parameter, or gives what has no place on its scale), the first suggestion's value is taken,
        or the middle of the range.
        """
        found: dict[str, Any] = {}
        for name, parameter in self.parameters.items():
            member = parameter.nearest(params.get(name), DOMAINS[name].size)
            if member is None:
                member = self.start[0][name] if self.start else parameter.middle
            found[name] = member
        return found

    def usual(self, name: str) -> Any:
        """Return a parameter's value, the middle one where it is searched."""
        return self.parameters[name].middle if name in self.parameters else self.fixed[name]

    def sample(self, random: np.random.Generator) -> dict[str, Any]:
        """Return a member, every parameter drawn by itself and uniformly on its scale."""
        return {name: parameter.sample(random) for name, parameter in self.parameters.items()}

    def as_dict(self) -> dict[str, Any]:
        """Return the space as its YAML file would hold it, every default filled in; ``from_dict`` reads it."""
        return {
            "version": self.version,
            "parameters": {name: parameter.as_dict() for name, parameter in self.parameters.items()},
            "fixed": {name: _listed(value) for name, value in self.fixed.items()},
            "start": [{name: _listed(value) for name, value in entry.items()} for entry in self.start],
        }


def shipped() -> tuple[str, ...]:
    """Return the names of the search spaces that come with the package."""
    return tuple(sorted(path.stem for path in _shipped_folder().glob("*.yaml")))


def load(name_or_path: str) -> Space:
    """Return a shipped space by its name, or one read from a YAML file.

    Raises:
        SpaceError: If there is none, or the file is not a search space; names file and key.
    """
    if name_or_path in shipped():
        return _read(_shipped_folder() / f"{name_or_path}.yaml")
    path = Path(os.path.expanduser(name_or_path))  # Path.expanduser raises where there is no such home
    if not is_text(name_or_path) or (len(path.parts) == 1 and not os.path.exists(path)):
        close = nearest(path.stem, shipped())
        raise SpaceError(
            f"there is no search space or file {name_or_path!r}; shipped: {listed(shipped())}",
            f"did you mean {close}?" if close else "name one of them, or give the path of a YAML file",
        )
    return _read(path)


def from_dict(value: object, *, name: str) -> Space:
    """Return the space that ``value`` describes in the way of a YAML file.

    Raises:
        SpaceError: If it is not a search space; names the key.
    """
    top = check_keys(
        value, ("version", "parameters", "fixed", "start"), where="", error=SpaceError, required=("parameters",)
    )
    parameters = check_keys(top["parameters"], tuple(DOMAINS), where="parameters", error=SpaceError)
    fixed = check_keys(top.get("fixed") or {}, tuple(DOMAINS), where="fixed", error=SpaceError)
    start = top.get("start") or []
    if not isinstance(start, list):
        raise SpaceError(f"start: must be a list of settings, but got {shown(start)}", "begin each one with a dash")
    return Space(
        name=name,
        version=top.get("version", VERSION),
        parameters={key: _parameter(given, key_path("parameters", key)) for key, given in parameters.items()},
        fixed=dict(fixed),
        start=tuple(start),
    )


def _read(path: Path) -> Space:
    value = read_mapping(path, error=SpaceError)
    try:
        return from_dict(value, name=path.stem)
    except SpaceError as fault:
        raise inside(fault, path.name) from None


def _parameter(given: object, where: str) -> Parameter:
    """Return the parameter that a mapping with a ``type`` describes."""
    if not isinstance(given, dict):
        raise SpaceError(
            f"{where}: must be a mapping with a type, but got {shown(given)}", "a single value belongs under fixed"
        )
    kind = KINDS.get(given.get("type", "")) if is_text(given.get("type")) else None
    if kind is None:
        close = nearest(given.get("type"), tuple(KINDS))
        raise SpaceError(
            f"{where}.type: must be one of {listed(KINDS)}, but got {shown(given.get('type'))}",
            f"did you mean {close}?" if close else "write, for example, type: choice",
        )
    required = [each.name for each in fields(kind) if each.default is MISSING]
    check_keys(given, ("type", *(each.name for each in fields(kind))), where=where, error=SpaceError, required=required)
    try:
        return kind(**{key: value for key, value in given.items() if key != "type"})
    except SpaceError as fault:
        raise inside(fault, where) from None


def _check_name(name: str, where: str) -> None:
    """Refuse a parameter that is not known, in a space that no file has brought."""
    check_keys({name: None}, tuple(DOMAINS), where=where, error=SpaceError)


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _shipped_folder() -> Path:
    """Return the folder of shipped spaces: inside an installed package, beside it in a checkout."""
    package = Path(__file__).parent
    inside_package = package / "search_spaces"
    return inside_package if inside_package.is_dir() else package.parent / "search_spaces"
