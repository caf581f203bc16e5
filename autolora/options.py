"""What commands that take a dataset can be told. Spelling only; ``command`` makes a request of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def data_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add to a command what says how DATA is read and split."""
    for option in reversed(
        (
            click.option("--text", help="Column that holds the text; text unless set."),
            click.option("--label", help="Column that holds the label; label unless set."),
            click.option("--prompt", help="Column of the prompts, where an answer is to be written."),
            click.option("--completion", help="Column of the answers; completion unless set."),
            click.option("--messages", help="Column of conversations, of which the last message is the answer."),
            click.option(
                "--template", help="How a prompt is put to the base: chat, plain, or a text with {prompt} in it."
            ),
            click.option(
                "--problem",
                type=click.Choice(["single_label", "multi_label", "regression"]),
                help="What a label is: one class (unless set), any number of classes, or a number.",
            ),
            click.option("--label-separator", help="What stands between the classes of a row, such as a semicolon."),
            click.option(
                "--encoding", help="Of text files, such as cp1252; UTF-8, UTF-16, Shift_JIS and EUC-JP are found."
            ),
            click.option(
                "--split-by", help="Column whose equal cells stay on one side of the splits, such as a customer."
            ),
            click.option("--split-by-time", help="Column of times; the latest rows are tested on."),
            click.option(
                "--slice",
                "slices",
                multiple=True,
                help="Column by whose values the report tells test rows apart, such as a branch; may be given again.",
            ),
        )
    ):
        function = option(function)
    return function


def search_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add to a command all that says which search of DATA is asked for."""
    for option in reversed(
        (
            click.option("--base-model", help="Folder or hub id of the base model."),
            click.option(
                "--metric",
                help="What decides quality: macro_f1 (the default) or accuracy; micro_f1; mae or r2; of answers chrf"
                " (the default), rouge_l, token_f1, exact_match, completion_loss, or accuracy by likelihood.",
            ),
            click.option(
                "--space",
                help="Search space: encoder (the default), decoder (for answers), decoder_quick, attention_only,"
                " quick, or a YAML file.",
            ),
            click.option("--trials", type=int, help="How many configurations to try; 24 unless set."),
            click.option(
                "--budget",
                help="Time for everything, such as 15m or 1h30m, or money for machine time, such as 3000yen.",
            ),
            click.option("--rows", type=int, help="Use a stratified sample of this many rows."),
            click.option("--test", help="File with the rows to test on; without it a part of DATA is kept for that."),
            click.option("--max-params", type=int, help="Most trainable parameters."),
            click.option("--max-memory", help="Most training memory, such as 8GB."),
            click.option(
                "--min-metric",
                type=float,
                help="Score on the validation split that a positive verdict needs; for mae the most.",
            ),
            click.option(
                "--kpi",
                multiple=True,
                metavar="METRIC=SCORE",
                help="The same for another metric, such as accuracy=0.9; may be given several times.",
            ),
            click.option(
                "--margin",
                type=float,
                help="What a smaller adapter may be worse and still be as good; 0.01 unless set.",
            ),
            click.option(
                "--baselines",
                type=click.Choice(["none", "quick", "all"]),
                help="What finalists are compared with; quick unless set, all adds prompt tuning and full fine-tuning.",
            ),
            click.option("--seed", type=int, help="Seed of splits, sampler and weights; 0 unless set."),
            click.option(
                "--precision",
                type=click.Choice(["auto", "exact", "fast", "4bit"]),
                help="Of the base: float32, bf16, or 4 bits where it is too large for those; auto takes bf16 where it"
                " is faster.",
            ),
            click.option(
                "--prefix-cache", help="Memory (and disk) for what is computed of a row once, such as 2GB; 0 for none."
            ),
            click.option(
                "--memory",
                help="Folder of what earlier searches found, to learn from and add to: settings and scores, no texts.",
            ),
            click.option("--address", help="Join this Ray cluster instead of starting a private one."),
        )
    ):
        function = option(function)
    return data_options(function)
