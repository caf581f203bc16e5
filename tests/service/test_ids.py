"""Names that tell nothing, and that nobody else's text is taken for."""

from __future__ import annotations

import pytest

from autolora.service.ids import Prefix, is_id, new_id

pytestmark = pytest.mark.unit


def test_an_id_says_what_it_names_and_no_two_are_alike() -> None:
    made = {new_id(Prefix.SEARCH) for _ in range(1000)}

    assert len(made) == 1000
    assert all(is_id(each, Prefix.SEARCH) and not is_id(each, Prefix.DATA) for each in made)


@pytest.mark.parametrize(
    "text",
    ["", "search_", "../search_00000000000000000000", "search_0000000000000000000", "search_0000000000000000000U",
     "search_00000000000000000000\n", "SEARCH_00000000000000000000", "job_00000000000000000000", "data/../../etc"],
)  # fmt: skip
def test_what_is_no_id_is_none(text) -> None:
    assert not is_id(text)
