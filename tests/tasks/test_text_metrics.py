from __future__ import annotations

import numpy as np
import pytest

from autolora.tasks.metrics import Scorer
from autolora.tasks.text_metrics import METRICS, chrf, exact_match, rouge_l, token_f1, words


def test_words_of_spaceless_languages_are_their_letters() -> None:
    assert words("The  Parcel's LATE!") == ["the", "parcel", "s", "late"]
    assert words("荷物はA4です") == ["荷", "物", "は", "a4", "で", "す"]
    assert words("ＡＢＣ") == ["abc"]


def test_exact_match_overlooks_case_spacing_and_width() -> None:
    assert exact_match(["Bakers", "ABC d"], ["bakers ", "ＡＢＣ  d"]).tolist() == [1, 1]
    assert exact_match(["Bakers"], ["Baker"]).tolist() == [0]


def test_token_f1_counts_words_as_squad_does() -> None:
    # Three of four words wanted, three of three written: 2 · 3 / (4 + 3).
    assert token_f1(["a b c d"], ["d b a"])[0] == pytest.approx(6 / 7)
    assert token_f1(["a a"], ["a"])[0] == pytest.approx(2 / 3)
    assert token_f1(["a"], [""])[0] == 0


def test_rouge_l_is_the_f1_of_the_longest_common_subsequence() -> None:
    # a, c, d in that order: 3 of 4 wanted, 3 of 5 written.
    assert rouge_l(["a b c d"], ["a c x y d"])[0] == pytest.approx(2 * 0.75 * 0.6 / (0.75 + 0.6))
    assert rouge_l(["荷物は遅い"], ["荷物は早い"])[0] == pytest.approx(0.8)


def test_chrf_is_sacrebleus() -> None:
    from sacrebleu import sentence_chrf

    wanted, written = ["Have the check reissued."], ["Have the cheque reissued to you."]

    assert chrf(wanted, written)[0] == pytest.approx(sentence_chrf(written[0], wanted).score / 100)
    assert chrf(wanted, wanted)[0] == pytest.approx(1.0)


@pytest.mark.parametrize("metric", [*METRICS, "accuracy", "macro_f1"])
def test_every_metric_of_texts_has_an_interval_and_paired_differences(metric) -> None:
    wanted = np.array(["the van is late", "money back", "send the lamp"] * 20)
    written = np.array(["the van is late", "money", "send it"] * 20)
    scorer = Scorer.build(metric, wanted, 0)

    low, high = scorer.interval95(written)

    assert 0 <= low <= scorer.value(written) <= high <= 1
    assert scorer.value(wanted) == pytest.approx(1.0)
    difference, least, _ = scorer.difference95(wanted, written)
    assert difference > 0
    assert least > 0


def test_the_loss_of_answers_is_the_mean_over_their_tokens() -> None:
    losses = np.array([[6.0, 3.0], [4.0, 1.0]], dtype=np.float32)

    assert Scorer.build("completion_loss", np.array(["a", "b"]), 0).value(losses) == pytest.approx(2.5)
