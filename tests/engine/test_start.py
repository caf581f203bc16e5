"""What an engine process does first, where it cannot go on."""

from __future__ import annotations

import pytest

from autolora.engine import device as devices
from autolora.engine.checkpoint import find
from autolora.engine.start import start
from autolora.errors import BaseModelError
from tests.engine.test_promise import spec_of

pytestmark = pytest.mark.tiny


@pytest.mark.parametrize(
    ("precision", "per_parameter", "way_out"),
    [("exact", 4.0, "precision fast or 4bit, a smaller"), ("fast", 2.0, "precision 4bit, a smaller")],
)
def test_a_base_that_has_no_room_is_refused_before_it_is_loaded(
    precision, per_parameter, way_out, tiny_folder, tiny_dataset, monkeypatch
) -> None:
    folder = tiny_folder()
    needed = find(str(folder)).parameters * per_parameter
    monkeypatch.setattr(devices, "has_bf16", lambda device: True)
    monkeypatch.setattr(devices, "free_bytes", lambda device: int(needed * 0.8))
    monkeypatch.setattr("autolora.engine.base.load_base", lambda *_, **__: pytest.fail("it must not be loaded"))

    with pytest.raises(BaseModelError, match=f"'tiny' takes .* GB in precision {precision}, but CPU.* has") as refusal:
        start(spec_of(folder, tiny_dataset, precision))
    assert way_out in refusal.value.hint


def test_a_base_that_has_room_is_loaded(tiny_folder, tiny_dataset, monkeypatch) -> None:
    needed = find(str(tiny_folder())).parameters * 4
    monkeypatch.setattr(devices, "free_bytes", lambda device: needed)

    _, facts = start(spec_of(tiny_folder(), tiny_dataset, "exact"))

    assert facts.weight_bytes <= needed * 1.1
