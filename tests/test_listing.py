from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from autolora.listing import data_as, recommendation_as, rows_as
from autolora.records import Recommendation, TrialState, from_json
from autolora.results import COLUMNS, SearchRecord, row
from tests.report import made_up

pytestmark = pytest.mark.unit

ROWS = [row(trial) for trial in made_up.trials()]


def record(recommendation: Recommendation | None) -> SearchRecord:
    return SearchRecord(
        path=Path("runs/reviews"),
        request={},
        data=made_up.data(),
        trials=made_up.trials(),
        confirm=made_up.confirm(),
        recommendation=recommendation,
        events=(),
    )


def cells(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


# ------------------------------------------------------------------------------------------------------------ trials


def test_json_holds_every_row_as_it_is() -> None:
    assert json.loads(rows_as("json", ROWS)) == json.loads(json.dumps(ROWS))


def test_csv_holds_every_row_and_column() -> None:
    read = cells(rows_as("csv", ROWS))

    assert [int(line["trial"]) for line in read] == list(range(24))
    assert tuple(read[0]) == COLUMNS
    assert float(read[made_up.CHOSEN]["metric"]) == ROWS[made_up.CHOSEN]["metric"]
    assert read[4]["metric"] == "", "a trial without a score has an empty cell, never a number"


def test_the_table_has_a_line_for_every_row_under_aligned_headings() -> None:
    heading, *lines = rows_as("table", ROWS).splitlines()

    assert len(lines) == 24
    for name in ("state", "trainable_params", "learning_rate"):
        at = heading.index(name)
        assert all(line[at - 1] == " " and line[at] != " " for line in lines), name
    assert lines[made_up.CHOSEN].split()[:4] == [
        "17",
        "complete",
        f"{ROWS[made_up.CHOSEN]['metric']:.4f}",
        f"{ROWS[made_up.CHOSEN]['trainable_params']:,}",
    ]


@pytest.mark.parametrize(
    ("kind", "text"),
    [("json", "[]\n"), ("csv", ",".join(COLUMNS) + "\n")],
)
def test_a_search_without_trials_is_an_empty_list_under_the_same_headings(kind: str, text: str) -> None:
    assert rows_as(kind, []) == text


def test_the_table_of_a_search_without_trials_is_its_heading() -> None:
    assert rows_as("table", []).split() == rows_as("table", ROWS).splitlines()[0].split()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"])
def test_no_cell_is_taken_for_a_formula(start: str) -> None:
    evil = f'{start}HYPERLINK("http://example.com","click")'
    bad = row(replace(made_up.trials()[4], cause=evil, params={"target_modules": evil}))

    (read,) = cells(rows_as("csv", [bad]))

    assert read["cause"] == f"'{evil}"
    assert read["target_modules"] == f"'{evil}"
    assert json.loads(rows_as("json", [bad]))[0]["cause"] == evil, "JSON is no spreadsheet"


def test_negative_numbers_stay_numbers() -> None:
    (read,) = cells(rows_as("csv", [ROWS[0] | {"metric": -0.5}]))

    assert read["metric"] == "-0.5"


def test_texts_in_japanese_are_written_as_they_are() -> None:
    cause = "学習率が高すぎて、損失が数でなくなりました"
    bad = row(replace(made_up.trials()[4], cause=cause, params={"target_modules": ["注意.問"]}))

    for kind in ("table", "csv", "json"):
        assert cause in rows_as(kind, [bad])
    assert cells(rows_as("csv", [bad]))[0]["target_modules"] == '["注意.問"]'


def test_separators_quotes_and_line_breaks_in_a_cause_do_not_break_a_row() -> None:
    cause = 'line one, "quoted"\nline two'
    bad = row(replace(made_up.trials()[4], cause=cause))

    assert cells(rows_as("csv", [bad]))[0]["cause"] == cause
    assert len(rows_as("table", [bad]).splitlines()) == 2
    assert rows_as("table", [bad]).endswith('line one, "quoted" line two\n')


def test_explicit_modules_and_layers_are_lists_in_every_format() -> None:
    explicit = row(replace(made_up.trials()[0], params={}))

    assert json.loads(rows_as("json", [explicit]))[0]["layers"] == explicit["layers"]
    assert json.loads(cells(rows_as("csv", [explicit]))[0]["target_modules"]) == explicit["target_modules"]


# ---------------------------------------------------------------------------------------------------- recommendation


def test_where_the_default_is_kept_its_configuration_is_shown_and_the_best_found_is_called_so() -> None:
    found = made_up.recommendation()
    default = replace(found.baselines["default_lora"], config=made_up.config_of(8, 2, "attention_qv", "all", 2e-4))
    changed = replace(
        found, verdict="keep_default", kept="default_lora", baselines=found.baselines | {"default_lora": default}
    )

    text = recommendation_as("text", record(changed))

    assert f"rank {default.config.rank}, " in text
    assert f"{default.trainable_params:,} trained parameters" in text
    assert re.search(rf"^best found +macro_f1 test {found.metric.test:.3f} ", text, re.MULTILINE)
    assert "recommended  " not in text


def test_the_text_says_verdict_reasons_configuration_and_every_score() -> None:
    found = made_up.recommendation()

    text = recommendation_as("text", record(found))

    assert text.startswith("verdict  adopt the recommended adapter\n")
    for reason in found.reasons:
        assert f"- {reason.text}\n" in text
    assert "rank 2, alpha 4, layers 4, 5, learning rate 0.0031" in text
    assert f"{found.trainable_params:,} trained parameters" in text
    assert found.metric is not None
    assert f"recommended  macro_f1 test {found.metric.test:.3f} (95 % " in text
    for name, baseline in found.baselines.items():
        line = next(line for line in text.splitlines() if line.startswith(name))
        assert f"test {baseline.metric.test:.3f}" in line
        assert f"validation {baseline.metric.validation:.3f}" in line


def test_the_json_is_the_record_itself() -> None:
    found = made_up.recommendation()

    assert from_json(recommendation_as("json", record(found)), Recommendation) == found


def test_a_search_that_has_not_ended_says_so() -> None:
    assert recommendation_as("text", record(None)) == "No recommendation yet: the search has not ended.\n"
    assert recommendation_as("json", record(None)) == "null\n"


def test_without_an_adapter_the_verdict_and_its_reasons_remain() -> None:
    nothing = replace(made_up.recommendation(), verdict="not_ready", config=None, metric=None, trial=None)

    text = recommendation_as("text", record(nothing))

    assert text.startswith("verdict  not ready\n")
    assert "config" not in text


def test_a_baseline_that_broke_has_no_test_score_and_stands_last() -> None:
    found = made_up.recommendation()
    broken = replace(
        found.baselines["tfidf"], metric=replace(found.baselines["tfidf"].metric, test=None, test_ci95=None)
    )

    text = recommendation_as("text", record(replace(found, baselines=found.baselines | {"tfidf": broken})))

    assert text.splitlines()[-1].startswith("tfidf        macro_f1 test none, validation")


def test_every_state_of_a_trial_can_be_listed() -> None:
    rows = [row(replace(made_up.trials()[0], state=state)) for state in TrialState]

    for kind in ("table", "csv", "json"):
        assert all(state.value in rows_as(kind, rows) for state in TrialState)


def test_data_whose_answers_are_written_are_listed_by_their_rows() -> None:
    asked = made_up.writing().data

    lines = data_as("text", asked).splitlines()

    assert "prompt in 'prompt', completion in 'completion'" in lines[0]
    assert lines[4].split()[0] == "rows"
    assert len(lines[4].split()) == 4
    assert "in a training row" in data_as("text", asked)
    both = replace(asked, text_column="talk", label_column="talk")
    assert "conversations in 'talk'" in data_as("text", both)
