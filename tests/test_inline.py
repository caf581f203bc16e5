"""What stands inside a page."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest

from autolora.inline import json_block, script_hash
from tests.report.made_up import HOSTILE

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("text", [HOSTILE, "</script><!--", "\u2028 & é 届いた"])
def test_no_text_breaks_out_of_a_block_and_every_text_comes_back(text: str) -> None:
    block = json_block({text: [text]})

    assert not set(block) & set("<>&\u2028")
    assert json.loads(block) == {text: [text]}


def test_a_script_is_named_by_the_hash_that_browsers_compute() -> None:
    digest = base64.b64encode(hashlib.sha256("let a = '届いた';".encode()).digest()).decode()

    assert script_hash("let a = '届いた';") == f"'sha256-{digest}'"
