"""Sentences and names that the page says about records. Knows no chart and no HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from autolora.records import AdapterConfig, Candidate, SplitName, TrialRecord, TrialState
from autolora.report import text
from autolora.report.source import SearchReport

STATES = {
    TrialState.RUNNING: "unfinished",
    TrialState.COMPLETE: "complete",
    TrialState.STOPPED: "stopped",
    TrialState.DIVERGED: "diverged",
    TrialState.OUT_OF_MEMORY: "out of memory",
    TrialState.TIMED_OUT: "timed out",
    TrialState.FAILED: "failed",
    TrialState.REFUSED: "refused",
}

_HELD_BACK = {
    "keep_default": "Keep the default LoRA settings: reviewers accept their answers more often.",
    "use_simpler": "Use something simpler: reviewers accept its answers more often than the adapter's.",
    "not_ready": "Not ready: reviewers are not shown to accept as many of the adapter's answers as were asked for.",
}
"""What a verdict says that a review has changed."""
_BASELINES = {
    "majority": "Majority class",
    "constant": "Same answer for all",
    "zero_shot": "Base without an adapter",
    "few_shot": "Base with examples in the prompt",
    "nearest": "Answer to the nearest prompt",
    "nearest_base": "The same, by the base's hidden states",
    "tfidf": "TF-IDF + linear model",
    "head_only": "Head only",
    "prompt_tuning": "Prompt tuning",
    "default_lora": "Default LoRA",
    "rate_grid": "Default LoRA, best of a rate grid",
    "full_tuning": "Full fine-tuning",
}
BASELINE_ORDER = tuple(_BASELINES)


def baseline_name(key: str) -> str:
    """Return the name in words of a baseline, or of another thing that is trained beside."""
    return _BASELINES.get(key, key.replace("_", " "))


def candidate_name(candidate: Candidate) -> str:
    """Return a confirmed candidate's name in words."""
    if candidate.kind == "baseline":
        return baseline_name(candidate.name)
    return candidate.name.replace("_", " ") if candidate.trial is None else f"Trial {candidate.trial}"


def chosen_name(report: SearchReport) -> str:
    """Return what the page calls the configuration that the recommendation speaks of."""
    candidate = report.chosen_candidate
    if candidate is not None:
        return candidate_name(candidate)
    if report.recommendation is not None and report.recommendation.trial is not None:
        return f"Trial {report.recommendation.trial}"
    return "Best adapter"


def verdict_word(report: SearchReport) -> str:
    """Return the verdict in two or three words."""
    if report.recommendation is None:
        return "No verdict yet"
    return {
        "adopt": "Adopt",
        "keep_default": "Keep the default",
        "use_simpler": "Use something simpler",
        "not_ready": "Not ready",
    }[report.recommendation.verdict]


def verdict_sentence(report: SearchReport) -> str:
    """Return the verdict as one sentence in plain words."""
    recommendation = report.recommendation
    if recommendation is None:
        return "No verdict yet: this search has not been judged."
    if recommendation.verdict_before_review not in (None, recommendation.verdict):
        return _HELD_BACK[recommendation.verdict]
    if recommendation.verdict == "adopt":
        parameters = text.count(recommendation.trainable_params, "trainable parameter")
        name = chosen_name(report) if recommendation.trial is None else f"the adapter of trial {recommendation.trial}"
        return f"Adopt {name}: it does the job with {parameters}."
    if recommendation.verdict == "keep_default":
        return "Keep the default LoRA settings: the search found nothing that is shown to be worth a change."
    if recommendation.verdict == "use_simpler":
        return "Use something simpler: no adapter is shown to beat it on the test rows."
    return "Not ready: no adapter has been shown to do this job."


def why_no_verdict(report: SearchReport) -> str:
    """Return what is missing for a verdict, or an empty text when there is one."""
    if report.recommendation is not None:
        return ""
    if report.confirm is not None:
        return "The finalists have been confirmed, but the recommendation has not been written yet."
    if not any(trial.state is TrialState.COMPLETE for trial in report.trials):
        return why_no_complete_trial(report.trials)
    return why_no_confirm(report)


def why_no_confirm(report: SearchReport) -> str:
    """Return why there are no confirmed candidates."""
    complete = sum(trial.state is TrialState.COMPLETE for trial in report.trials)
    if not complete:
        return f"Nothing was confirmed. {why_no_complete_trial(report.trials)}"
    return (
        f"The search has {text.count(complete, 'completed trial')}, but its finalists have not been trained again "
        "on fresh seeds. Until then there is no test score: a validation score that chose a configuration must not "
        "praise it."
    )


def why_no_complete_trial(trials: Sequence[TrialRecord]) -> str:
    """Return why no trial was trained in full."""
    if not trials:
        return "No trial has been started."
    return f"No trial was trained in full: of {text.count(len(trials), 'trial')}, {state_counts(trials)}."


def state_counts(trials: Sequence[TrialRecord]) -> str:
    """Return how many trials ended in which state: ``"12 complete, 7 stopped"``."""
    counts = Counter(trial.state for trial in trials)
    return ", ".join(f"{counts[state]} {word}" for state, word in STATES.items() if counts[state])


def split_rows(report: SearchReport, split: SplitName, *, exploring: bool = False) -> str:
    """Return a split's name with the rows used: ``"test, 170 rows"``, or ``"test, 8,000 of 75,000 rows"``."""
    rows, used = report.rows_in(split), report.rows_used(split, exploring=exploring)
    sampled = f"{text.number(used)} of " if used != rows else ""
    return f"{split}, {sampled}{text.count(rows, 'row')}"


def rows_used(report: SearchReport) -> str:
    """Return which rows each part of the search worked on; empty where all did on all."""

    def share(split: SplitName, *, exploring: bool = False) -> str:
        rows, used = report.rows_in(split), report.rows_used(split, exploring=exploring)
        return f"all {text.number(rows)}" if used == rows else f"{text.number(used)} of {text.number(rows)}"

    parts = (
        f"explored on {share('train', exploring=True)} training rows and judged on"
        f" {share('validation', exploring=True)} validation rows",
        f"finalists, default LoRA and TF-IDF trained on {share('train')} and chosen on {share('validation')}",
        f"tested on {share('test')}",
    )
    return "; ".join(parts) if any(" of " in part for part in parts) else ""


def modules(config: AdapterConfig) -> str:
    """Return the adapted modules by their short names."""
    return ", ".join(text.short_names(config.target_modules))


def configuration(config: AdapterConfig) -> str:
    """Return a configuration in one line."""
    return (
        f"rank {config.rank}, alpha {text.plain(config.alpha)}{' (rsLoRA)' if config.use_rslora else ''}, "
        f"{modules(config)}, layers {text.ranges(config.layers)}, rate {text.plain(config.learning_rate)}"
    )
