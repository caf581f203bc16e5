"""Candidates as confirming finds them, for what is decided from them."""

from __future__ import annotations

from dataclasses import replace

from autolora.objectives import Objective
from autolora.records import AdapterConfig, Candidate, ConfirmRecord, Score, SeedResult, TrialState
from autolora.request import Limits

METRIC = Objective(name="macro_f1", direction="maximize", unit="share")
NO_LIMITS = Limits()
CONFIG = AdapterConfig(rank=1, alpha=2.0, target_modules=("query",), layers=(0,), learning_rate=1e-3)


def candidate(name: str, validation: float, params: int, **other: object) -> Candidate:
    made = Candidate(
        name=name,
        kind="finalist" if name.startswith("finalist") else "baseline",
        description=name,
        seeds=tuple(
            SeedResult(seed=seed, validation=Score(value=validation, standard_error=0.02), seconds=1.0)
            for seed in (1, 2, 3)
        ),
        validation=validation,
        validation_standard_error=0.02,
        test=validation,
        test_ci95=(validation - 0.03, validation + 0.03),
        trainable_params=params,
        adapter_bytes=4 * params,
        peak_memory_bytes=10_000,
        seconds=3.0,
    )
    return replace(made, **other)  # type: ignore[arg-type]


def with_a_failed_seed(it: Candidate, at: int = 0) -> Candidate:
    failed = replace(it.seeds[at], state=TrialState.DIVERGED, validation=None, cause="not a finite number")
    return replace(it, seeds=(*it.seeds[:at], failed, *it.seeds[at + 1 :]), test=None if at == 0 else it.test)


BEST = candidate("finalist_1", 0.90, 8_000)
SMALL = candidate("finalist_2", 0.89, 1_000)
POOR = candidate("finalist_3", 0.80, 500)
DEFAULT = candidate("default_lora", 0.85, 5_000)
TUNED = candidate("rate_grid", 0.89, 5_000, config=replace(CONFIG, learning_rate=2e-3))
TFIDF = candidate("tfidf", 0.75, 20_000, seeds=BEST.seeds[:1])
MAJORITY = candidate("majority", 0.20, 0, seeds=BEST.seeds[:1])
AHEAD, AS_GOOD, EVEN, BEHIND = (0.05, 0.01, 0.09), (0.01, -0.005, 0.03), (0.01, -0.03, 0.05), (-0.02, -0.06, 0.02)
CLOSE_BY = {"finalist_2": {"finalist_1": (-0.001, -0.009, 0.007), "finalist_3": AHEAD}}
"""The second finalist is as good as the first within the usual margin."""
UNSURE = {"finalist_2": {"finalist_1": (-0.005, -0.030, 0.020)}}


def record(*candidates: Candidate, **differences: tuple[float, float, float]) -> ConfirmRecord:
    return ConfirmRecord(
        candidates=candidates,
        paired_test_differences={"default_lora": AHEAD, "tfidf": AHEAD, "majority": AHEAD} | differences,
        validation_differences=CLOSE_BY,
        rows={"train": 640, "validation": 160, "test": 200},
    )
