"""Records as text for a terminal or a script: tables, CSV, JSON. Knows records; asks and decides nothing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from autolora.business import Business, Machine, ends
from autolora.objectives import Objective
from autolora.records import (
    QUANTILES,
    BaselineSummary,
    DataRecord,
    Fact,
    Finding,
    MetricSummary,
    Recommendation,
    to_json,
)
from autolora.records.forecast import Forecast
from autolora.records.review import ReviewRecord
from autolora.results import COLUMNS, SearchRecord
from autolora.units import in_minutes

if TYPE_CHECKING:
    from autolora.predict.streaming import Passed
    from autolora.review.records import ReviewKey

VERDICTS = {
    "adopt": "adopt the recommended adapter",
    "keep_default": "keep the default LoRA settings",
    "use_simpler": "use something simpler",
    "not_ready": "not ready",
}
_FORMULA_STARTS = tuple("=+-@\t\r＝＋－＠")
"""What makes a spreadsheet take a cell for a formula; the wide forms do in Japanese ones."""
_SHOWN = (
    "trial", "state", "metric", "trainable_params", "trained_share", "rank", "target_modules", "layers",
    "learning_rate", "seconds", "cause",
)  # fmt: skip


def rows_as(kind: str, rows: list[dict[str, Any]]) -> str:
    """Return trials as flat rows as ``table``, ``json`` or ``csv``, ending in a line break."""
    if kind == "json":
        return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
    if kind == "csv":
        out = io.StringIO()
        writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _inert(value) for name, value in row.items()} for row in rows)
        return out.getvalue()
    cells = [list(_SHOWN)] + [[_cell(name, row.get(name)) for name in _SHOWN] for row in rows]
    return "".join(f"{line}\n" for line in aligned(cells))


def data_as(kind: str, it: DataRecord) -> str:
    """Return what a dataset holds as ``text`` or ``json``, ending in a line break."""
    if kind == "json":
        return to_json(it, indent=1) + "\n"
    used = "" if it.rows == it.rows_in_source else f", {it.rows:,} of them used"
    lines = [
        f"{it.source}: {it.rows_in_source:,} rows{used}, {_columns(it)}",
        f"content  {it.hash}",
        "",
    ]
    if it.number_quantiles:
        numbers = zip(QUANTILES, *it.number_quantiles.values(), strict=True)
        lines += aligned([["number", *it.number_quantiles], *([n, *(f"{v:g}" for v in row)] for n, *row in numbers)])
    elif it.problem == "generation":
        lines += aligned([["", *it.split_row_ids], ["rows", *(f"{len(ids):,}" for ids in it.split_row_ids.values())]])
    else:
        counts = zip(it.classes, *it.class_counts.values(), strict=True)
        lines += aligned([["class", *it.class_counts], *([str(cell) for cell in row] for row in counts)])
    lines.append("")
    of, whole = ("prompt", "row") if it.problem == "generation" else ("text", "text")
    if it.character_lengths:
        lines.append(f"characters  {_range(it.character_lengths)} in a training {of}")
    if it.token_lengths:
        lines.append(
            f"tokens      {_range(it.token_lengths)} in a training {whole}; {it.truncated_share:.1%} of the {whole}s"
            f" are cut at {it.max_length:,}; {it.unknown_token_share:.1%} of the tokens are unknown to the base"
        )
    else:
        lines.append("tokens      not counted: name the --base-model whose tokenizer is to count them")
    lines.append("")
    lines += [_finding(finding) for finding in it.findings] or ["Nothing odd was found."]
    return "".join(f"{_on_one_line(line)}\n" for line in lines)


def forecast_as(kind: str, it: Forecast, business: Business | None = None) -> str:
    """Return what a search would take as ``text`` or ``json``, ending in a line break.

    Args:
        kind: Of the two.
        it: What it would take.
        business: What an hour of the machine costs and draws, where that was entered.
    """
    if kind == "json":
        return to_json(it, indent=1) + "\n"
    low, likely, high = map(in_minutes, it.seconds)
    parts = [
        [
            part.name,
            in_minutes(part.seconds),
            f"{part.train:,}" if part.train else "",
            f"{part.scored:,}" if part.scored else "",
        ]
        for part in it.parts
    ]
    adapters = [
        [
            each.name,
            f"{each.trainable_params:,}",
            f"{each.adapter_bytes / 1e6:.2f} MB",
            f"{each.peak_memory_bytes / 1e9:.2f} GB",
        ]
        for each in it.adapters
    ]
    lines = [
        f"{it.name} on {it.base_model} ({it.device}), measured in {in_minutes(it.calibration_seconds)}",
        it.in_words,
        "",
        *aligned([["part", "about", "training rows", "scored on"], *parts]),
        "",
        f"time    {low} to {high}, likely {likely}",
        *(_prices(it, business.machine, business.currency) if business is not None else ()),
        "",
        *aligned([["adapter", "parameters", "file", "memory to train it"], *adapters]),
    ]
    return "".join(f"{_on_one_line(line).rstrip()}\n" for line in lines)


def _prices(it: Forecast, machine: Machine, currency: str) -> Iterator[str]:
    """Yield what the machine time costs and draws, as far as that was entered."""
    low, likely, high = (each / 3600 for each in it.seconds)
    if (hour := machine.an_hour()) is not None:
        amounts = [f"{float(price) * hours:,.2f}" for price, hours in zip(hour, (low, likely, high), strict=True)]
        yield f"money   {amounts[0]} to {amounts[2]} {currency}, likely {amounts[1]}"
    if machine.watts is not None:
        kilowatts = [float(each) / 1000 for each in ends(machine.watts)]
        energy = [f"{power * hours:.3f}" for power, hours in zip(kilowatts, (low, likely, high), strict=True)]
        yield f"energy  {energy[0]} to {energy[2]} kWh, likely {energy[1]}"


def _columns(it: DataRecord) -> str:
    if it.text_column == it.label_column:
        return f"conversations in {it.text_column!r}"
    text, label = ("prompt", "completion") if it.problem == "generation" else ("text", "label")
    return f"{text} in {it.text_column!r}, {label} in {it.label_column!r}"


def _range(quantiles: Sequence[int]) -> str:
    return f"{quantiles[0]:,} to {quantiles[-1]:,}, median {quantiles[len(quantiles) // 2]:,},"


def _finding(finding: Finding) -> str:
    return f"{finding.severity:<8} {finding.advice}"


def _on_one_line(text: str) -> str:
    """Return text without characters that would break the line or move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def aligned(lines: list[list[str]]) -> list[str]:
    """Return rows of cells as lines, columns aligned."""
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def facts_as(kind: str, facts: Sequence[Fact]) -> str:
    """Return what was found out about a machine as ``text`` or ``json``, ending in a line break."""
    if kind == "json":
        return to_json(facts, indent=1) + "\n"
    lines: list[str] = []
    for topic in dict.fromkeys(fact.topic for fact in facts):
        own = [fact for fact in facts if fact.topic == topic]
        cells = [[f"  {fact.name}", fact.value, "" if fact.state == "ok" else _said(fact)] for fact in own]
        lines += [topic, *aligned(cells)]
    return "".join(f"{_on_one_line(line)}\n" for line in lines)


