"""A bundle at work: rows in, answers with confidence out."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import autolora
from autolora.cli import main
from autolora.errors import BaseModelError, BundleError, RequestError
from autolora.predict import streaming
from autolora.predict.opening import opened
from autolora.predict.streaming import pass_through
from tests.bundles import train_one, write
from tests.conftest import CLASSES

pytestmark = pytest.mark.tiny


@pytest.fixture(scope="module")
def bundled(tiny_folder, tiny_dataset, tmp_path_factory):
    """Return a bundle, the folder of its base, and what the engine said of the test rows."""
    it = train_one(tiny_folder("bert"), tiny_dataset)
    final = tmp_path_factory.mktemp("predict") / "adapter"
    write(it, final)
    return final, it.folder, it.predictions


@pytest.fixture
def copy(bundled, tmp_path):
    folder = tmp_path / "adapter"
    shutil.copytree(bundled[0], folder)
    return folder


def plain_probabilities(bundled, texts, temperature) -> np.ndarray:
    """Return what stock transformers and PEFT say at a temperature, one text after the other."""
    folder, base, _ = bundled
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=3, ignore_mismatched_sizes=True)
    model = PeftModel.from_pretrained(model, folder).eval()
    with torch.no_grad():
        rows = [model(**tokenizer(t, truncation=True, max_length=24, return_tensors="pt")).logits[0] for t in texts]
    return (torch.stack(rows) / temperature).softmax(dim=-1).numpy()


# -------------------------------------------------------------------------------------------------------------- Python


def test_answers_are_those_of_the_engine_with_plain_pefts_probabilities(bundled, tiny_dataset) -> None:
    folder, base, engine = bundled
    texts = tiny_dataset.test.texts

    found = autolora.load(folder, base_model=str(base)).predict(texts, batch_size=7)

    assert [one.label for one in found] == [CLASSES[at] for at in engine]
    plain = plain_probabilities(bundled, texts, json.loads((folder / "autolora.json").read_text())["temperature"])
    assert [one.confidence for one in found] == pytest.approx(plain.max(axis=1).tolist(), abs=1e-5)
    assert not any(one.abstained or one.was_cut for one in found)


def test_a_bundle_knows_its_temperature(bundled) -> None:
    says = json.loads((bundled[0] / "autolora.json").read_text())

    assert 0.05 < says["temperature"] < 20


def test_the_adapter_can_be_switched_off_and_changes_no_answer_by_being_there(bundled, tiny_dataset) -> None:
    folder, base, _ = bundled
    texts = tiny_dataset.test.texts
    merged = autolora.load(folder, base_model=str(base))
    explaining = autolora.load(folder, base_model=str(base), explains=True)

    found = explaining.predict(texts)

    assert [one.label for one in found] == [one.label for one in merged.predict(texts)]
    assert all(one.without_adapter in CLASSES for one in found)
    assert any(one.without_adapter != one.label for one in found)
    assert [one.label for one in explaining.predict(texts)] == [one.label for one in found], "it is on again"


def test_it_abstains_where_it_is_not_sure_enough_and_from_blank_rows(bundled, tiny_dataset) -> None:
    folder, base, _ = bundled
    predictor = autolora.load(folder, base_model=str(base))
    texts = [*tiny_dataset.test.texts, "  "]
    sure = [one.confidence for one in predictor.predict(texts)]
    limit = float(np.median([each for each in sure if each is not None]))

    found = predictor.predict(texts, abstain_below=limit)

    assert [one.abstained for one in found] == [each is None or each < limit for each in sure]
    assert all((one.label is None) == one.abstained for one in found)
    assert found[-1].confidence is None


def test_rows_longer_than_the_adapter_reads_are_told(bundled) -> None:
    folder, base, _ = bundled

    short, long = autolora.load(folder, base_model=str(base)).predict(["parcel", "parcel " * 60])

    assert (short.was_cut, long.was_cut) == (False, True)


@pytest.mark.parametrize("share", [-0.1, 1.5, "half"])
def test_a_confidence_that_is_no_share_is_refused(bundled, share) -> None:
    folder, base, _ = bundled

    with pytest.raises(RequestError, match="abstain_below must be between 0 and 1"):
        autolora.load(folder, base_model=str(base)).predict(["x"], abstain_below=share)


# -------------------------------------------------------------------------------------------------------------- opening


def test_a_run_folder_stands_for_its_bundle(bundled) -> None:
    folder, base, _ = bundled

    assert opened(folder.parent, str(base)).folder == folder


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda f: (f / "README.md").write_text("other"), "README.md of .* is not as it was written"),
        (lambda f: flip(f / "adapter_model.safetensors"), "adapter_model.safetensors of .* is not as it was written"),
        (lambda f: (f / "adapter_config.json").unlink(), "adapter_config.json of .* is missing"),
        (lambda f: (f / "adapter_model.bin").write_bytes(b"x"), "adapter_model.bin in .* was not there"),
        (lambda f: (f / "SHA256SUMS").unlink(), "SHA256SUMS of .* cannot be read"),
        (lambda f: (f / "autolora.json").unlink(), "is no bundle: it has no autolora.json"),
        (lambda f: resealed(f, "autolora.json", "[]"), "autolora.json of .* cannot be read"),
    ],
    ids=["changed", "damaged", "missing", "added", "no sums", "no provenance", "no record"],
)
def test_a_tampered_bundle_is_refused(copy, bundled, harm, message) -> None:
    harm(copy)

    with pytest.raises(BundleError, match=message) as caught:
        opened(copy, str(bundled[1]))

    assert caught.value.hint


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)


def resealed(folder: Path, name: str, content: str) -> None:
    """Change a file and its checksum, as somebody might who knows how."""
    (folder / name).write_text(content)
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    digest = hashlib.sha256(content.encode()).hexdigest()
    lines = [f"{digest}  {name}" if line.endswith(f"  {name}") else line for line in lines]
    (folder / "SHA256SUMS").write_text("".join(f"{line}\n" for line in lines))


def test_another_base_is_refused_by_its_hash(copy, tiny_folder) -> None:
    with pytest.raises(BundleError, match="was trained on the base 'owner/tiny-bert' of hash sha256:"):
        opened(copy, str(tiny_folder("roberta")))


def test_a_base_that_is_not_here_is_asked_for(copy, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    with pytest.raises(BaseModelError, match="'owner/tiny-bert', is not here") as caught:
        opened(copy)

    assert "--base-model" in caught.value.hint


# --------------------------------------------------------------------------------------------------------- the command


def rows_file(tmp_path, texts) -> Path:
    path = tmp_path / "rows.csv"
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([("id", "text"), *enumerate(texts)])
    return path


def test_the_command_writes_every_row_with_its_answer_and_says_how_fast(bundled, tiny_dataset, tmp_path) -> None:
    folder, base, engine = bundled
    source, target = rows_file(tmp_path, tiny_dataset.test.texts), tmp_path / "out.csv"

    done = CliRunner().invoke(
        main, ["predict", str(folder), str(source), "-o", str(target), "--base-model", str(base), "--explain"]
    )

    assert done.exit_code == 0, done.output
    rows = list(csv.DictReader(target.read_text().splitlines()))
    assert [row["id"] for row in rows] == [str(at) for at in range(len(engine))]
    assert [row["prediction"] for row in rows] == [CLASSES[at] for at in engine]
    assert {row["abstained"] for row in rows} == {"no"}
    assert {row["prediction_without_adapter"] for row in rows} <= set(CLASSES)
    assert f"{len(engine)} rows in " in done.stderr
    assert "rows a second" in done.stderr


def test_the_command_streams_from_input_to_output(bundled, tiny_dataset) -> None:
    folder, base, engine = bundled
    given = "".join(json.dumps({"text": text}) + "\n" for text in tiny_dataset.test.texts)

    done = CliRunner().invoke(
        main,
        ["predict", str(folder), "-", "--format", "jsonl", "--base-model", str(base), "--abstain-below", "0.99"],
        input=given,
    )

    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == len(engine)
    assert all(row["prediction"] is None for row in rows if row["abstained"])
    assert all(row["confidence"] >= 0.99 for row in rows if not row["abstained"])


def test_windows_of_rows_change_no_answer(bundled, tiny_dataset, tmp_path, monkeypatch) -> None:
    folder, base, engine = bundled
    predictor = autolora.load(folder, base_model=str(base))
    monkeypatch.setattr(streaming, "WINDOW", 10)
    source = rows_file(tmp_path, tiny_dataset.test.texts)

    passed = pass_through(predictor, str(source), tmp_path / "out.csv", batch_size=4)

    assert passed.rows == len(engine)
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert [row["prediction"] for row in rows] == [CLASSES[at] for at in engine]


def test_a_row_that_cannot_be_read_leaves_nothing_half_written(bundled, tmp_path) -> None:
    folder, base, _ = bundled
    source = tmp_path / "rows.csv"
    source.write_text("text\nparcel late\nparcel,late\n")

    done = CliRunner().invoke(
        main, ["predict", str(folder), str(source), "-o", str(tmp_path / "out.csv"), "--base-model", str(base)]
    )

    assert done.exit_code == 2
    assert "rows.csv, row 2 (line 3) has 2 cells" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.csv"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--text", "body"], "there is no column 'body'"),
        (["--abstain-below", "3"], "abstain_below must be between 0 and 1"),
        (["--base-model", "/nowhere"], "'/nowhere' does not exist"),
        (["-o", "/no/such/folder/out.csv"], "the predictions '/no/such/folder/out.csv' cannot be written"),
    ],
)
def test_what_is_asked_for_wrongly_is_one_error(bundled, tmp_path, flags, message) -> None:
    folder, base, _ = bundled
    source = rows_file(tmp_path, ["parcel"])

    done = CliRunner().invoke(main, ["predict", str(folder), str(source), "--base-model", str(base), *flags])

    assert done.exit_code == 2
    assert message in done.stderr
