"""Checks of a user table before anything is run: what cannot be scored, and what to know first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import TaskError
from satclip_bench.tasks.base import TaskTable

MIN_CLASS_ROWS = 5
"""Number of rows that the largest class needs: one for each fold of the blocked splits."""
DECIMALS = 7
"""Decimals of a degree, about 1 cm, to which points are compared."""


def places(lonlat: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number of the place of each point, `(N,)`. All points at a pole are at one place.

    Args:
        lonlat: `(N, 2)` degrees, longitude first.

    Examples:
        >>> places(np.array([[0.0, 90.0], [77.0, 90.0], [180.0, 0.0], [-180.0, 0.0]])).tolist()
        [1, 1, 0, 0]
    """
    rounded = np.round(lonlat, DECIMALS) + 0.0
    lon, lat = rounded[:, 0], rounded[:, 1]
    lon = np.where(np.abs(lat) == 90, 0.0, np.where(lon == 180, -180.0, lon))
    numbers = np.unique(np.stack([lon, lat], axis=1), axis=0, return_inverse=True)[1]
    return np.asarray(numbers.reshape(-1), dtype=np.int64)


def require_scorable(table: TaskTable, where: str) -> None:
    """Raise TaskError if no score of a table could mean anything.

    Args:
        table: table to be checked.
        where: name of the file, for error messages.
    """
    rows, column = len(table), table.card.target
    if rows == 1:
        raise TaskError(f"{where}: only one row has a place and a value of {column!r}")
    if len(np.unique(places(table.lonlat))) == 1:
        raise TaskError(
            f"{where}: all {rows:,} rows are at one place, where an encoder gives one embedding, "
            f"so {column!r} cannot be predicted from it"
        )
    if table.classes is None:
        if np.ptp(table.target) == 0:
            raise TaskError(
                f"{where}: every value of {column!r} is {table.target[0]:g}, so there is nothing "
                "to predict"
            )
        return
    counts = np.bincount(table.target.astype(np.int64))
    if len(counts) == 1:
        raise TaskError(
            f"{where}: all {rows:,} rows have one class of {column!r}, {table.classes[0]!r}, so "
            "there is nothing to predict"
        )
    if len(counts) > rows / 2 or counts.max() < MIN_CLASS_ROWS:
        shown = ", ".join(repr(name) for name in table.classes[:3])
        raise TaskError(
            f"{where}: the column {column!r} has {len(counts):,} classes in {rows:,} rows, such as "
            f"{shown}, at most {counts.max()} rows each. Classes need more rows: choose another "
            "column, or, if these are numbers, set task_type to regression in the card"
        )


def remarks(table: TaskTable) -> list[str]:
    """What a user should know about a table before its scores are read, one sentence each."""
    lines = []
    place = places(table.lonlat)
    rows_at = np.bincount(place)
    shared = int(rows_at[rows_at > 1].sum())
    if shared:
        lines.append(
            f"{shared:,} of {len(table):,} rows share their place with another row "
            f"({len(rows_at):,} places in all). Under the split `random` a place can be in the "
            "training set and in the test set, so its scores include places that were seen; "
            "prefer splits by blocks, such as blocks.10"
        )
    poles = int((np.abs(np.round(table.lonlat[:, 1], DECIMALS)) == 90).sum())
    if poles:
        lines.append(
            f"{poles:,} rows lie at a pole, which is one place for any longitude; encoders that "
            "do not know this give it many embeddings"
        )
    part = table.features.get("split")
    if part is not None and shared:
        names = np.unique(np.char.lower(np.char.strip(part)), return_inverse=True)[1]
        pairs = np.unique(np.stack([place, names.reshape(-1)], axis=1), axis=0)
        mixed = np.bincount(pairs[:, 0], minlength=len(rows_at)) > 1
        if mixed.any():
            lines.append(
                f"the column `split` puts {int(mixed.sum()):,} places into more than one set "
                f"({int(rows_at[mixed].sum()):,} rows), so that the split `official` tests at "
                "places that were seen"
            )
    if table.classes is not None:
        counts = np.bincount(table.target.astype(np.int64))
        rare = int((counts < MIN_CLASS_ROWS).sum())
        if rare:
            lines.append(
                f"{rare:,} of {len(counts):,} classes have fewer than {MIN_CLASS_ROWS} rows, so "
                "they are missing from some training or test sets"
            )
    return lines