def _said(fact: Fact) -> str:
    return f"{fact.state}: {fact.hint}"


def passed_as(it: Passed) -> str:
    """Return how giving rows answers went, ending in a line break."""
    asides = [
        f"{it.abstained:,} abstained" if it.abstained else "",
        f"{it.blank:,} of them blank" if it.blank else "",
        f"{it.cut:,} longer than what the adapter reads" if it.cut else "",
    ]
    told = "".join(f"; {aside}" for aside in asides if aside)
    return f"{it.rows:,} rows in {it.seconds:.1f} s ({it.rate:,.1f} rows a second){told}.\n"


def made_as(it: ReviewKey) -> str:
    """Return what a review shows, ending in a line break."""
    shown = len(it.items)
    apart = sum(item.stratum == "differ" for item in it.items)
    return (
        f"Review {it.id}: {len(it.answers):,} answers to {shown:,} of {sum(it.strata.values()):,} test rows; on"
        f" {apart:,} of these they differ. Who gave which stays in the run folder.\n"
    )


def review_as(it: ReviewRecord, after: Recommendation) -> str:
    """Return what a review came to, and the verdict after it, ending in a line break."""
    cells = [["candidate", "accepted", "95 %", "after an edit", "rejected", "recommended less this, 95 %"]]
    for one in it.candidates:
        apart = it.differences.get(one.name)
        low, high = one.accepted_ci95
        less = "" if apart is None else f"{apart[0]:+.3f}, {apart[1]:+.3f} to {apart[2]:+.3f}"
        cells.append(
            [
                one.name,
                f"{one.accepted:.1%}",
                f"{low:.1%} to {high:.1%}",
                f"{one.edited:.1%}",
                f"{one.rejected:.1%}",
                less,
            ]
        )
    lines = [f"reviewers  {', '.join(it.reviewers)}", f"items      {it.items:,}", "", *aligned(cells), ""]
    if it.agreement is not None:
        alpha = "" if it.alpha is None else f", Krippendorff's alpha {it.alpha:.2f}"
        lines += [f"agreement  {it.agreement:.0%} of judgements the same{alpha}", ""]
    lines += [_verdict(after), ""]
    lines += [f"- {reason.text}" for reason in after.reasons]
    return "".join(f"{_on_one_line(line)}\n" for line in lines)


