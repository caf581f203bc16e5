"""What was searched and confirmed."""

from __future__ import annotations

import random
from math import log10

from autolora.records import (
    AdapterConfig,
    BaselineSummary,
    Calibration,
    Candidate,
    ConfirmRecord,
    CoveragePoint,
    DataRecord,
    DataSummary,
    Finding,
    FrontPoint,
    MemorySummary,
    MetricSummary,
    Reason,
    Recommendation,
    ReliabilityBin,
    RungRecord,
    Score,
    SearchSummary,
    SeedResult,
    SensitivityPoint,
    TrialRecord,
    TrialState,
)

BASE_PARAMS = 22_713_216
LAYERS, WIDTH, INNER, CLASSES = 6, 384, 1536, 2
HEAD_PARAMS = WIDTH * CLASSES + CLASSES
MODULES = {
    "attention_qv": ("attention.self.query", "attention.self.value"),
    "attention": (
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
        "attention.output.dense",
    ),
    "all_linear": (
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
        "attention.output.dense",
        "intermediate.dense",
        "output.dense",
    ),
}
DEPTHS = {"last_1": 1, "last_quarter": 2, "last_half": 3, "all": 6}
SHARES = (1 / 9, 1 / 3, 1.0)
CHOSEN = 17
ENDS = {
    4: (TrialState.DIVERGED, "the loss was not a finite number at step 61"),
    9: (TrialState.OUT_OF_MEMORY, "needs 903 MB with a batch of 16 rows; the device has 850 MB free"),
    13: (TrialState.REFUSED, "1,328,642 parameters are over the limit of 1,000,000"),
    19: (TrialState.TIMED_OUT, "took longer than 600 s"),
    22: (TrialState.FAILED, "RuntimeError: the worker lost its connection to the engine"),
}


def config_of(rank: int, scale: int, modules: str, layers: str, rate: float) -> AdapterConfig:
    """Return a configuration as the search space resolves it."""
    return AdapterConfig(
        rank=rank,
        alpha=float(rank * scale),
        target_modules=MODULES[modules],
        layers=tuple(range(LAYERS - DEPTHS[layers], LAYERS)),
        learning_rate=rate,
    )


def params_of(config: AdapterConfig) -> int:
    """Return the trainable parameters of a configuration, head included."""
    sizes = {
        name: WIDTH + (INNER if name in ("intermediate.dense", "output.dense") else WIDTH)
        for name in MODULES["all_linear"]
    }
    return HEAD_PARAMS + config.rank * len(config.layers) * sum(sizes[name] for name in config.target_modules)


def memory_of(config: AdapterConfig) -> int:
    """Return a plausible peak of training memory in bytes."""
    return 128_000_000 + 16 * params_of(config) + 19_000_000 * len(config.layers) * len(config.target_modules)


def trials() -> tuple[TrialRecord, ...]:
    """Return 24 trials: 12 complete, 7 stopped, and one of each other end."""
    chance = random.Random(7)
    return tuple(_trial(number, chance) for number in range(24))


def _trial(number: int, chance: random.Random) -> TrialRecord:
    asked = {
        "rank": chance.choice((1, 2, 4, 8, 16)),
        "alpha_over_rank": chance.choice((1, 2, 4)),
        "target_modules": chance.choice(tuple(MODULES)),
        "layers": chance.choice(tuple(DEPTHS)),
        "learning_rate": round(10 ** chance.uniform(-4, -2), 6),
    }
    if number == CHOSEN:
        asked = {
            "rank": 2,
            "alpha_over_rank": 2,
            "target_modules": "attention",
            "layers": "last_quarter",
            "learning_rate": 0.0031,
        }
    if number == 13:
        asked |= {"rank": 32, "target_modules": "all_linear", "layers": "all"}
    config = config_of(
        asked["rank"], asked["alpha_over_rank"], asked["target_modules"], asked["layers"], asked["learning_rate"]
    )
    closeness = 1 - min(1.0, abs(3.0 + log10(config.learning_rate)) / 1.1)
    ceiling = (
        0.60
        + 0.21 * closeness
        + 0.03 * len(config.layers) / LAYERS
        + (0.13 if number == CHOSEN else 0)
        + chance.gauss(0, 0.012)
    )
    state, cause = ENDS.get(number, (TrialState.COMPLETE, ""))
    reached = {TrialState.COMPLETE: 3, TrialState.DIVERGED: 1, TrialState.TIMED_OUT: 2, TrialState.FAILED: 1}.get(
        state, 0
    )
    if number in (1, 3, 6, 10, 14, 18, 21):
        state, reached = TrialState.STOPPED, 1 + number % 2
        cause = f"beaten at {'1/9' if reached == 1 else '1/3'} of the training by trial {(number * 5) % 24}"
    rungs = tuple(
        RungRecord(
            rung=rung,
            share=SHARES[rung],
            steps=round(64 * 9 * SHARES[rung]),
            score=Score(
                value=round(ceiling - (0.13, 0.05, 0.0)[rung] + chance.gauss(0, 0.008), 4), standard_error=0.021
            ),
            train_loss=round(0.62 - 0.1 * rung, 3),
            seconds=round(31.0 * SHARES[rung] * len(config.layers), 1),
        )
        for rung in range(reached)
    )
    return TrialRecord(
        number=number,
        state=state,
        params=asked,
        config=config,
        metric=rungs[-1].score.value if rungs and not state.is_failure else None,
        trainable_params=params_of(config),
        peak_memory_bytes=memory_of(config),
        rungs=rungs,
        seconds=600.0
        if state is TrialState.TIMED_OUT
        else rungs[-1].seconds
        if rungs
        else (0.0 if state is TrialState.REFUSED else 2.4),
        cause=cause,
        started_at=f"2025-03-01T12:{number:02d}:00Z",
        ended_at=f"2025-03-01T12:{number + 1:02d}:30Z",
    )


