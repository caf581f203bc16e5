"""Puts one search's report together as a single HTML page that asks nothing of any network.

Everything from outside is escaped by the templates; the figures travel as JSON in a script block that the browser
does not run, with ``<`` written as an escape. The page forbids itself every request and every script but its own.
"""

from __future__ import annotations

from functools import cache

import jinja2
from markupsafe import Markup

from autolora import __version__
from autolora.inline import asset, environment, json_block, script_hash
from autolora.report import answers, figures, gains, recipes, reviewing, sure, tables, text, words
from autolora.report.canvas import PALETTE
from autolora.report.draw import Record, draw
from autolora.report.evidence import evidence
from autolora.report.importance import TRIALS_TO_TRUST, importance
from autolora.report.key_numbers import key_numbers
from autolora.report.noise import noise
from autolora.report.slices import measure, slices
from autolora.report.source import SearchReport

_PACKAGE = "autolora.report"
_PLOTLY = "plotly-basic-3.7.0.min.js"
_EVENTS_SHOWN = 200


def render_engineer(report: SearchReport) -> str:
    """Return the engineer's report as the text of one HTML file."""
    ranking = importance(report.trials)
    records: dict[str, Record] = {
        "params": figures.pareto_figure(report, "trainable_params"),
        "memory": figures.pareto_figure(report, "peak_memory_bytes"),
        "rungs": figures.rung_figure(report),
        "confirmed": figures.confirmed_figure(report),
        "importance": ranking,
    }
    if report.recommendation is not None and report.recommendation.calibration is not None:
        records["reliability"] = sure.reliability_figure(report.recommendation.calibration)
        records["coverage"] = sure.coverage_figure(report.recommendation.calibration)
    drawn = {name: draw(record) for name, record in records.items() if not record.missing}
    plotly, script = asset(_PACKAGE, "assets", _PLOTLY), asset(_PACKAGE, "templates", "page.js")
    return (
        _environment()
        .get_template("engineer.html")
        .render(
            report=report,
            recommendation=report.recommendation,
            figures=records,
            ranking=ranking,
            trials_to_trust=TRIALS_TO_TRUST,
            evidence=lambda path: evidence(report, path),
            key_numbers=key_numbers(report),
            comparison=tables.comparison(report),
            confirmed=tables.confirmed(report),
            class_rows=tables.class_rows(report),
            number_rows=tables.number_rows(report),
            token_lengths=tables.token_lengths(report),
            splits=tables.SPLITS,
            failures=tables.failures(report),
            answers=report.answers,
            answer_metrics=answers.metrics(report),
            answer_rows=answers.rows(report),
            changed=answers.changed(report),
            names=answers.names(report),
            gains=gains.gains(report),
            confusions=gains.confusions(report),
            updates=gains.updates(report),
            slices=slices(report),
            sliced_by=measure(report),
            noise=noise(report),
            review=reviewing.shown(report),
            front={point.trial for point in report.recommendation.front} if report.recommendation else set(),
            started=min((trial.started_at for trial in report.trials if trial.started_at), default=""),
            ended=max((trial.ended_at for trial in report.trials if trial.ended_at), default=""),
            request=tuple(tables.flat(report.shareable_request)),
            events=report.events[-_EVENTS_SHOWN:],
            recipes=recipes,
            words=words,
            flat=tables.flat,
            version=__version__,
            figures_json=json_block({"palette": PALETTE, "figures": drawn}),
            style=Markup(asset(_PACKAGE, "templates", "style.css")),
            # Trusted: both come with the package, and the policy below lets no other script run.
            scripts=(Markup(plotly), Markup(script)) if drawn else (Markup(script),),
            script_hashes=[script_hash(plotly), script_hash(script)],
        )
    )


@cache
def _environment() -> jinja2.Environment:
    made = environment(_PACKAGE)
    for name in ("count", "duration", "interval", "metric_name", "moment", "number", "percent", "plain", "ranges"):
        made.filters[name] = getattr(text, name)
    made.filters |= {"rough": text.rough_percent, "score": text.score, "signed": text.signed, "size": text.size}
    return made