def recommendation_as(kind: str, it: SearchRecord) -> str:
    """Return the recommendation as ``text`` or ``json``, ending in a line break."""
    found = it.recommendation
    if kind == "json":
        return (to_json(found, indent=1) if found else "null") + "\n"
    if found is None:
        return "No recommendation yet: the search has not ended.\n"
    lines = [_verdict(found), ""]
    lines += [f"- {reason.text}" for reason in found.reasons]
    if found.would_change:
        lines += ["", "What would change this:", *(f"- {reason.text}" for reason in found.would_change)]
    used = found.used
    if found.metric is not None and used.config is not None:
        config = used.config
        lines += [
            "",
            f"config   rank {config.rank}, alpha {config.alpha:g}{' (rsLoRA)' if config.use_rslora else ''}, "
            f"layers {', '.join(map(str, config.layers))}, learning rate {config.learning_rate:.2g}",
            f"         modules {', '.join(config.target_modules)}",
            f"size     {used.trainable_params:,} trained parameters ({used.trainable_fraction:.2%} of the model), "
            f"{used.adapter_bytes / 1e6:.2f} MB",
            "",
        ]
        own = "recommended" if found.verdict == "adopt" else "best found"
        lines.append(_scores(own, found.metric, found.trainable_params))
        lines += [_scores(name, b.metric, b.trainable_params) for name, b in _sorted(found.baselines, it.metric)]
    return "\n".join(lines) + "\n"


def _verdict(found: Recommendation) -> str:
    was = found.verdict_before_review
    before = "" if was is None or was == found.verdict else f" (before the review: {VERDICTS[was]})"
    return f"verdict  {VERDICTS[found.verdict]}{before}"


def _sorted(baselines: dict[str, BaselineSummary], metric: Objective) -> list[tuple[str, BaselineSummary]]:
    def place(item: tuple[str, BaselineSummary]) -> tuple[bool, float]:
        test = item[1].metric.test
        return test is None, metric.loss(test or 0.0)

    return sorted(baselines.items(), key=place)


def _scores(name: str, metric: MetricSummary, params: int) -> str:
    interval = f" (95 % {metric.test_ci95[0]:.3f} to {metric.test_ci95[1]:.3f})" if metric.test_ci95 else ""
    test, validation = ("none" if it is None else f"{it:.3f}" for it in (metric.test, metric.validation))
    return f"{name:<13}{metric.name} test {test}{interval}, validation {validation}, {params:,} parameters"


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "metric":
        return f"{value:.4f}"
    if name == "learning_rate":
        return f"{value:.2g}"
    if name == "trained_share":
        return f"{value:.0%}"
    return f"{value:,}" if name == "trainable_params" else " ".join(str(value).split())


def _inert(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula."""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA_STARTS) else text
