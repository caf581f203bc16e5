"""Batches and memories as text for a terminal or a script. Knows records; asks and decides nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence

from autolora.listing import VERDICTS, aligned
from autolora.records import to_json
from autolora.records.past import PastSearch
from autolora.records.portfolio import MemberOutcome, PortfolioRecord
from autolora.units import in_minutes


def portfolio_as(kind: str, it: PortfolioRecord) -> str:
    """Return a batch as ``text`` or ``json``, ending in a line break."""
    if kind == "json":
        return to_json(it, indent=1) + "\n"
    cells = [["task", "state", "verdict", "score", "best rival", "parameters", "adapter", "time"]]
    cells += [_member(member) for member in it.members]
    done = sum(member.state == "done" for member in it.members)
    budget = "" if it.budget_seconds is None else f" of {in_minutes(it.budget_seconds)}"
    lines = [f"{it.name}: {done} of {len(it.members)} tasks done in {in_minutes(it.seconds)}{budget}", ""]
    lines += aligned(cells)
    lines += [f"{m.name}: {m.cause}" for m in it.members if m.state == "failed"]
    return "".join(f"{line}\n" for line in lines)


def _member(it: MemberOutcome) -> list[str]:
    return [
        it.name,
        it.state,
        VERDICTS[it.verdict] if it.verdict else "",
        "" if it.test is None else f"{it.metric} {it.test:.3f}",
        "" if it.rival_test is None else f"{it.rival} {it.rival_test:.3f}",
        f"{it.trainable_params:,}" if it.trainable_params else "",
        f"{it.adapter_bytes / 1000:,.0f} kB" if it.adapter_bytes else "",
        in_minutes(it.seconds) if it.seconds else "",
    ]


def past_as(kind: str, searches: Sequence[PastSearch]) -> str:
    """Return what a memory holds as ``text`` or ``json``, ending in a line break."""
    if kind == "json":
        return json.dumps([json.loads(to_json(each)) for each in searches], indent=1, ensure_ascii=False) + "\n"
    if not searches:
        return "It holds no searches.\n"
    cells = [["task", "kept", "base", "metric", "rows", "classes", "tokens", "trials"]]
    for each in searches:
        like = each.likeness
        numbers = [f"{like.rows:,}", str(like.classes), f"{like.tokens:.0f}", str(len(each.trials))]
        cells.append([each.name, each.at[:16].replace("T", " "), each.base_id, each.metric, *numbers])
    return "".join(f"{line}\n" for line in aligned(cells))
