"""Readers of the tables of the catalogues: the column of one target, and the places of its rows.

They return what the readers of the paper editions return.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from satclip_bench.core.errors import TaskError
from satclip_bench.tasks.paper_edition.readers import (
    ReaderResult,
    as_numbers,
    read_frame,
    with_points,
)

if TYPE_CHECKING:
    import pandas as pd

    from satclip_bench.tasks.catalogue.entries import Logarithm

KEY = "ID"
"""Column by which the tables of USAVars belong together."""


def numbers(
    paths: Sequence[Path],
    *,
    columns: Sequence[str],
    missing: float | None = None,
    logarithm: Logarithm = "",
) -> ReaderResult:
    """Read a numeric target.

    Args:
        paths: the table and, if it has no coordinates, tables that have those of its rows.
        columns: names that the target's column can have; the first that is found is read.
        missing: number that stands for no value.
        logarithm: natural logarithm to take of the values.

    Raises:
        TaskError: a column is missing, or is not numeric.
    """
    frame, left_out = _read(paths, columns)
    value = frame["target"]
    known = np.isfinite(value) if missing is None else np.isfinite(value) & (value != missing)
    left_out["without a value"] = int((~known).sum())
    frame = frame[known]
    if logarithm:
        with np.errstate(invalid="ignore", divide="ignore"):
            take = np.log1p if logarithm == "log(1 + x)" else np.log
            frame = frame.assign(target=take(frame["target"]))
        positive = np.isfinite(frame["target"])
        left_out["whose value has no logarithm"] = int((~positive).sum())
        frame = frame[positive]
    return ReaderResult(frame.reset_index(drop=True), left_out)


def classes(
    paths: Sequence[Path], *, columns: Sequence[str], missing: float | None = None
) -> ReaderResult:
    """Read classes that are whole numbers; their names are the numbers.

    Args:
        paths: the table alone.
        columns: names that the target's column can have; the first that is found is read.
        missing: number that stands for the sea.

    Raises:
        TaskError: a column is missing, or has values that are not whole numbers.
    """
    frame, left_out = _read(paths, columns)
    number = frame["target"]
    known = np.isfinite(number)
    if (broken := known & (number != np.floor(number))).any():
        raise TaskError(
            f"{paths[0]} should have whole numbers for classes; it has "
            f"{number[broken].iloc[0]:g} in the column of the target"
        )
    land = known if missing is None else known & (number != missing)
    left_out |= {"at sea": int((known & ~land).sum()), "without a class": int((~known).sum())}
    frame = frame[land].reset_index(drop=True)
    # Padded names sort in the order of the numbers.
    frame["target"] = frame["target"].astype(np.int64).map("{:04d}".format)
    return ReaderResult(frame, left_out)


def _read(paths: Sequence[Path], columns: Sequence[str]) -> tuple[pd.DataFrame, dict[str, int]]:
    """Columns lon, lat and target of all rows that have coordinates, and how many have none."""
    raw = read_frame(paths[0])
    name = next((column for column in columns if column in raw.columns), None)
    if name is None:
        raise TaskError(
            f"{paths[0]} should have a column called {' or '.join(columns)}; it has "
            f"{', '.join(map(str, raw.columns[:40]))}. Predict another of its columns with "
            "--task-file and --target."
        )
    target = as_numbers(raw[name], paths[0])
    if paths[1:]:
        places, key = _places(paths[1:]), _keys(raw, paths[0])
        raw = raw.assign(lon=key.map(places["lon"]), lat=key.map(places["lat"]))
    frame = with_points(raw, paths[0], target)
    located = np.isfinite(frame["lon"]) & np.isfinite(frame["lat"])
    return frame[located], {"without coordinates": int((~located).sum())}


def _places(paths: Sequence[Path]) -> pd.DataFrame:
    """Columns lon and lat by ID, from several tables."""
    import pandas as pd

    tables = []
    for path in paths:
        raw = read_frame(path)
        tables.append(with_points(raw, path, _keys(raw, path)))
    places = pd.concat(tables).dropna().set_index("target")
    return places[~places.index.duplicated()]


def _keys(frame: pd.DataFrame, path: Path) -> pd.Series:
    """Key of each row as text, the same whether a table's keys were read as numbers or as text."""
    import pandas as pd

    if KEY not in frame.columns:
        raise TaskError(
            f"{path} should have a column called {KEY}; it has "
            f"{', '.join(map(str, frame.columns[:12]))}"
        )
    key = frame[KEY]
    if pd.api.types.is_float_dtype(key) and (key.dropna() % 1 == 0).all():
        # Whole numbers were read as floats because the column has blanks.
        key = key.astype("Int64")
    return key.astype(str).where(key.notna())
