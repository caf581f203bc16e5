"""Rules that values of a request keep, each with its one error: the rule, the value, the way out."""

from __future__ import annotations

from autolora.errors import RequestError
from autolora.values import is_text, is_whole, listed, nearest, number_hint, shown


def check_text(name: str, value: object) -> None:
    """Raise RequestError unless a value is text."""
    if not is_text(value):
        hint = "put it in quotes" if isinstance(value, bool | int | float) else f"write a text for {name}"
        raise RequestError(f"{name} must be text, but got {shown(value)}", hint)


def check_whole(name: str, value: object, *, least: int, most: int | None = None, hint: str = "") -> None:
    """Raise RequestError, with the hint, unless a value is a whole number between two, both included."""
    if is_whole(value) and value >= least and (most is None or value <= most):
        return
    rule = f"of at least {least:,}" if most is None else f"from {least:,} to {most:,}"
    raise RequestError(
        f"{name} must be a whole number {rule}, but got {shown(value)}",
        number_hint(value) or hint or f"change {name}, or leave it out",
    )


def check_one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    """Raise RequestError unless a value is one of those known."""
    if value not in known:
        close = nearest(value, known)
        raise RequestError(
            f"{name} must be one of {listed(known)}, but got {shown(value)}",
            f"did you mean {close}?" if close else "choose one of them",
        )
