"""Committed results: folders with the table of a run, but without its records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from satclip_bench.benchmarks.runs.columns import COLUMNS, MEASURED
from satclip_bench.benchmarks.runs.reading import ALL, AXES, NOTHING, RecordFilter
from satclip_bench.benchmarks.runs.record import RENAMED
from satclip_bench.core.errors import BenchError
from satclip_bench.core.parquet import DAMAGE, reason
from satclip_bench.core.program import program

EARLIER: Mapping[str, Any] = {
    "interval": "places",
    "n_clipped": 0,
    "n_shared": 0,
    "converged": pd.NA,
    "recipe_chosen": False,
    "source": MEASURED,
}
"""Columns that tidy tables of earlier versions do not have, and what held for all of their rows."""


def read_table(path: Path) -> pd.DataFrame:
    """The tidy table of a run, also of an earlier version.

    Args:
        path: a `results.parquet`.

    Raises:
        BenchError: the file cannot be read, is not a table of results, is empty, or has scores of
            several versions of one protocol.
    """
    try:
        frame = pd.read_parquet(path).rename(columns=RENAMED)
    except DAMAGE as error:
        raise BenchError(
            f"{path} cannot be read as a Parquet file: {reason(error)}. Restore it, or run "
            f"`{program()}` again"
        ) from error
    if missing := [name for name in COLUMNS if name not in frame and name not in EARLIER]:
        raise BenchError(
            f"{path} has no columns {', '.join(missing)}: it is not a table of results, or one of "
            f"a version that cannot be shown any more. Run `{program()}` again"
        )
    if frame.empty:
        raise BenchError(f"{path} has no scores. Run `{program()}` again")
    for name, versions in _protocols(frame).items():
        if len(versions) > 1:
            raise BenchError(
                f"{path} has scores of several versions of the protocol {name!r}: "
                f"{', '.join(versions)}. They cannot be ranked together; keep them in different "
                "folders"
            )
    if "converged" in frame:
        frame["converged"] = frame["converged"].astype("boolean")
    return frame


def _protocols(frame: pd.DataFrame) -> dict[str, list[str]]:
    """Versions of every protocol of a table, by the protocol's name."""
    versions: dict[str, list[str]] = {}
    for protocol in sorted(map(str, frame["protocol"].unique())):
        versions.setdefault(protocol.rpartition("/")[0], []).append(protocol)
    return versions


def select_rows(frame: pd.DataFrame, only: RecordFilter) -> pd.DataFrame:
    """The rows of a tidy table that a filter selects, as `RecordFilter.select` does of records.

    Raises:
        UnknownNameError: a name or wildcard matches nothing in the table.
        BenchError: the table has no scores of these seeds, or of this combination.
    """
    if only == ALL:
        return frame
    kept = frame["seed"].isin(only.chosen_seeds(frame["seed"].unique()))
    for axis in AXES:
        kept &= frame[axis].isin(only.chosen(axis, map(str, frame[axis].unique())))
    if not kept.any():
        raise BenchError(NOTHING)
    return frame[kept]
