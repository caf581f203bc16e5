from __future__ import annotations

import pytest

from autolora.values import folded, nearest

pytestmark = pytest.mark.unit


def test_case_spacing_and_width_are_no_difference_once_folded() -> None:
    assert folded(" Ｎｅｇ  ative ") == folded("neg ative")


def test_the_nearest_name_ignores_case_and_gives_up_on_strangers() -> None:
    assert nearest("labels", ["id", "Label", "body"]) == "Label"
    assert nearest("TEXT", ["text"]) == "text"
    assert nearest("sentiment", ["id", "body"]) is None
