"""Checks of a user table before anything is run: what cannot be scored, and what to know first."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import TaskError
from satclip_bench.core.sphere import longitude_span, place_numbers
from satclip_bench.tasks.base import TaskTable

MIN_CLASS_ROWS = 5
"""Number of rows that the largest class needs: one for each fold of the blocked splits."""
MAX_NUMBER = 1e100
"""Largest absolute value of a target; squares of errors, and their sums, are finite up to there."""
ROUNDING = 1e-11
"""Range of a target relative to its largest value, below which scores would measure rounding."""
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
FAR = 5.0
"""Distance of a value from all others, relative to their range, from which on it is doubtful."""
TINY_DEGREES = 0.001
"""Extent of a table in degrees, about 100 m, below which its coordinates are doubtful."""
DECIMALS = 7
"""Decimals of a degree, about 1 cm, to which points are compared."""


def shown_number(number: float) -> str:
    """A number with all digits that tell it from others, so that it can be copied into a card.

    >>> shown_number(-9999999.0), shown_number(np.float64(-9999.9))
    ('-9999999', '-9999.9')
    """
    return repr(float(number)).removesuffix(".0")


def places(lonlat: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number of the place of each point, `(N,)`; points within about 1 cm share one.

    Args:
        lonlat: `(N, 2)` degrees, longitude first.

    Examples:
        >>> places(np.array([[0.0, 90.0], [77.0, 90.0], [180.0, 0.0], [-180.0, 0.0]])).tolist()
        [0, 0, 1, 1]
    """
    return place_numbers(np.round(lonlat, DECIMALS))


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
        _require_numbers_to_predict(table.target.astype(np.float64), f"{where}: ", column)
        return
    counts = np.bincount(table.target.astype(np.int64))
    if len(counts) == 1:
        raise TaskError(
            f"{where}: all {rows:,} rows have one class of {column!r}, {table.classes[0]!r}, so "
            "there is nothing to predict"
        )
    if len(counts) > rows / 2 or counts.max() < MIN_CLASS_ROWS:
        shown = ", ".join(repr(name) for name in table.classes[:3])
        numbers = all(NUMBER.fullmatch(name) for name in table.classes)
        raise TaskError(
            f"{where}: the column {column!r} has {len(counts):,} classes in {rows:,} rows, such as "
            f"{shown}, at most {counts.max()} rows each. Classes need more rows: choose another "
            "column" + (", or set task_type to regression in the card" if numbers else "")
        )


def _require_numbers_to_predict(target: NDArray[np.float64], where: str, column: str) -> None:
    """Raise TaskError if numbers do not vary, or their squares cannot be computed in float64."""
    low, high = float(target.min()), float(target.max())
    largest, span = max(abs(low), abs(high)), high - low
    if span == 0:
        raise TaskError(
            f"{where}every value of {column!r} is {low:g}, so there is nothing to predict"
        )
    if largest > MAX_NUMBER or span < 1 / MAX_NUMBER:
        raise TaskError(
            f"{where}the values of {column!r} lie between {low:g} and {high:g}. Their squares "
            "cannot be computed: choose another unit"
        )
    if span < ROUNDING * largest:
        raise TaskError(
            f"{where}the values of {column!r} differ by {span:g} at most, which is no more than "
            f"rounding beside {largest:g}: subtract a constant before the file is written"
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
    lines += _doubtful_coordinates(table.lonlat)
    if table.classes is None and _are_dates(table.target.astype(np.float64)):
        lines.append(
            f"all values of {table.card.target!r} can be read as dates (year, month, day without "
            "separators), but are taken for numbers, in which a new year is 8,870 days ahead"
        )
    if table.classes is None:
        lines += _far_values(table.target.astype(np.float64), table.card.target)
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


def _doubtful_coordinates(lonlat: NDArray[np.float64]) -> list[str]:
    """Signs that coordinates are in another unit, or mean that a place is unknown."""
    lines = []
    zero = int((lonlat == 0).all(axis=1).sum())
    if zero:
        lines.append(
            f"{zero:,} of {len(lonlat):,} rows lie at 0, 0 in the Gulf of Guinea, which often "
            "means that the place is unknown: leave their coordinates empty then"
        )
    largest = np.abs(lonlat).max(axis=0)
    extent = np.array([longitude_span(lonlat[:, 0]), np.ptp(lonlat[:, 1])])
    if (largest <= (np.pi, np.pi / 2)).all() and (extent > 1).all():
        lines.append(
            "all coordinates would be valid in radians, but are read as degrees: check their unit"
        )
    if extent.max() < TINY_DEGREES:
        lines.append(
            f"all rows lie within {extent.max() * 111_195:.0f} m of each other: check the unit and "
            "the CRS of the coordinates"
        )
    return lines


def _far_values(target: NDArray[np.float64], column: str) -> list[str]:
    """An extreme value that occurs repeatedly, far from all others, as one that means "none"."""
    values, counts = np.unique(target, return_counts=True)
    lines = []
    for end, rest in ((0, values[1:]), (-1, values[:-1])):
        gap = np.abs(values[end] - rest).min() if len(rest) > 1 else 0.0
        if counts[end] > 1 and gap > FAR * np.ptp(rest):
            lines.append(
                f"{counts[end]:,} rows have {shown_number(values[end])} as {column!r}, which is "
                "far from all other values: if it means that there is no value, name it in "
                "`no_data` of the card"
            )
    return lines


def _are_dates(numbers: NDArray[np.float64]) -> bool:
    """Whether all numbers are dates from 1900 to 2100, such as 20260131."""
    year, rest = np.divmod(numbers, 10_000)
    month, day = np.divmod(rest, 100)
    whole = bool((day % 1 == 0).all())
    ranges = ((year, 1900, 2100), (month, 1, 12), (day, 1, 31))
    return whole and all(bool(((low <= x) & (x <= high)).all()) for x, low, high in ranges)
