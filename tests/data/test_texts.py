from __future__ import annotations

import copy
import errno
import os
import pickle
import subprocess
import sys
import tempfile

import pytest

from autolora.data import texts
from autolora.data.texts import Texts
from autolora.errors import DataError

pytestmark = pytest.mark.unit

SOME = ("one", "", "zwei\r\nZeilen", "三\u2028つ", "four\0", "one")


@pytest.fixture(params=[1, 4, 4_000_000], ids=["a batch a text", "some batches", "one batch"])
def batches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "_BATCH_CHARACTERS", request.param)


@pytest.mark.usefixtures("batches")
def test_texts_come_back_from_the_disk_as_they_were() -> None:
    kept = Texts.of(SOME)

    assert tuple(kept) == SOME
    assert [kept[place] for place in (5, -1, 2, 0)] == ["one", "one", SOME[2], "one"]
    assert kept == SOME
    assert kept == list(SOME)
    assert kept != SOME[1:]
    assert kept != "one"


@pytest.mark.usefixtures("batches")
def test_taken_rows_come_in_the_order_asked_for_and_can_be_taken_from_again() -> None:
    taken = Texts.of(SOME).take([3, 0, 0, 2])

    assert tuple(taken) == (SOME[3], "one", "one", SOME[2])
    assert tuple(taken[1:]) == ("one", "one", SOME[2])
    assert tuple(taken[::2].take([1])) == ("one",)


def test_there_may_be_no_texts() -> None:
    assert (len(Texts.of(())), tuple(Texts.of(())), tuple(Texts.of(SOME).take([]))) == (0, (), ())


def test_a_place_that_is_not_there_is_an_index_error() -> None:
    with pytest.raises(IndexError):
        Texts.of(SOME)[6]


def test_texts_that_are_sent_away_are_a_tuple() -> None:
    assert pickle.loads(pickle.dumps(Texts.of(SOME).take([0, 2]))) == (SOME[0], SOME[2])
    assert copy.deepcopy(Texts.of(SOME)) == SOME


def test_no_file_is_left_whether_the_process_ends_well_or_is_killed(tmp_path) -> None:
    program = (
        "import os, signal\nfrom autolora.data.texts import Texts\nkept = Texts.of(['a'] * 9)\n"
        "print(len(kept), flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"TMPDIR": str(tmp_path)}, capture_output=True, text=True
    )

    assert done.stdout == "9\n", done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("batches")
def test_a_full_disk_is_said_with_where_it_is_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no device that is always full")
    with open("/dev/full", "wb", buffering=0) as full:
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full)
        with pytest.raises(DataError) as caught:
            Texts.of(SOME)

    assert caught.value.message == (
        f"the texts of the data cannot be kept in {tempfile.gettempdir()}: {os.strerror(errno.ENOSPC)}"
    )
    assert "TMPDIR" in caught.value.hint
