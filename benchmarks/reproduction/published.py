"""Published scores, and the evidence for each."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from satclip_bench.core.errors import BenchError

FILE = Path(__file__).with_name("published.csv")
"""The table that ships with the package."""

COLUMNS = (
    "paper",
    "table",
    "split",
    "task",
    "metric",
    "encoder",
    "value",
    "std",
    "evidence",
    "note",
)


def published_scores(path: Path = FILE) -> pd.DataFrame:
    """All published scores, one row per score; missing texts are empty strings.

    Args:
        path: CSV file with the columns `COLUMNS`.

    Raises:
        BenchError: the file is missing or has other columns.

    Examples:
        >>> len(published_scores())
        530
    """
    try:
        frame = pd.read_csv(path, keep_default_na=False, dtype=str)
    except (OSError, ValueError) as error:
        raise BenchError(f"the published scores cannot be read from {path}: {error}") from error
    if tuple(frame.columns) != COLUMNS:
        raise BenchError(f"{path} should have the columns {', '.join(COLUMNS)}")
    return frame.assign(
        value=pd.to_numeric(frame["value"]), std=pd.to_numeric(frame["std"], errors="coerce")
    )
