from __future__ import annotations

import pytest
import torch

from autolora.engine import device as devices
from autolora.errors import EngineError

pytestmark = pytest.mark.tiny

CPU = torch.device("cpu")


def with_rates(monkeypatch, *, bf16: float, float32: float, instructions: bool = True) -> None:
    rates = {torch.bfloat16: bf16, torch.float32: float32}
    monkeypatch.setattr(devices, "has_bf16", lambda device: instructions)
    monkeypatch.setattr(devices, "matrix_rate", lambda device, dtype: rates[dtype])


@pytest.mark.parametrize(("gain", "chosen"), [(4.6, "fast"), (1.3, "fast"), (1.0, "exact"), (0.2, "exact")])
def test_a_cpu_works_in_bf16_where_that_was_measured_to_be_faster(gain, chosen, monkeypatch) -> None:
    with_rates(monkeypatch, bf16=gain, float32=1.0)

    precision, why = devices.pick_precision(CPU)

    assert precision == chosen
    assert why == f"products in bf16 are {gain:.1f} times as fast as in float32"


def test_what_is_asked_for_is_not_measured(monkeypatch) -> None:
    with_rates(monkeypatch, bf16=0.1, float32=1.0)

    assert devices.pick_precision(CPU, "fast")[0] == "fast"
    assert devices.pick_precision(CPU, "exact")[0] == "exact"


def test_a_precision_that_the_device_lacks_is_refused_with_the_alternatives(monkeypatch) -> None:
    with_rates(monkeypatch, bf16=9.0, float32=1.0, instructions=False)

    assert devices.pick_precision(CPU) == ("exact", "the device has no bf16 instructions")
    with pytest.raises(EngineError, match="precision fast needs instructions for bf16") as fault:
        devices.pick_precision(CPU, "fast")
    assert fault.value.hint == "use precision exact, or auto"


def test_a_device_that_is_not_there_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(EngineError, match="there is no device 'cuda:3' here"):
        devices.pick("cuda:3")


def test_a_rate_is_that_of_real_products() -> None:
    small, large = (devices.matrix_rate(CPU, torch.float32, rows=rows) for rows in (64, 512))

    assert 1e8 < small < 1e14
    assert 1e8 < large < 1e14


@pytest.mark.parametrize(("limit", "used", "free"), [("max", "5", 1000), ("900", "400", 500), ("9000", "0", 1000)])
def test_what_a_container_may_use_limits_what_is_free(limit, used, free, monkeypatch, tmp_path) -> None:
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text(f"{used}\n")
    monkeypatch.setattr(devices, "_CGROUP", tmp_path)
    monkeypatch.setattr(devices.psutil, "virtual_memory", lambda: type("Memory", (), {"available": 1000}))

    assert devices.free_bytes(CPU) == free
