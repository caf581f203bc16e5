from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from peft import LoraConfig
from safetensors.numpy import load_file

from autolora import bundle
from autolora.engine.start import EngineFacts
from autolora.errors import BundleError
from tests.bundles import Trained, train_one, write
from tests.conftest import CLASSES

pytestmark = pytest.mark.tiny

FAMILIES = ("bert", "roberta", "llama")
REST = """
import json
batch = tokenizer(json.load(open({texts!r})), truncation=True, max_length=length, padding=True, return_tensors="pt")
print(json.dumps(model(**batch).logits.argmax(dim=-1).tolist()))
"""


@pytest.fixture(scope="module")
def trained(tiny_folder, tiny_dataset):
    """Returns a function that trains a small adapter on a family's tiny model."""
    made: dict[str, Trained] = {}

    def train(family: str) -> Trained:
        if family not in made:
            made[family] = train_one(tiny_folder(family), tiny_dataset)
        return made[family]

    return train


@pytest.fixture(scope="module")
def bundled(trained, tmp_path_factory):
    """Returns a function from a family to its adapter, the adapter's bundle, and what the bundle's test found."""
    made: dict[str, tuple[Trained, Path, bundle.SelfTest]] = {}

    def of(family: str) -> tuple[Trained, Path, bundle.SelfTest]:
        if family not in made:
            it, final = trained(family), tmp_path_factory.mktemp(family) / "adapter"
            made[family] = (it, final, write(it, final))
        return made[family]

    return of


@pytest.fixture(params=FAMILIES)
def written(request, bundled) -> tuple[Trained, Path, bundle.SelfTest]:
    return bundled(request.param)


def text_files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix != ".safetensors"]


# ------------------------------------------------------------------------------------------------ what lies in it


def test_a_bundle_holds_pefts_files_a_card_provenance_and_checksums(written) -> None:
    _, final, _ = written

    assert sorted(path.name for path in final.iterdir()) == [
        "README.md",
        "SHA256SUMS",
        "adapter_config.json",
        "adapter_model.safetensors",
        "autolora.json",
    ]
    assert not final.with_name("adapter.part").exists()


def test_the_checksums_are_those_of_every_other_file(written) -> None:
    _, final, _ = written

    lines = (final / "SHA256SUMS").read_text().splitlines()

    assert [line[66:] for line in lines] == sorted(p.name for p in final.iterdir() if p.name != "SHA256SUMS")
    for line in lines:
        assert line[:64] == hashlib.sha256((final / line[66:]).read_bytes()).hexdigest()


def test_no_text_file_holds_a_path_of_this_machine(written) -> None:
    it, final, _ = written

    for path in text_files(final):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(?<![\w:/.])/[\w.-]+/[\w.-]+", text), path.name
        assert str(it.folder) not in text
        assert str(Path.home()) not in text


def test_peft_reads_the_configuration_and_finds_what_was_trained(written) -> None:
    it, final, _ = written
    config = it.contents.config

    read = LoraConfig.from_pretrained(str(final))

    assert (read.r, read.lora_alpha, read.use_rslora) == (config.rank, config.alpha, True)
    assert read.task_type == "SEQ_CLS"
    assert read.base_model_name_or_path == f"owner/{it.folder.name}"
    assert len(read.target_modules) == len(config.layers) * len(config.target_modules)


def test_every_trained_weight_is_in_the_file_by_pefts_name(written) -> None:
    it, final, _ = written

    weights = load_file(final / "adapter_model.safetensors")

    assert weights.keys() == it.contents.weights.keys()
    heads = [name for name in weights if "lora_" not in name]
    assert heads, "the head is not in the base checkpoint"
    saved = json.loads((final / "adapter_config.json").read_text())["modules_to_save"]
    assert all(any(f".{module}." in name for module in saved) for name in heads)
    assert sum(w.size for w in weights.values()) == it.contents.facts.costs.trainable_params(it.contents.config)


def test_provenance_says_where_the_adapter_comes_from(written) -> None:
    it, final, result = written

    said = json.loads((final / "autolora.json").read_text(encoding="utf-8"))

    facts: EngineFacts = it.contents.facts
    assert said["base_model"] == {"id": f"owner/{it.folder.name}", "hash": facts.base_hash}
    assert said["data"] == {
        "source": "tiny.csv",
        "hash": "sha256:tiny",
        "rows": {"train": 96, "validation": 48, "test": 48},
    }
    assert said["scores"]["test"] == it.contents.test
    assert said["scores"]["test_in_plain_peft"] == result.test
    assert (said["seed"], said["precision"], said["classes"]) == (1, "exact", list(CLASSES))
    assert {"torch", "transformers", "peft", "python"} <= said["versions"].keys()


def test_whoever_may_read_the_card_may_read_the_weights(written) -> None:
    _, final, _ = written

    assert len({path.stat().st_mode for path in final.iterdir()}) == 1


