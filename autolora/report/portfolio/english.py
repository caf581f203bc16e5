"""The managers' page of a batch in English."""

from __future__ import annotations

from autolora.report.portfolio.wording import Wording

ENGLISH = Wording(
    title="{name}: what {count} tasks came to",
    made="Made on {date} from the folder of the batch; scores and times were measured, money rests on what was entered "
    "in the task files.",
    unfinished="The batch has not ended: this is how it stands.",
    verdicts={
        "adopt": "adapter", "keep_default": "standard settings", "use_simpler": "something simpler",
        "not_ready": "not yet",
    },
    states={"waiting": "waiting", "running": "at work", "failed": "failed", "cancelled": "given up", "done": "done"},
    headings={
        "recommendation": "Recommendation", "cost": "Cost so far", "value": "What it is worth",
        "confidence": "How sure we are", "tasks": "The tasks", "scores": "Scores against the best way without a search",
        "order": "In which order to roll out", "storage": "What has to be stored", "share": "Who may share an adapter",
        "time": "Where the time went", "decision": "Decision asked for", "failed": "What went wrong", "glossary": "Words",
    },
    columns={
        "task": "Task", "verdict": "Recommended", "score": "Score (95 %)", "kpi": "Asked for", "rival": "Best without a search",
        "size": "Adapter", "cost": "Cost of the trial", "net": "Worth a month", "payback": "Payback", "rows": "Items",
        "time": "Time", "place": "Place", "why": "Why",
    },
    recommendation="Of {count} tasks: {parts}.",
    recommended={
        "adopt": "{count} worth an adapter of its own", "keep_default": "{count} as good with standard settings",
        "use_simpler": "{count} as good with something simpler", "not_ready": "{count} not ready",
    },
    none_done="No task has come to a verdict yet.",
    not_done=" Without a verdict, or failed: {count}.",
    cost="The batch took {hours} of machine time for {done} of {count} tasks.",
    cost_money=" The trials cost {total} in all.",
    cost_unpriced=" What an hour costs was not entered.",
    value="In full use the adapters that go to work ({count}) are worth {net} a month after all running costs, in the likely "
    "case. Paid back within the time that is counted: {back}.",
    value_unknown="What it is worth cannot be said: no task file says what the work costs today.",
    value_some=" Not in this sum: {count} whose task files do not say what the work costs today.",
    confidence="Each score rests on test items that were looked at once, after everything was chosen.",
    confidence_wide=" The least sure is {name}: its true score may be anything from {low} to {high}.",
    reached="reached",
    missed="missed",
    no_kpi="nothing asked for",
    payback="{months} months",
    payback_never="not within {months} months",
    chart="The dot is the best adapter that was found, the line its 95 % interval, the ring the best way that needs no search, "
    "the tick what was asked for.",
    chart_own="best adapter",
    chart_rival="best without a search",
    chart_kpi="asked for",
    order={
        "money": "worth {net} a month",
        "gain": "gains most of what was left to gain ({score} against {rival})",
        "simpler": "no adapter is needed: something simpler does as well",
        "loss": "as it is, running it costs more than it brings ({net} a month)",
        "not_ready": "more labelled items, or a lower target, come first",
        "failed": "its data or its model must be mended first",
        "cancelled": "it was given up",
        "waiting": "it has not been begun",
        "running": "it is at work",
        "done": "nothing of it goes to work",
    },
    storage="The {count} adapters take {adapters} together; as many models of their own would take {models}, {times} times as "
    "much. The model itself ({base}) is stored once.",
    storage_none="No task needs an adapter to be stored.",
    share="{rows} may use the adapter of {adapter}: it scores {score} there, the task's own {own}.",
    share_none="No adapter of one task is as good as another task's own on the other's items.",
    share_unknown="No two finished tasks have the same labels, so none can stand in for another.",
    time="Every task had the least that its search takes; the rest went to where one more trial promised most.",
    time_moved="{name}: {minutes} of trials, {trials} of them{why}{learned}.",
    ended_by={
        "trials": ", as many as were asked for", "promise": ", until one more promised next to nothing",
        "time": ", until the time was over", "space": ", all that there are", "": "",
    },
    learned="; it began with what worked for {names}",
    decision="Approve the roll-out of {first} first, then of the others in the order above; each begins with a pilot, as its own "
    "report says.",
    decision_none="Nothing is ready to be rolled out: approve more labelled items, or lower targets.",
    glossary=(
        ("Adapter (LoRA)", "A small file that teaches a finished language model one job; the model itself stays as it is."),
        ("Standard settings", "An adapter too, trained without a search: that it does as well is a finding, not a failure."),
        ("95 % interval", "Where the true score lies, with 95 % confidence: the fewer items, the wider."),
        ("Worth a month", "Errors avoided and hours paid out less, after all running costs, in full use."),
    ),
)  # fmt: skip
