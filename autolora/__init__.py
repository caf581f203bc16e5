"""autolora finds the smallest LoRA adapter that does a job, proves it, and says what it costs."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from autolora.api import search
    from autolora.predict.predictor import load
    from autolora.results import SearchRecord

__all__ = ["SearchRecord", "__version__", "load", "search"]


class _Package(ModuleType):
    """The package: its public names are imported when they are first used, so that ``import autolora`` stays light.

    ``autolora.search(...)`` is a function although there is a room of that name: the import system's own assignment of
    the room to the package is ignored, and ``from autolora.search.ledger import Ledger`` works as ever.
    """

    @property
    def search(self) -> Any:
        from autolora.api import search

        return search

    @search.setter
    def search(self, room: ModuleType) -> None:
        """Ignore the room."""

    @property
    def load(self) -> Any:
        from autolora.predict.predictor import load

        return load

    @property
    def SearchRecord(self) -> Any:
        from autolora.results import SearchRecord

        return SearchRecord


sys.modules[__name__].__class__ = _Package
