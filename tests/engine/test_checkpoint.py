from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from autolora.engine.checkpoint import find
from autolora.errors import BaseModelError

pytestmark = pytest.mark.unit

Make = Callable[..., Path]
WEIGHTS, OTHER_WEIGHTS = (save({"weight": np.full(3, value, dtype=np.float32)}) for value in (1.0, 2.0))


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Returns a function that writes a folder with everything that a checkpoint needs, then the given files."""

    def folder(name: str = "minilm", **files: str | bytes | None) -> Path:
        path = tmp_path / name
        path.mkdir(parents=True)
        content = {"config.json": '{"model_type": "bert"}', "model.safetensors": WEIGHTS} | files
        for file, text in content.items():
            if text is not None:
                (path / file).parent.mkdir(parents=True, exist_ok=True)
                (path / file).write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return folder


def test_a_folder_with_configuration_and_weights_is_found(make: Make) -> None:
    folder = make(**{"model-00002-of-2.safetensors": OTHER_WEIGHTS})

    found = find(str(folder))

    assert (found.folder, found.id, found.weight_bytes) == (folder, "minilm", len(WEIGHTS + OTHER_WEIGHTS))
    assert found.hash.startswith("sha256:")


def test_pickles_beside_safetensors_do_no_harm_and_do_not_count(make: Make) -> None:
    folder = make()
    before = find(str(folder))
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    (folder / "vocab.txt").write_text("word")

    assert find(str(folder)) == before


@pytest.mark.parametrize(
    ("files", "message", "hint"),
    [
        ({"config.json": None}, "needs config.json, but {folder!r} holds model.safetensors", "of the model itself"),
        ({"config.json": None, "model.safetensors": None}, "{folder!r} holds nothing", "of the model itself"),
        ({"config.json": '{"model_type": '}, "config.json of {folder!r} cannot be read: Expecting value", "copy"),
        ({"config.json": b"\xff\xfe"}, "config.json of {folder!r} cannot be read: ", "copy the model again"),
        ({"config.json": ""}, "config.json of {folder!r} cannot be read: ", "copy the model again"),
        ({"config.json": "[]"}, "config.json of {folder!r} must hold keys and values", "copy the model again"),
        ({"config.json": "[" * 100_000}, "config.json of {folder!r} cannot be read: ", "copy the model again"),
        (
            {"config.json": '{"auto_map": {"AutoModel": "modeling_x.X"}}'},
            "brings its own code is refused, and {folder!r} has 'auto_map' in config.json",
            "whose architecture transformers itself knows",
        ),
        (
            {"modeling_x.py": "import os"},
            "brings its own code is refused, and {folder!r} has python files (modeling_x.py)",
            "whose architecture transformers itself knows",
        ),
        (
            {"deep/inside/x.py": "import os"},
            "{folder!r} has python files (x.py)",
            "whose architecture transformers itself knows",
        ),
        (
            {"model.safetensors": None, "pytorch_model.bin": b"pickle"},
            "needs *.safetensors weights, and {folder!r} has none",
            "save_pretrained",
        ),
        ({"model.safetensors": b""}, "model.safetensors of {folder!r} is damaged: ", "copy the model again"),
        ({"model.safetensors": WEIGHTS[:-1]}, "model.safetensors of {folder!r} is damaged: ", "copy the model again"),
        ({"b.safetensors": b"version https://git-lfs"}, "b.safetensors of {folder!r} is damaged: ", "copy the model"),
    ],
)
def test_what_is_no_safe_checkpoint_is_refused_with_the_reason(
    files: dict[str, str | bytes | None], message: str, hint: str, make: Make
) -> None:
    folder = make(**files)

    with pytest.raises(BaseModelError) as caught:
        find(str(folder))

    assert message.format(folder=str(folder)) in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("name", ["/no/such/folder", "./absent", "~/no-such-folder-here", "~nobody/x", "a/b/c", "a\\b"])
def test_a_path_where_nothing_is_is_no_hub_id(name: str) -> None:
    with pytest.raises(BaseModelError) as caught:
        find(name)

    assert caught.value.message == f"the base model must be a folder or a hub id, but {name!r} does not exist"
    assert "config.json and model.safetensors" in caught.value.hint


def test_a_file_is_no_folder(make: Make) -> None:
    file = make() / "model.safetensors"

    with pytest.raises(BaseModelError, match="is a file") as caught:
        find(str(file))

    assert caught.value.hint == "give its folder"


@pytest.mark.parametrize("name", ["owner/no-such-model", "no-such-model"])
def test_a_hub_id_that_cannot_be_had_is_one_error_of_one_line(name: str) -> None:
    with pytest.raises(BaseModelError, match="neither a folder here nor could it be had from the hub") as caught:
        find(name)

    assert name in caught.value.message
    assert "\n" not in caught.value.message
    assert "check the id and the network" in caught.value.hint


@pytest.mark.parametrize(
    ("place", "base_id"),
    [
        ("minilm", "minilm"),
        ("gt_minilm/model", "gt_minilm/model"),
        ("store/Base", "store/Base"),
        ("hub/models--owner--minilm/snapshots/0a1b2c", "owner/minilm"),
    ],
)
def test_records_name_the_base_by_its_own_name_never_by_a_path(place: str, base_id: str, make: Make) -> None:
    folder = make(place)

    assert find(str(folder)).id == base_id
    assert find(str(folder), base_id="owner/name").id == "owner/name"


def test_a_relative_path_and_a_link_lead_to_the_same_checkpoint(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make()
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(folder)

    assert find(".") == find(str(tmp_path / "link")) == find(str(folder))


def test_the_hash_is_of_the_contents_wherever_the_folder_lies(make: Make, tmp_path: Path) -> None:
    folder = make()
    shutil.copytree(folder, tmp_path / "elsewhere")

    assert find(str(tmp_path / "elsewhere")).hash == find(str(folder)).hash


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", b'{"model_type": "bert"} '),
        ("model.safetensors", save({"weight": np.ones(4, dtype=np.float32)})),
    ],
)
def test_the_hash_changes_with_configuration_or_weights(name: str, content: bytes, make: Make) -> None:
    folder = make()
    before = find(str(folder)).hash
    path = folder / name
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    path.write_bytes(content)
    os.utime(path, ns=times)  # copying tools keep times

    assert find(str(folder)).hash != before


def test_the_hash_tells_apart_which_file_holds_what(make: Make) -> None:
    one = make("one", **{"a.safetensors": WEIGHTS, "b.safetensors": OTHER_WEIGHTS})
    other = make("other", **{"a.safetensors": OTHER_WEIGHTS, "b.safetensors": WEIGHTS})

    assert find(str(one)).hash != find(str(other)).hash
