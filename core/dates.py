"""Months and years of rows, as tasks give them and encoders take them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

TimeUnit = Literal["month", "year"]
"""What an encoder can take of a date."""

Times: TypeAlias = Mapping[TimeUnit, NDArray[np.int64]]
"""Months or years of `n` points by unit, `(n,)` each."""

RANGES: Mapping[TimeUnit, tuple[int, int]] = MappingProxyType(
    {"month": (1, 12), "year": (1800, 2200)}
)
"""Smallest and largest valid value of each unit."""


@dataclass(frozen=True)
class Dates:
    """Dates of the rows of a table, as far as a column gives them.

    Attributes:
        column: name of the column.
        times: read-only months from 1 to 12 and years from 1800 to 2200; a column of years has no
            months, and a column of months no years.
    """

    column: str
    times: Times

    def __post_init__(self) -> None:
        for values in self.times.values():
            values.setflags(write=False)


def time_problem(unit: TimeUnit, values: NDArray[Any]) -> str:
    """Why some whole numbers are not months or years; empty if all are.

    >>> time_problem("month", np.array([1, 12]))
    ''
    >>> time_problem("month", np.array([1, 13]))
    '13 in row 1 is not a month from 1 to 12'
    """
    low, high = RANGES[unit]
    wrong = np.flatnonzero((values < low) | (values > high))
    if not len(wrong):
        return ""
    return f"{values[wrong[0]]:g} in row {wrong[0]} is not a {unit} from {low} to {high}"
