"""When a bundle's answers count as those of the engine."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from autolora import self_test
from autolora.engine.jobs import TokenRows
from autolora.errors import BundleError
from autolora.records import Prompts, Split
from autolora.self_test import Bundled, of_answers

pytestmark = pytest.mark.unit

LONG = "Your parcel is on its way and should be with you by tomorrow noon. " * 10


@pytest.fixture
def compared(tmp_path, monkeypatch):
    """Return a function that compares answers of a made-up plain PEFT with an engine's."""

    def compare(plain: list[str], engine: list[str], *, precision: str, losses: tuple[float, float] = (10.0, 10.0)):
        def run(script: str, it: Bundled, found: Path, request) -> float:
            rows = [[losses[0], 5]] * len(plain)
            found.write_text(json.dumps({"answers": plain, "losses": rows}))
            return 1.0

        monkeypatch.setattr(self_test, "_run", run)
        count = len(plain)
        return of_answers(
            Bundled(folder=tmp_path, base_folder=tmp_path, precision=precision, metric="chrf"),
            Split(texts=("q",) * count, labels=("a",) * count, row_ids=tuple(map(str, range(count)))),
            TokenRows(
                tokens=((1, 2),) * count,
                starts=(1,) * count,
                prompts=("q",) * count,
                as_they_are=(True,) * count,
                closed=(),
            ),
            chat=False,
            prompts=Prompts(
                chat_template=False, plain="{prompt}", in_pairs=False, stops=(2,), longest_answer=8, example="q"
            ),
            closed=(),
            engine_answers=np.array(engine),
            engine_losses=np.array([[losses[1], 5.0]] * count),
        )

    return compare


def test_short_answers_must_mostly_be_the_same(compared) -> None:
    assert compared(["yes"] * 6 + ["no"] * 4, ["yes"] * 10, precision="fast").same_labels == 0.6
    with pytest.raises(BundleError, match=r"30\.0% of the answers are the engine's, but at least 50\.0% must"):
        compared(["yes"] * 3 + ["no"] * 7, ["yes"] * 10, precision="fast")


def test_long_answers_may_part_where_the_base_wavers_between_two_words(compared) -> None:
    others = [f"{LONG[:at]}not {LONG[at:]}" for at in (80, 150, 90, 300, 210, 55, 130, 170, 260, 95)]

    assert compared(others, [LONG] * 10, precision="fast").same_labels == 0.0


def test_long_answers_that_part_at_once_are_another_adapters(compared) -> None:
    others = [f"{LONG[:at]}not {LONG[at:]}" for at in (0, 5, 12, 20, 3, 8, 5, 0, 30, 11)]

    with pytest.raises(BundleError, match=r"at least 50\.0% must"):
        compared(others, [LONG] * 10, precision="fast")


def test_in_float32_answers_of_any_length_must_be_the_same(compared) -> None:
    with pytest.raises(BundleError, match=r"at least 99\.5% must"):
        compared([f"{LONG} no"] * 10, [LONG] * 10, precision="exact")


def test_another_perplexity_is_another_adapter_even_where_answers_are_the_same(compared) -> None:
    with pytest.raises(BundleError, match="the wanted answers' perplexity is"):
        compared([LONG] * 3, [LONG] * 3, precision="fast", losses=(10.0, 11.0))
