"""Rows of a user table that are left out: without a target, with a number for none, or infinite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.tasks.user_tables.card import UserTableCard
from satclip_bench.tasks.user_tables.checks import shown_number


def left_out_rows(frame: Any, settings: UserTableCard) -> dict[str, NDArray[np.bool_]]:
    """Which rows are left out, `(N,)`, by the reason; each row has one reason at most.

    Args:
        frame: rows of the table, with the target as numbers or classes.
        settings: card of the table.
    """
    import pandas as pd

    target = frame[settings.column]
    reasons = {"without a target": target.isna().to_numpy(dtype=np.bool_)}
    for number in settings.no_data:
        reason = f"with {shown_number(number)}, which the card takes for no value,"
        reasons[reason] = _is_number(target, number)
    if pd.api.types.is_numeric_dtype(target):
        reasons["with an infinite target"] = np.isinf(target.astype("float64").to_numpy())
    if settings.region_column:
        region = frame[settings.region_column].isna().to_numpy(dtype=np.bool_)
        reasons["without a region"] = region
    before = np.zeros(len(frame), dtype=np.bool_)
    for reason, rows in reasons.items():
        reasons[reason], before = rows & ~before, before | rows
    return reasons


def unused_no_data(target: Any, settings: UserTableCard) -> list[str]:
    """A sentence for each number of the card's `no_data` that no row has.

    Args:
        target: column of the target, numbers or classes.
        settings: card of the table.
    """
    return [
        f"no row has {shown_number(number)}, which is in no_data of the card: compare it with the "
        "values of the file"
        for number in settings.no_data
        if not _is_number(target, number).any()
    ]


def _is_number(target: Any, number: float) -> NDArray[np.bool_]:
    """Which values are a number, `(N,)`, or what it is rounded to in the column's type."""
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(target):
        return np.zeros(len(target), dtype=np.bool_)
    values = target.astype("float64").to_numpy()
    dtype = getattr(target.dtype, "numpy_dtype", target.dtype)
    equal: NDArray[np.bool_] = values == number
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            rounded = float(dtype.type(number))
        if np.isfinite(rounded):
            equal |= values == rounded
    return equal


def rounded_no_data(numbers: Sequence[float]) -> str:
    """Text for the hash of a table whose rows version 0.1.0 may have compared with other numbers.

    Args:
        numbers: `no_data` of a card.

    Returns:
        Empty if all numbers are exact in float32, and differ in their first six digits.

    >>> rounded_no_data([-9999.0, -999.0]), rounded_no_data([-9999.9])
    ('', 'no_data is compared in the type of the column')
    """
    exact = all(float(np.float32(number)) == number for number in numbers)
    if exact and len({f"{number:g}" for number in numbers}) == len(set(numbers)):
        return ""
    return "no_data is compared in the type of the column"
