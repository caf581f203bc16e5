from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from autolora.engine.row_cache import FileRows, Key, MemoryRows, RowCache, key_of

pytestmark = pytest.mark.tiny

WIDTH = 4


def hidden(value: float, tokens: int = 3) -> torch.Tensor:
    return torch.full((tokens, WIDTH), value, dtype=torch.bfloat16)


def row(name: str, layer: int = 1) -> Key:
    return Key(layer, name.encode())


def file_in(folder, *, identity: str = "a base", limit_bytes: int = 1 << 20, warn=pytest.fail) -> FileRows:
    return FileRows(folder, limit_bytes=limit_bytes, identity=identity, width=WIDTH, dtype=torch.bfloat16, warn=warn)


def test_rows_of_equal_tokens_are_one_row_and_layers_are_apart() -> None:
    same = [key_of(2, np.array([5, 6], dtype=np.int32)) for _ in range(2)]

    assert same[0] == same[1]
    assert same[0] != key_of(2, np.array([5, 7], dtype=np.int32))
    assert same[0] != key_of(3, np.array([5, 6], dtype=np.int32))


def test_a_full_memory_keeps_the_rows_of_a_layer_that_came_first() -> None:
    rows = MemoryRows(2 * hidden(0).nbytes)

    assert [rows.put(row(name), hidden(1)) for name in "abc"] == [True, True, False]
    assert [rows.get(row(name)) is not None for name in "abc"] == [True, True, False]


def test_rows_before_lower_layers_make_room_for_those_before_higher_ones() -> None:
    rows = MemoryRows(2 * hidden(0).nbytes)
    rows.put(row("a", layer=1), hidden(1))
    rows.put(row("b", layer=2), hidden(2))

    assert rows.put(row("c", layer=3), hidden(3))
    assert not rows.put(row("d", layer=1), hidden(4))

    kept = {layer: rows.get(row(name, layer)) is not None for name, layer in (("a", 1), ("b", 2), ("c", 3))}
    assert kept == {1: False, 2: True, 3: True}
    assert rows.room.bytes == 2 * hidden(0).nbytes


def test_a_file_gives_back_what_an_earlier_process_put_there(tmp_path) -> None:
    first = file_in(tmp_path / "rows")
    first.put([(row("a"), hidden(1)), (row("b"), hidden(2, tokens=5))])
    first.close()

    second = file_in(tmp_path / "rows")

    assert torch.equal(second.get(row("a")), hidden(1))
    assert torch.equal(second.get(row("b")), hidden(2, tokens=5))
    assert second.get(row("c")) is None


def test_a_file_survives_the_death_of_its_process_at_any_moment(tmp_path) -> None:
    code = f"""
import itertools, torch
from pathlib import Path
from autolora.engine.row_cache import FileRows, Key
rows = FileRows(Path({str(tmp_path / "rows")!r}), limit_bytes=1 << 26, identity="a base", width=4, dtype=torch.bfloat16)
for at in itertools.count():
    rows.put([(Key(1, str(at % 500).encode()), torch.full((50 + at % 7, 4), at % 500, dtype=torch.bfloat16))])
    rows.get(Key(1, str(at % 250).encode()))
    print(at, flush=True)
"""
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        for _ in range(50):
            process.stdout.readline()
        process.kill()
        last = max(map(int, process.stdout.read().split()), default=50)
        process.wait()

        left = file_in(tmp_path / "rows", limit_bytes=1 << 26)
        found = [left.get(row(str(at))) for at in range(min(last, 500))]
        assert all(kept is not None and (kept == at).all() for at, kept in enumerate(found))
        left.close()


def test_a_file_of_another_base_is_begun_anew(tmp_path) -> None:
    first = file_in(tmp_path / "rows", identity="another base")
    first.put([(row("a"), hidden(1))])
    first.close()

    second = file_in(tmp_path / "rows")
    assert second.get(row("a")) is None
    second.put([(row("a"), hidden(2))])
    second.close()

    assert torch.equal(file_in(tmp_path / "rows").get(row("a")), hidden(2))


@pytest.mark.parametrize("damage", ["cut", "overwritten"])
def test_a_damaged_file_is_begun_anew(damage, tmp_path) -> None:
    folder = tmp_path / "rows"
    first = file_in(folder)
    first.put([(row("a"), hidden(1))])
    first.close()
    if damage == "cut":
        os.truncate(folder / "data.mdb", 100)
    else:
        (folder / "data.mdb").write_bytes(b"not a database" * 1000)

    second = file_in(folder)

    assert second.get(row("a")) is None
    second.put([(row("a"), hidden(2))])
    assert torch.equal(second.get(row("a")), hidden(2))


def test_a_folder_that_cannot_be_made_is_told_once_and_done_without(tmp_path) -> None:
    said: list[str] = []
    (tmp_path / "rows").write_text("in the way")

    rows = file_in(tmp_path / "rows", warn=said.append)
    for _ in range(3):
        rows.put([(row("a"), hidden(1))])

    assert rows.get(row("a")) is None
    assert len(said) == 1
    assert "training goes on without" in said[0]


def test_a_file_that_is_full_keeps_what_it_has(tmp_path) -> None:
    rows = file_in(tmp_path / "rows", limit_bytes=1 << 18)

    for at in range(100):
        rows.put([(row(str(at)), hidden(at, tokens=1000))])

    assert torch.equal(rows.get(row("0")), hidden(0, tokens=1000))
    assert rows.get(row("99")) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system can only be mounted by root")
def test_a_full_disk_is_told_once_and_done_without(tmp_path) -> None:
    folder, said = tmp_path / "small", []
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        rows = file_in(folder / "rows", limit_bytes=1 << 24, warn=said.append)
        for at in range(100):
            rows.put([(row(str(at)), hidden(at, tokens=1000))])
        rows.close()
    finally:
        subprocess.run(["umount", str(folder)], check=True)

    assert len(said) == 1
    assert str(folder / "rows") in said[0]


def test_what_is_found_in_the_file_is_in_memory_the_next_time(tmp_path) -> None:
    file = file_in(tmp_path / "rows")
    file.put([(row("a"), hidden(1))])
    cache = RowCache(MemoryRows(1 << 20), file)

    assert torch.equal(cache.get(row("a")), hidden(1))
    cache.close()
    assert torch.equal(cache.get(row("a")), hidden(1))
