"""What a study keeps of a trial in its attributes, as the records that the rest of the house knows."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from optuna.trial import FrozenTrial

from autolora.records import AdapterConfig, RungRecord, TrialRecord, TrialState, from_json


def is_trial(trial: FrozenTrial) -> bool:
    """Whether it was asked for; a suggestion that waits, or was cut off before it got a configuration, is none."""
    return "config" in trial.user_attrs


def rungs_of(trial: FrozenTrial) -> tuple[RungRecord, ...]:
    """Return its scores so far."""
    return tuple(from_json(text, RungRecord) for text in trial.user_attrs.get("rungs", ()))


def state_of(trial: FrozenTrial) -> TrialState:
    """Return how it ended, or that it has not."""
    # Optuna's own state decides: an attribute may have been written just before the process ended.
    return TrialState(trial.user_attrs.get("state", "failed")) if trial.state.is_finished() else TrialState.RUNNING


def record_of(trial: FrozenTrial) -> TrialRecord:
    """Return all of it."""
    attrs = trial.user_attrs
    rungs = rungs_of(trial)
    return TrialRecord(
        number=trial.number,
        state=state_of(trial),
        params=attrs.get("params", {}),
        config=from_json(attrs["config"], AdapterConfig) if "config" in attrs else None,
        metric=rungs[-1].score.value if rungs else None,
        trainable_params=attrs.get("trainable_params"),
        peak_memory_bytes=attrs.get("peak_memory_bytes"),
        rungs=rungs,
        seconds=max(float(attrs.get("seconds", 0.0)), rungs[-1].seconds if rungs else 0.0),
        cause=attrs.get("cause", ""),
        started_at=_utc(trial.datetime_start),
        ended_at=_utc(trial.datetime_complete),
    )


def _utc(moment: Any) -> str:
    """Return Optuna's local, zoneless time as ISO 8601 in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else ""
