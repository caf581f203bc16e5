"""autolora finds the smallest LoRA adapter that does a job, proves it, and says what it costs."""

__version__ = "0.1.0"

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autolora.api import search
    from autolora.results import SearchRecord

__all__ = ["SearchRecord", "__version__", "search"]


def __getattr__(name: str) -> Any:
    """Import the public names when they are first used, so that ``import autolora`` stays light."""
    if name == "search":
        from autolora.api import search

        return search
    if name == "SearchRecord":
        from autolora.results import SearchRecord

        return SearchRecord
    raise AttributeError(f"module 'autolora' has no attribute {name!r}")
