"""The page in English."""

from __future__ import annotations

from autolora.economics.sources import CONSEQUENCES
from autolora.report.management.wording import Wording

ENGLISH = Wording(
    title="{name}: what the trial found and what it is worth",
    made="Made on {date} from the run folder of the search; every number below says whether it was measured, "
    "estimated or entered.",
    recommendation={
        "adopt": "We recommend a pilot with the trained adapter: on {rows} test items that it had never seen it reached "
        "{metric} {score} (95 % interval {low} to {high}), and it is ahead of every simpler method by more than chance.",
        "keep_default": "We recommend a pilot with the standard settings: the best adapter reached {metric} {score} (95 % "
        "interval {low} to {high}) on {rows} test items, which is no more than standard settings reach.",
        "use_simpler": "We recommend the simplest method that does as well, and no adapter: the adapter's {metric} of "
        "{score} (95 % interval {low} to {high}) on {rows} test items is not ahead of {simpler} by more than chance.",
        "not_ready": "We recommend not to go on yet: the adapter does not reach what was asked for, or could not be "
        "compared.",
    },
    cost="The trial has cost {total} so far, of which {machine} for {hours} of machine time{people}{failed}.",
    cost_unpriced="The trial has taken {hours} of machine time so far{failed}; what an hour costs was not entered.",
    cost_people=" and {staff} for {staff_hours} of people's time",
    energy={
        "codecarbon": " The machine drew about {kwh} kWh{carbon}, as codecarbon estimates.",
        "watts": " By the watts entered the machine drew {kwh} kWh{carbon}.",
    },
    carbon=" ({kilograms} kg of carbon dioxide)",
    failed_trials=" ({failed} of {trials} trials failed and are counted)",
    payback="In the likely case the money is back after {months} months, and {value} are gained over {horizon} months "
    "(at today's worth).",
    payback_never="In the likely case the money does not come back within {horizon} months: the balance is {value} (at "
    "today's worth).",
    payback_spread=" In {draws} simulated courses the months until then are {p10} for one in ten, {p50} for half and {p90} for "
    "nine in ten; {never} are not paid back within {horizon} months.",
    payback_of_adapter=" These sums are the adapter's; those of the simpler method were not worked out.",
    later="more than {horizon}",
    payback_unknown="When it pays back cannot be said: {missing} not entered.",
    confidence="The test score rests on {rows} rows that were looked at once, after everything was chosen; the true score "
    "lies between {low} and {high} with 95 % confidence.",
    confidence_money=" Of the {all} numbers behind the money {measured} were measured, {estimated} estimated and {entered} "
    "entered; most hangs on {most}.",
    reopened=" The test rows had been looked at before, so the score may be too good.",
    headings={
        "recommendation": "Recommendation",
        "cost": "Cost so far",
        "payback": "Payback",
        "confidence": "How sure we are",
        "kpis": "Three figures against their targets",
        "cash": "Cash, month by month",
        "front": "What better costs",
        "risks": "Main risks",
        "review": "Review by those who do the work",
        "decision": "Decision asked for",
        "assumptions": "What this rests on",
        "missing": "Not entered",
        "sensitivity": "What the result hangs on",
        "options": "Ways to do the work",
        "scale": "Running cost at scale",
        "gates": "Roll-out in stages",
        "glossary": "Words",
    },
    kpi_quality="Right among the items that it answers alone",
    kpi_hours="Hours freed a month, in full use",
    kpi_payback="Months until the money is back",
    target="target {value}",
    no_target="no target entered",
    met="met",
    missed="missed",
    not_within="not within {horizon} months",
    unknown="unknown",
    apart="Freed hours are time first: {hours} hours a month in full use. Only the share that is paid out less counts as "
    "cash ({cash} a month); the rest is worth {other} as time for other work, and is in no balance here.",
    chart_cash="Balance of all cash so far. The line is the likely case, the band holds eight of ten simulated courses.",
    chart_cash_band="eight of ten courses",
    chart_ends="With every number at its bad end the balance is {low} after {horizon} months, with every number at its good end {high} (at "
    "today's worth); neither is likely.",
    chart_month="month",
    chart_swings="Balance at today's worth if only this number is at its low or high end.",
    break_even="The balance is nothing at: {values}.",
    chart_front="Each point is a way to train; further up is better, further left is smaller.",
    front_line="{name}: {metric} {score}, {params} trained numbers; {hours} of training, {thousand} for a thousand items.",
    risk_never="In {never} of the simulated courses the money does not come back within {horizon} months.",
    risk_slices="Kinds of items on which it is clearly worse than overall: {count}; worst is {kind} “{name}” ({score}).",
    risk_noise="Untidy texts cost quality: with {noise} the score falls from {clean} to {noisy}.",
    risk_wide="Few test items: the score may be anything from {low} to {high}.",
    risk_overconfident="It is not as sure as it says: confidence and truth are {points} points apart on average.",
    risk_errors="It would make more errors than people do today: {errors} more a month in full use.",
    risk_no_review="Nobody who does the work has judged its answers yet.",
    risk_missing="{count} numbers were not entered, so parts of the cost or of the gain are not counted.",
    risk_drift="Texts change with time: measure again every quarter on fresh items.",
    review_none="Not asked yet. autolora review make writes the page on which they judge, without knowing whose answer "
    "they see.",
    review_read="{reviewers} people judged {rows} items; they would use {share} of the recommended adapter's answers.",
    decision={
        "adopt": "Approve a pilot of three months with the people who do this work, on {volume} items a month, with "
        "{review} of the items decided by people.",
        "keep_default": "Approve a pilot of three months with standard settings; no more search is needed.",
        "use_simpler": "Approve the use of {simpler}; close the adapter project unless more labelled items become "
        "available.",
        "not_ready": "Approve more labelled items, or a lower target, before anything is rolled out.",
    },
    gates=(
        ("Pilot (one team)", "At least four of five answers are accepted by those who do the work, and the pilot's error "
        "rate is at most {errors}."),
        ("Team (whole department)", "Three months with the error rate at most {errors}, and at least {hours} hours freed a "
        "month."),
        ("Company", "Balance of the department above zero, and the score measured again on fresh items within its interval."),
    ),
    columns={
        "hours_freed": "Hours freed", "errors_avoided": "Errors avoided", "saved_errors": "Cash of errors avoided",
        "saved_hours": "Cash of hours freed", "time_for_other_work": "Time for other work (no cash)", "running": "Running",
        "upkeep": "Upkeep", "spent_before": "Spent before", "net": "Cash of the month", "cumulative": "Cash so far",
        "worth_today": "Worth today",
        "trained": "trained numbers",
        "what": "What", "low": "low", "likely": "likely", "high": "high", "unit": "unit", "kind": "kind", "source": "source",
        "key": "Key", "consequence": "What follows", "way": "Way", "score": "Score (95 %)", "training": "Training",
        "training_cost": "Cost of training", "thousand": "Cost of 1,000 items", "times": "Volume", "items": "Items a month",
        "hours": "Machine hours a month", "cost": "Cost a month", "stage": "Stage", "opens": "What opens the next",
    },
    kinds={"measured": "measured", "estimated": "estimated", "entered": "entered"},
    names={
        "horizon_months": "Months that are counted", "machine": "The price of a machine hour",
        "volume_per_month": "Items a month", "minutes_per_item": "Minutes of an item today",
        "hourly_cost": "Cost of an hour of work", "error_rate": "Items wrong today", "cost_per_error": "Cost of an error",
        "adoption": "Share of items that go through it", "review_share": "Share that people decide",
        "review_minutes": "Minutes of an item that people decide", "cash_share": "Freed hours that are paid out less",
        "discount_rate": "Interest a year", "machine_hourly": "Cost of a machine hour", "staff_hourly": "Cost of a project hour",
        "trial_machine_hours": "Machine hours of the trial", "trial_staff_hours": "People's hours of the trial",
        "operation_hours_per_month": "Hours of operation a month", "retraining_hours": "People's hours to train again",
        "retrainings_per_year": "Trainings a year", "retraining_machine_hours": "Machine hours to train again",
        "accuracy": "Right among those answered alone", "seconds_per_item": "Machine seconds of an item",
    },
    candidates={
        "default_lora": "standard settings", "rate_grid": "standard settings at the best of a grid of rates",
        "head_only": "the last layer alone", "majority": "always the most frequent answer",
        "constant": "always the same answer", "tfidf": "word counts with a linear model", "prompt_tuning": "prompt tuning",
        "full_tuning": "training of the whole model", "zero_shot": "the model as it is",
        "few_shot": "the model with examples in the question", "nearest": "the answer to the most similar question",
        "nearest_base": "the answer to the most similar question (by the model)", "finalist": "adapter of trial {trial}",
        "recommended": "recommended adapter",
    },
    noises={
        "typos": "typing slips", "casing": "capitals throughout", "width": "the other width of characters",
        "unicode": "decomposed characters", "truncation": "half of the text missing",
    },
    consequences=CONSEQUENCES,
    do_nothing="Do nothing: the work goes on as today",
    machines="{count} machines day and night",
    not_priced="no price entered",
    glossary=(
        ("Adapter (LoRA)", "A small file that teaches a finished language model one job; the model itself stays as it is."),
        ("Test items", "Items that were kept back and looked at once, at the end."),
        ("95 % interval", "Where the true score lies, with 95 % confidence: the fewer items, the wider."),
        ("Macro-F1", "The mean over all classes of how reliably each is found; rare classes count as much as frequent ones."),
        ("Worth today", "Later money counts less, by the yearly interest entered."),
    ),
)  # fmt: skip
