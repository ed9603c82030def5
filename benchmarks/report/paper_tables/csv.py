"""Numbers of tables for papers as CSV, one row per number, with all their digits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

import pandas as pd

from satclip_bench.benchmarks.report.paper_tables.model import Entry, PaperTable

COLUMNS = ("table", *(field.name for field in fields(Entry)))
"""Columns of the file: the name of the table, and those of `Entry`."""


def csv_text(tables: Iterable[PaperTable]) -> str:
    """One row per measured or published number, in the order of the tables; unknown ones empty."""
    rows = [
        {"table": table.name} | vars(cell.entry)
        for table in tables
        for cell in table.cells
        if cell.entry is not None
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(index=False, lineterminator="\n")
