"""The whole way where an answer is written: data in; adapter, answers and report out."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import yaml

import autolora
from autolora import flow, progress
from autolora.command import request_from
from autolora.pages import engineer_page
from tests.test_flow import LEARNS

pytestmark = pytest.mark.ray

ANSWERS = {"parcel": "van is late today", "charged": "money back to card", "broken": "send the lamp back"}
KINDS = {
    "conversations": {"family": "gemma3", "chat": True, "metric": "chrf"},
    "pairs": {"family": "t5", "chat": False, "metric": "exact_match"},
    "closed": {"family": "llama", "chat": False, "metric": "accuracy"},
}


def rows() -> list[tuple[str, str]]:
    random = np.random.default_rng(0)
    found = []
    for at in range(180):
        topic = list(ANSWERS)[at % 3]
        words = [topic, *random.choice("please my the a is help box sofa blue".split(), 5)]
        random.shuffle(words)
        found.append((" ".join(words), ANSWERS[topic]))
    return found


def line(prompt: str, answer: str, *, chat: bool) -> str:
    if not chat:
        return json.dumps({"prompt": prompt, "completion": answer})
    return json.dumps({"messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]})


@pytest.fixture(scope="module", params=KINDS)
def searched(request, tiny_folder, tmp_path_factory):
    """Return a finished search, the folder of its base, and what kind it is."""
    kind = KINDS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    base = tiny_folder(kind["family"], writes=True, chat=kind["chat"])
    (folder / "rows.jsonl").write_text("\n".join(line(*row, chat=kind["chat"]) for row in rows()))
    (folder / "space.yaml").write_text(yaml.safe_dump(LEARNS | {"fixed": LEARNS["fixed"] | {"max_length": 40}}))
    columns = {"messages": "messages"} if kind["chat"] else {"prompt": "prompt", "template": "{prompt} help"}
    wanted = request_from(
        folder / "rows.jsonl",
        base_model=base,
        space=folder / "space.yaml",
        trials=4,
        precision="exact",
        metric=kind["metric"],
        **columns,
    )
    with progress.make(plain=True) as shown:
        return flow.search(wanted, folder / "run", progress=shown), base, kind


def test_the_adapter_answers_better_than_every_simple_rival(searched) -> None:
    record, _, kind = searched
    found = record.recommendation

    assert found.problem == "generation"
    assert found.metric.name == kind["metric"]
    assert found.metric.test > 0.9
    rivals = {"constant", "nearest", "nearest_base", "zero_shot", "few_shot"}
    rivals |= {"tfidf"} if kind["metric"] == "accuracy" else set()
    assert {*rivals, "default_lora", "rate_grid"} == set(found.baselines)
    assert found.metric.test > max(found.baselines[name].metric.test for name in ("constant", "zero_shot", "few_shot"))
    differences = record.confirm.paired_test_differences
    assert differences["zero_shot"][1] > 0, "beyond chance, on the same rows"


def test_trials_are_compared_by_the_loss_of_the_wanted_answers(searched) -> None:
    record, _, _ = searched
    found = record.recommendation

    assert found.search.metric == "completion_loss"
    scores = [row["metric"] for row in record.leaderboard() if row["metric"] is not None]
    assert scores == sorted(scores), "the less the better"
    floor = found.search.hypervolume_reference["metric_floor"]
    assert min(scores) < floor, "that of the base"
    assert 0 < found.search.hypervolume < 1
    assert found.search.hypervolume_reference["params_worst"] == 1e9, "adapters of such bases are larger"


def test_every_test_row_is_kept_with_its_answers(searched) -> None:
    record, _, kind = searched
    answers, chosen = record.answers, f"finalist_{record.recommendation.trial}"

    assert len(answers.rows) == len(record.data.split_row_ids["test"])
    row = answers.rows[0]
    assert set(row.written) == {chosen, "default_lora", "few_shot", "zero_shot"}
    assert row.wanted in ANSWERS.values()
    assert "role" not in row.prompt, "what the user said, not JSON"
    own, base = answers.scores[chosen], answers.scores["zero_shot"]
    assert own["chrf"] > base["chrf"]
    assert own["perplexity"] == pytest.approx(np.exp(own["completion_loss"]))
    assert own["completion_loss"] < base["completion_loss"]
    assert answers.seconds[chosen] > 0
    if kind["family"] == "t5":
        assert answers.general is None
    else:
        assert set(answers.general.losses) == {chosen, "default_lora", "zero_shot"}


def test_plain_peft_gives_the_same_answers_and_perplexity(searched) -> None:
    record, _, _ = searched
    scores = json.loads((record.path / "adapter" / "autolora.json").read_text())["scores"]

    assert scores["same_labels_in_plain_peft"] >= 0.995
    assert scores["perplexity_in_plain_peft"] == pytest.approx(scores["perplexity"], rel=1e-3)


def test_the_cards_code_answers_a_prompt_as_the_search_did(searched) -> None:
    record, base, _ = searched
    card = (record.path / "adapter" / "README.md").read_text()
    program = card.split("```python\n")[1].split("```")[0]
    row = record.answers.rows[0]
    program = program.replace(
        f"base_model = {record.recommendation.base_model['id']!r}", f"base_model = {str(base)!r}"
    ).replace('"Put your own prompt here."', repr(row.prompt))

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=record.path / "adapter", capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == row.written[f"finalist_{record.recommendation.trial}"]


def test_the_bundle_at_work_answers_as_the_search_did_and_says_how_sure_it_is(searched) -> None:
    record, base, kind = searched
    rows, chosen = record.answers.rows, f"finalist_{record.recommendation.trial}"
    prompts = [json.dumps([{"role": "user", "content": row.prompt}]) if kind["chat"] else row.prompt for row in rows]

    found = autolora.load(record.path, base_model=str(base), explains=True).predict(prompts, batch_size=8)

    same = [one.label == row.written[chosen] for one, row in zip(found, rows, strict=True)]
    assert np.mean(same) >= 0.995
    bare = [one.without_adapter == row.written["zero_shot"] for one, row in zip(found, rows, strict=True)]
    assert np.mean(bare) >= 0.95
    assert all(0 < one.confidence <= 1 for one in found)


def test_the_report_shows_answers_before_and_after(searched) -> None:
    record, _, kind = searched
    page = (record.path / "report.html").read_text()

    assert 'id="answers"' in page
    assert "Before and after" in page
    assert "Base without an adapter" in page
    assert "A prompt, as the base reads it" in page
    assert ("What was forgotten" in page) == (kind["family"] != "t5")
    assert ("conversations <code>messages</code>" in page) == kind["chat"]


def test_a_report_to_share_holds_no_row_of_the_data(searched) -> None:
    record, _, _ = searched
    page = engineer_page(record, texts=False)

    assert "left out of this report" in page
    assert not any(row.prompt in page for row in record.answers.rows)
