"""Search an adapter for a table of labelled texts, and use what was found.

Usage: python search_table.py TABLE.csv BASE_MODEL RUN_FOLDER
"""

from __future__ import annotations

import sys
from typing import Any

import autolora


def search_table(table: str, base_model: str, run_folder: str, **options: Any) -> autolora.SearchRecord:
    """Search with options named as the flags of ``autolora search``, print the best trials and the verdict."""
    record = autolora.search(table, text="text", label="label", base_model=base_model, out=run_folder, **options)

    for row in record.leaderboard()[:5]:
        print(row["trial"], row["state"], row["metric"], row["trainable_params"])

    found = record.recommendation
    if found is not None:
        print(found.verdict)
        for reason in found.reasons:
            print("-", reason.text)
    return record


if __name__ == "__main__":
    search_table(*sys.argv[1:4], trials=24, budget="15m", max_params=500_000)