def data() -> DataRecord:
    """Return the record of 1,140 reviews in two classes."""
    return DataRecord(
        source="reviews.csv",
        hash="sha256:4f1c0d8a2b7e93516d0c5a4f8e2b19d7c3a6e5f40918b2d7e6c5a4f3b2e1d0c9",
        text_column="text",
        label_column="label",
        classes=("negative", "positive"),
        class_counts={"train": (318, 312), "validation": (171, 169), "test": (86, 84)},
        split_row_ids={
            "train": tuple(str(row) for row in range(1, 631)),
            "validation": tuple(str(row) for row in range(631, 971)),
            "test": tuple(str(row) for row in range(971, 1141)),
        },
        rows_in_source=3000,
        rows=1140,
        findings=(
            Finding(
                code="duplicate_rows",
                severity="note",
                message="4 rows repeat an earlier text; they were kept on one side of the split.",
                rows=(88, 412, 733, 901),
            ),
            Finding(
                code="truncated",
                severity="warning",
                message="3.1 % of the texts are longer than 128 tokens and were cut.",
                rows=(7, 52, 190),
            ),
        ),
        seed=0,
        max_length=128,
        token_lengths=(3, 7, 13, 19, 31, 84, 212),
        truncated_share=0.031,
        unknown_token_share=0.0004,
    )


def _seeds(mean: float, seconds: float, test: float) -> tuple[SeedResult, ...]:
    return tuple(
        SeedResult(
            seed=seed,
            validation=Score(value=round(mean + shift, 4), standard_error=0.019),
            test=Score(value=round(test + (shift - 0.006) / 2, 4), standard_error=0.027),
            seconds=seconds,
        )
        for seed, shift in ((100, 0.006), (101, -0.011), (102, 0.005))
    )


def _candidate(
    name: str, description: str, config: AdapterConfig | None, mean: float, test: float, trial: int | None = None
) -> Candidate:
    params = params_of(config) if config else 0
    return Candidate(
        name=name,
        kind="baseline" if trial is None else "finalist",
        description=description,
        config=config,
        trial=trial,
        seeds=_seeds(mean, 41.0, test)
        if config
        else (
            SeedResult(
                seed=100,
                validation=Score(value=mean, standard_error=0.02),
                test=Score(value=test, standard_error=0.03),
                seconds=0.4,
            ),
        ),
        validation=mean,
        validation_standard_error=0.018,
        test=test,
        test_ci95=(round(test - 0.058, 4), round(test + 0.055, 4)),
        trainable_params=params,
        adapter_bytes=4 * params + 1_480 if config else 0,
        peak_memory_bytes=memory_of(config) if config else 0,
        seconds=123.0 if config else 0.4,
        seconds_a_thousand=6.5 if config else 0.21,
    )


def _point(
    share: float, rows: int, validation: float, difference: tuple[float, float, float] | None
) -> SensitivityPoint:
    return SensitivityPoint(
        share=share, rows=rows, seeds=3, validation=validation, standard_error=0.018, difference=difference
    )


def confirm() -> ConfirmRecord:
    """Return three confirmed finalists and four baselines."""
    finalists = [trial for trial in trials() if trial.number in (CHOSEN, 2, 16)]
    default = config_of(8, 2, "attention_qv", "all", 2e-4)
    grid = config_of(8, 2, "attention_qv", "all", 2e-3)
    means = {CHOSEN: (0.871, 0.864), 2: (0.852, 0.841), 16: (0.858, 0.853)}
    return ConfirmRecord(
        candidates=(
            *(
                _candidate(
                    f"finalist_{one.number}",
                    f"rank {one.config.rank}, {one.params['target_modules']}, {one.params['layers']}",
                    one.config,
                    *means[one.number],
                    one.number,
                )
                for one in finalists
                if one.config is not None
            ),
            _candidate("majority", "always the most frequent class", None, 0.335, 0.336),
            _candidate("tfidf", "word counts and logistic regression", None, 0.802, 0.795),
            _candidate("default_lora", "rank 8 on query and value, rate 0.0002", default, 0.711, 0.703),
            _candidate("rate_grid", "the default with the best of five rates", grid, 0.862, 0.858),
        ),
        paired_test_differences={
            "majority": (0.528, 0.471, 0.583),
            "tfidf": (0.069, 0.018, 0.121),
            "default_lora": (0.161, 0.104, 0.219),
            "rate_grid": (0.006, -0.021, 0.034),
            "finalist_2": (0.023, -0.012, 0.058),
            "finalist_16": (0.011, -0.017, 0.04),
        },
        left_out={"full_tuning": "it would take about 40 min, and 90 s were left"},
        learning_curve=(
            _point(0.25, 320, 0.79, (0.081, 0.05, 0.112)),
            _point(0.5, 640, 0.842, (0.029, 0.004, 0.054)),
            _point(1.0, 1_280, 0.871, None),
        ),
        label_noise=(
            _point(0.0, 0, 0.871, None),
            _point(0.1, 85, 0.859, (0.012, -0.011, 0.035)),
            _point(0.2, 170, 0.83, (0.041, 0.013, 0.069)),
        ),
        test_opened_at="2025-03-01T12:58:11Z",
    )


