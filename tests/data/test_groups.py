from __future__ import annotations

import pytest

from autolora.data.groups import clear_groups_by_class, groups_by_class, same_text_groups
from autolora.values import folded

pytestmark = pytest.mark.unit


def test_equal_texts_form_a_group_and_case_spacing_and_width_do_not_matter() -> None:
    assert same_text_groups([folded(text) for text in ("a b", "b", " a\n B", "Ａ　ｂ", "ab")]) == [[0, 2, 3], [1], [4]]


def test_a_group_belongs_to_its_most_frequent_label() -> None:
    assert groups_by_class([[0, 1, 2], [3]], ["x", "y", "y", "x"]) == {"x": [[3]], "y": [[0, 1, 2]]}


def test_a_tie_goes_to_the_rarer_class() -> None:
    assert groups_by_class([[0, 1], [2]], ["a", "b", "a"]) == {"a": [[2]], "b": [[0, 1]]}


def test_a_group_with_two_labels_is_clear_for_neither() -> None:
    assert clear_groups_by_class([[0, 1], [2, 3]], ["a", "b", "a", "a"]) == {"a": [[2, 3]], "b": []}
