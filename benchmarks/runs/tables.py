"""Tables and folds of tasks, read once per process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.splits import Fold, SplitInputs, get_split
from satclip_bench.benchmarks.splits.domain import prediction_domain
from satclip_bench.tasks import Edition, TaskTable, get_task
from satclip_bench.tasks.user_tables.task import UserTable, UserTableTask


@dataclass(frozen=True)
class TaskSource:
    """Which table: of what task, in which edition, and where it lies if it does not ship.

    `file` is given for a task that was made of a table of one's own.
    """

    task: str
    edition: Edition = "open"
    data_dir: Path | None = None
    file: UserTable | None = None


@lru_cache(maxsize=16)
def load_table(where: TaskSource) -> TaskTable:
    """A task's table, read once a process. Raises BenchError."""
    if where.file is not None:
        return _task(where.file).load()
    return get_task(where.task, where.edition, where.data_dir).load()


@lru_cache(maxsize=16)
def _task(file: UserTable) -> UserTableTask:
    return UserTableTask(file)


@lru_cache(maxsize=64)
def make_folds(where: TaskSource, split: str, seed: int) -> tuple[Fold, ...]:
    """The folds of a task, made once a process. Raises BenchError."""
    table, maker = load_table(where), get_split(split)
    domain = _domain(where) if maker.card.domain else None
    points = SplitInputs(
        table.lonlat,
        table.target,
        table.region,
        table.card.block_degrees,
        domain,
        table.features.get("split"),
    )
    return maker.folds(points, seed)


@lru_cache(maxsize=16)
def _domain(where: TaskSource) -> NDArray[np.float64]:
    return prediction_domain(load_table(where))
