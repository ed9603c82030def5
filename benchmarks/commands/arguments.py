"""Checks of the arguments of the Python interface."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

import pandas as pd

from satclip_bench.benchmarks.runs.record import MAX_SEED
from satclip_bench.core.errors import BenchError


def checked_seeds(seeds: Iterable[int]) -> tuple[int, ...]:
    """Seeds as whole numbers.

    Args:
        seeds: the seeds as they were given.

    Raises:
        BenchError: they are not several whole numbers from 0 to `MAX_SEED`.

    >>> checked_seeds(range(3))
    (0, 1, 2)
    """
    try:
        checked = tuple(map(operator.index, seeds))
    except TypeError:
        checked = ()
    if not checked or min(checked) < 0 or max(checked) > MAX_SEED:
        raise BenchError(
            f"seeds={seeds!r}: give a list of whole numbers from 0 to {MAX_SEED}, such as (0, 1, 2)"
        )
    return checked


def require_table_and_column(task: Any) -> None:
    """Raise BenchError unless a task is a pair of the path of a file and the name of a column."""
    try:
        path, column = task
        pair = hasattr(path, "__fspath__") or isinstance(path, str)
        if pair and isinstance(column, str):
            return
    except (TypeError, ValueError):
        pass
    raise BenchError(
        "a task is a name such as 'biomes', or a pair of a file and one of its columns, such as "
        f"('farms.csv', 'yield'), but one is {_shown(task)}. Save a data frame to a file first"
    )


def require_frame(table: object) -> None:
    """Raise BenchError unless a table is a data frame."""
    if not isinstance(table, pd.DataFrame):
        raise BenchError(
            f"the table is {_shown(table)}; it should be a data frame, as from `evaluate` or "
            "pandas.read_parquet('FOLDER/results.parquet')"
        )


def _shown(given: object) -> str:
    if isinstance(given, str):
        return repr(given)
    if isinstance(given, tuple):
        return f"({', '.join(type(part).__name__ for part in given)})"
    return f"an object of the type {type(given).__name__}"
