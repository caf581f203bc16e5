"""From a file, a saved folder or a hub id to checked splits. Knows no tokens, no model and no search."""

from autolora.data.findings import find_in_tokens
from autolora.data.labels import MOST_ANSWERS
from autolora.data.preparing import prepare, record
from autolora.data.reading import READ_OTHERWISE, Tables, read_table, read_tables
from autolora.data.subsets import subset
from autolora.data.table import Table

__all__ = [
    "MOST_ANSWERS",
    "READ_OTHERWISE",
    "Table",
    "Tables",
    "find_in_tokens",
    "prepare",
    "read_table",
    "read_tables",
    "record",
    "subset",
]
