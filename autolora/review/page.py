"""The review as one HTML file that asks nothing of any network, and knows neither whose an answer is nor the right one.

Texts are escaped by the template. The page forbids itself every request and every script but its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache

import jinja2
from markupsafe import Markup

from autolora import __version__
from autolora.inline import asset, environment, json_block, script_hash
from autolora.review.files import SCHEMA
from autolora.review.records import AnswerKind, Language, ReviewKey
from autolora.review.wording import WORDINGS

_PACKAGE = "autolora.review"


@dataclass(frozen=True, kw_only=True)
class ShownAnswer:
    """One answer as it is shown."""

    id: str
    text: str


@dataclass(frozen=True, kw_only=True)
class ShownRow:
    """One text with its answers."""

    id: str
    text: str
    answers: tuple[ShownAnswer, ...]


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """All that the page may know."""

    run: str
    id: str
    kind: AnswerKind
    classes: tuple[str, ...]
    """To choose a change from."""
    rows: tuple[ShownRow, ...]

    @property
    def answers(self) -> int:
        """How many are to be judged."""
        return sum(len(row.answers) for row in self.rows)


def sheet(key: ReviewKey, texts: Mapping[str, str]) -> Sheet:
    """Return what is shown of a review.

    Args:
        key: What is shown and whose it is.
        texts: Row → its text.
    """
    return Sheet(
        run=key.run,
        id=key.id,
        kind=key.kind,
        classes=key.classes,
        rows=tuple(
            ShownRow(
                id=item.id,
                text=texts[item.row_id],
                answers=tuple(ShownAnswer(id=answer.id, text=answer.text) for answer in item.answers),
            )
            for item in key.items
        ),
    )


def render(it: Sheet, language: Language) -> str:
    """Return the page as the text of one HTML file."""
    say = WORDINGS[language]
    script = asset(_PACKAGE, "templates", "review.js")
    return (
        _environment()
        .get_template("review.html")
        .render(
            sheet=it,
            language=language,
            say=say,
            version=__version__,
            data=json_block({"schema": SCHEMA, "run": it.run, "review": it.id, "kind": it.kind, "say": asdict(say)}),
            style=Markup(asset(_PACKAGE, "templates", "review.css")),
            script=Markup(script),
            script_hash=script_hash(script),
        )
    )


@cache
def _environment() -> jinja2.Environment:
    return environment(_PACKAGE)