def recommendation() -> Recommendation:
    """Return a recommendation to adopt the chosen trial."""
    record = confirm()
    chosen = next(one for one in record.candidates if one.trial == CHOSEN)
    assert chosen.config is not None
    front = [trial for trial in trials() if trial.number in (CHOSEN, 2, 16)]
    return Recommendation(
        name="product-reviews",
        verdict="adopt",
        reasons=(
            Reason(
                text="It scores 0.864 on the test rows, and TF-IDF 0.795: the difference of 0.069 is beyond chance.",
                fields=(
                    "confirm.candidates.finalist_17.test",
                    "confirm.candidates.tfidf.test",
                    "confirm.paired_test_differences.tfidf",
                ),
            ),
            Reason(
                text="It is as good as the default at its best rate, within 0.03, with a fifth of its parameters.",
                fields=(
                    "confirm.paired_test_differences.rate_grid",
                    "recommendation.trainable_params",
                    "baselines.rate_grid.trainable_params",
                ),
            ),
            Reason(
                text="No finalist is better beyond the noise of its validation score, and none is smaller.",
                fields=("confirm.candidates.finalist_16.validation", "confirm.candidates.finalist_2.validation"),
            ),
        ),
        config=chosen.config,
        trial=CHOSEN,
        metric=MetricSummary(
            name="macro_f1", validation=chosen.validation, test=chosen.test, test_ci95=chosen.test_ci95
        ),
        trainable_params=chosen.trainable_params,
        trainable_fraction=chosen.trainable_params / BASE_PARAMS,
        adapter_bytes=chosen.adapter_bytes,
        peak_memory_bytes=MemorySummary(
            predicted=chosen.peak_memory_bytes, measured=round(chosen.peak_memory_bytes * 1.06)
        ),
        baselines={one.name: _baseline(one) for one in record.candidates if one.kind == "baseline"},
        front=tuple(
            FrontPoint(
                trial=one.number,
                config=one.config,
                validation=one.metric or 0.0,
                trainable_params=one.trainable_params or 0,
                peak_memory_bytes=one.peak_memory_bytes or 0,
            )
            for one in front
            if one.config is not None
        ),
        search=SearchSummary(
            trials=24,
            completed=12,
            stopped=7,
            failed=4,
            refused=1,
            seconds=1483.0,
            device="cpu (2 cores, bf16 products)",
            hypervolume=0.4312,
            hypervolume_reference={"metric_floor": 0.335, "params_best": 1000.0, "params_worst": 1_000_000.0},
        ),
        calibration=Calibration(
            temperature=1.4,
            rows=228,
            error_before=0.081,
            error=0.023,
            bins=(
                ReliabilityBin(confidence=0.65, accuracy=0.61, rows=40),
                ReliabilityBin(confidence=0.93, accuracy=0.94, rows=188),
            ),
            coverage=(
                CoveragePoint(confidence=0.51, share=1.0, accuracy=0.88, accuracy_ci95=(0.83, 0.92)),
                CoveragePoint(confidence=0.9, share=0.8, accuracy=0.95, accuracy_ci95=(0.91, 0.97)),
            ),
        ),
        versions={"autolora": "0.1.0", "torch": "2.13.0", "transformers": "5.23.0", "peft": "0.21.2"},
        data=DataSummary(
            source="reviews.csv", hash=data().hash, rows=1140, splits={"train": 630, "validation": 340, "test": 170}
        ),
        base_model={
            "id": "sentence-transformers/all-MiniLM-L6-v2",
            "hash": "sha256:53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        },
        precision="fast",
        seed=100,
    )


def _baseline(candidate: Candidate) -> BaselineSummary:
    return BaselineSummary(
        description=candidate.description,
        metric=MetricSummary(
            name="macro_f1", validation=candidate.validation, test=candidate.test, test_ci95=candidate.test_ci95
        ),
        trainable_params=candidate.trainable_params,
        trainable_fraction=candidate.trainable_params / BASE_PARAMS,
        adapter_bytes=candidate.adapter_bytes,
        peak_memory_bytes=MemorySummary(predicted=candidate.peak_memory_bytes),
        seconds=candidate.seconds,
        seconds_a_thousand=candidate.seconds_a_thousand,
        config=candidate.config,
    )
