"""Reports of a search, made from its records alone: no engine, no model library and no search library is loaded."""

from autolora.report.page import render_engineer
from autolora.report.source import SearchReport

__all__ = ["SearchReport", "render_engineer"]