def test_the_card_is_what_a_hub_reads(written) -> None:
    it, final, _ = written

    _, head, body = (final / "README.md").read_text(encoding="utf-8").split("---\n", 2)

    assert yaml.safe_load(head)["base_model"] == f"owner/{it.folder.name}"
    assert f"{it.contents.test:.3f} (95 % 0.700 to 0.900)" in body
    assert "Verdict of the search: **adopt**" in body


# ---------------------------------------------------------------------------------------------------- at work elsewhere


def test_plain_peft_gives_the_engines_labels_in_a_fresh_process(written) -> None:
    it, _, result = written

    assert len(set(it.predictions.tolist())) == 3, "else any adapter would do"
    assert (result.same_labels, result.test) == (1.0, pytest.approx(it.contents.test))


def test_the_cards_own_code_gives_the_engines_labels_in_a_fresh_process(bundled, tiny_dataset, tmp_path) -> None:
    (tmp_path / "texts.json").write_text(json.dumps(tiny_dataset.test.texts))
    script = "import os\n"
    for family in FAMILIES:
        it, final, _ = bundled(family)
        code = (final / "README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
        here = f"base_model = {str(it.folder)!r}"
        code, count = re.subn(r"^base_model = .*$", lambda _, here=here: here, code, flags=re.MULTILINE)
        assert count == 1
        script += f"os.chdir({str(final)!r})\n{code}{REST.format(texts=str(tmp_path / 'texts.json'))}"
    (tmp_path / "script.py").write_text(script, encoding="utf-8")

    done = subprocess.run([sys.executable, str(tmp_path / "script.py")], capture_output=True, text=True, timeout=300)

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()[-2 * len(FAMILIES) :]
    for at, family in enumerate(FAMILIES):
        assert lines[2 * at].split()[0] in CLASSES
        assert json.loads(lines[2 * at + 1]) == bundled(family)[0].predictions.tolist()


def test_a_tampered_weight_fails_the_self_test_and_leaves_no_bundle(trained, tmp_path) -> None:
    it = trained("bert")
    head = next(name for name in it.contents.weights if name.endswith("classifier.weight"))
    tampered = it.contents.weights | {head: -it.contents.weights[head]}

    with pytest.raises(BundleError, match="of the test rows' labels are the engine's") as caught:
        write(it, tmp_path / "adapter", contents=replace(it.contents, weights=tampered))

    assert "report it" in caught.value.hint
    assert not (tmp_path / "adapter").exists()


def test_an_adapter_that_peft_cannot_load_fails_the_self_test_and_leaves_the_earlier_bundle(trained, tmp_path) -> None:
    it = trained("bert")
    earlier = tmp_path / "adapter"
    earlier.mkdir()
    (earlier / "mine").write_text("as it was")
    name = next(name for name in it.contents.weights if "lora_A" in name)
    wrong = it.contents.weights | {name: np.zeros((9, 9), dtype=np.float32)}

    with pytest.raises(BundleError, match="plain transformers and peft cannot load the adapter: ") as caught:
        write(it, earlier, contents=replace(it.contents, weights=wrong))

    assert "\n" not in caught.value.message
    assert [path.name for path in earlier.iterdir()] == ["mine"]


def test_names_with_quotes_break_neither_the_card_nor_its_code(trained) -> None:
    it = trained("bert")
    named = replace(it.contents, facts=replace(it.contents.facts, base_id='my "best": it\'s'))
    dataset = replace(it.contents.dataset, classes=('say "no"', "it's", "修理"))

    card = bundle.card(
        replace(named, dataset=dataset), bundle.SelfTest(rows=48, test=0.8, same_labels=1.0, seconds=1.0)
    )

    assert yaml.safe_load(card.split("---\n")[1])["base_model"] == 'my "best": it\'s'
    names: dict[str, Any] = {}
    code = card.split("```python\n")[1].split("```")[0]
    exec("\n".join(line for line in code.splitlines() if line.startswith(("base_model =", "classes ="))), names)
    assert names["base_model"] == 'my "best": it\'s'
    assert names["classes"] == ['say "no"', "it's", "修理"]


def test_of_many_test_rows_plain_peft_labels_a_part_and_the_card_says_so(trained, tmp_path) -> None:
    it = trained("bert")
    contents = replace(it.contents, checked=12)

    result = write(it, tmp_path / "adapter", contents=contents)

    assert (result.rows, result.same_labels) == (12, 1.0)
    scores = json.loads((tmp_path / "adapter" / "autolora.json").read_text())["scores"]
    assert scores["rows_in_plain_peft"] == 12
    assert scores["test"] == it.contents.test, "of all rows"
    assert "float32 (12 rows)" in (tmp_path / "adapter" / "README.md").read_text()
