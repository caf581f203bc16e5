"""What was said of test rows, answered and reviewed."""

from __future__ import annotations

from autolora.records import (
    AnsweredRow,
    AnswersRecord,
    GeneralText,
    PredictionsRecord,
)
from autolora.records.review import CitedReason, Edit, ReviewedCandidate, ReviewRecord, Stratum
from autolora.records.robustness import NoiseRecord, RobustnessRecord
from tests.report.made_up.search import CHOSEN


def answers(text: str = "the van is late") -> AnswersRecord:
    """Return answers to six test rows, of which some got better and some worse."""
    names = (f"finalist_{CHOSEN}", "default_lora", "few_shot", "zero_shot")
    after, before = (0.9, 0.2, 0.5, 0.7, 0.4, 0.6), (0.1, 0.8, 0.5, 0.3, 0.5, 0.1)
    return AnswersRecord(
        rows=tuple(
            AnsweredRow(
                row_id=str(at + 1),
                prompt=f"question {at + 1}",
                wanted=f"{text} {at + 1}",
                written={name: f"{text} by {name}" for name in names},
            )
            for at in range(6)
        ),
        scores={
            name: {"chrf": 0.5, "rouge_l": 0.4, "token_f1": 0.3, "exact_match": 0.2}
            | ({} if name == "few_shot" else {"completion_loss": 1.5, "perplexity": 4.48})
            for name in names
        },
        row_scores={names[0]: after, "default_lora": before, "few_shot": before, "zero_shot": before},
        seconds=dict.fromkeys(names, 0.25),
        word_lengths={"wanted": (1, 2, 3, 4, 5, 6, 7)} | dict.fromkeys(names, (1, 1, 2, 4, 5, 9, 12)),
        general=GeneralText(text=f"a general text {text}", losses={names[0]: 3.2, "zero_shot": 3.0}),
    )


def predictions() -> PredictionsRecord:
    """Return what is said of ten test rows: the chosen adapter has nine right, the default seven, TF-IDF six."""
    truth = (0, 0, 0, 0, 0, 1, 1, 1, 1, 1)
    return PredictionsRecord(
        row_ids=tuple(str(at + 1) for at in range(10)),
        truth=truth,
        predicted={
            f"finalist_{CHOSEN}": (0, 0, 0, 0, 1, 1, 1, 1, 1, 1),
            "default_lora": (0, 0, 0, 1, 0, 1, 1, 1, 0, 0),
            "tfidf": (1, 1, 0, 0, 1, 1, 1, 1, 1, 0),
        },
        lengths=tuple(range(10, 110, 10)),
        updates={"10 attention.self.query": 0.5, "10 attention.self.value": 0.25, "11 attention.self.query": 1.5},
    )


def robustness() -> RobustnessRecord:
    """Return how the chosen adapter and the default do with noise: capitals cost nothing, a lost half much."""
    names = ("default_lora", f"finalist_{CHOSEN}")
    costs = {
        "typos": (-0.02, -0.05, 0.008),
        "casing": (0.0, -0.004, 0.004),
        "width": (-0.3, -0.36, -0.24),
        "unicode": (0.0, 0.0, 0.0),
        "truncation": (-0.11, -0.16, -0.06),
    }
    return RobustnessRecord(
        rows=400,
        scores={"default_lora": 0.703, f"finalist_{CHOSEN}": 0.864},
        noises=tuple(
            NoiseRecord(
                name=kind,
                changed=0.0 if kind == "unicode" else 0.98,
                scores={"default_lora": 0.703 + cost[0], f"finalist_{CHOSEN}": 0.864 + cost[0]},
                differences=dict.fromkeys(names, cost),
            )
            for kind, cost in costs.items()
        ),
    )


def review(text: str = "it is late") -> ReviewRecord:
    """Return what two reviewers made of 40 rows: the chosen adapter's answers are accepted most often."""
    chosen = f"finalist_{CHOSEN}"
    return ReviewRecord(
        id="0123456789ab",
        run="0123456789abcdef",
        read_at="2025-03-02T09:00:00+00:00",
        reviewers=("Ada", "Ben"),
        items=40,
        effective_items=31.5,
        strata={"differ": Stratum(rows=70, judged=26), "agree": Stratum(rows=100, judged=14)},
        chosen=chosen,
        candidates=(
            ReviewedCandidate(name=chosen, accepted=0.91, accepted_ci95=(0.8, 0.97), edited=0.05, rejected=0.04),
            ReviewedCandidate(name="default_lora", accepted=0.8, accepted_ci95=(0.6, 0.9), edited=0.05, rejected=0.15),
            ReviewedCandidate(name="tfidf", accepted=0.7, accepted_ci95=(0.5, 0.82), edited=0.1, rejected=0.2),
        ),
        differences={"default_lora": (0.11, 0.02, 0.2), "tfidf": (0.21, 0.1, 0.31)},
        alpha=0.71,
        agreement=0.86,
        reasons=(CitedReason(text=text, judgement="reject", times=5, candidates=("tfidf",)),),
        edits=(Edit(row_id="981", candidates=("tfidf", "default_lora"), written="negative", edited=text),),
    )
