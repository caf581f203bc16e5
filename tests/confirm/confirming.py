"""What tests of confirming share."""

from __future__ import annotations

from autolora.confirm import Confirmation

SEED = 5


def run(it: Confirmation, finalists, *, epochs: float = 1.0):
    return it.run(finalists, epochs=epochs, batch_size=8)


def by_name(confirmed):
    return {candidate.name: candidate for candidate in confirmed.record.candidates}
