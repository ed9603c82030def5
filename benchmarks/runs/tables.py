"""Tables and folds of tasks, read and made once per process."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.splits import Fold, SplitInputs, get_split
from satclip_bench.core.errors import FAILURES, BenchError
from satclip_bench.tasks import Edition, TaskTable, get_task
from satclip_bench.tasks.user_tables.task import MissingTableTask, UserTable, UserTableTask

MAX_KEPT_POINTS = 2**20
"""Number of points of a table up to which the folds of several splits are kept: nested folds have
row numbers of 170 bytes a point. Of a larger table, the last folds are kept."""

Stamp: TypeAlias = tuple[tuple[int, int, int], ...]
"""Modification time, size and inode of every file that a table is read from."""


@dataclass(frozen=True)
class TaskSource:
    """Which table to load: a task, its edition, and where the file is if it does not ship.

    Attributes:
        task: name of the task.
        edition: edition of the task.
        data_dir: folder with the tables that do not ship.
        file: user table that the task was made from, if any.
        sha256: hash of the table when the run was planned; empty if any table will do.
    """

    task: str
    edition: Edition = "open"
    data_dir: Path | None = None
    file: UserTable | None = None
    sha256: str = ""

    def load(self) -> TaskTable:
        """The table, read once per process. Raises BenchError."""
        return load_table(self)


def load_table(source: TaskSource) -> TaskTable:
    """The table of a task, read once per process unless its file changes.

    Raises:
        BenchError: it cannot be read, or is not the one that `source` names by its hash.

    >>> len(load_table(TaskSource("median_income")))
    3085
    """
    table = _load_table(_place_of(source), _stamp(source))
    require_table(table, source.sha256)
    return table


def require_table(table: TaskTable, sha256: str) -> None:
    """Raise BenchError unless a table is the one that a run was planned with.

    Args:
        table: the table as it is now, in this process.
        sha256: hash of the table when the run was planned; empty if any table will do.
    """
    if sha256 and table.sha256 != sha256:
        raise BenchError(
            f"the table of {table.card.name!r} is not the one that the run was planned with: its "
            f"sha256 begins with {table.sha256[:12]}, not {sha256[:12]}. If its file or card has "
            "changed, run the same command again; on a cluster, they have to be the same at the "
            "same path on all machines"
        )


def _place_of(source: TaskSource) -> TaskSource:
    """Where a table is, which is the same for the planning of a run and for its cells."""
    return replace(source, sha256="")


@lru_cache(maxsize=16)
def _load_table(source: TaskSource, stamp: Stamp) -> TaskTable:
    if source.file is not None:
        return _file_task(source.file, stamp).load()
    return get_task(source.task, source.edition, source.data_dir).load()


def available_tables(tasks: Iterable[str]) -> dict[str, TaskTable]:
    """Tables of tasks, by name; tasks whose table is not available are left out."""
    tables = {}
    for name in tasks:
        try:
            tables[name] = load_table(TaskSource(name))
        except BenchError:
            # Without its table a task has no map; its failed cells name the reason.
            continue
    return tables


@lru_cache(maxsize=16)
def _file_task(file: UserTable, stamp: Stamp) -> UserTableTask:
    return UserTableTask(file)


def _stamp(source: TaskSource) -> Stamp:
    """Times and sizes of a user table and its card, which change in the course of a notebook."""
    file = source.file or _registered_file(source.task)
    if file is None:
        return ()
    stamps = []
    for path in (file.path, file.card_path):
        try:
            status = path.stat()
            stamps.append((status.st_mtime_ns, status.st_size, status.st_ino))
        except OSError:
            stamps.append((0, 0, 0))
    return tuple(stamps)


def _registered_file(name: str) -> UserTable | None:
    """The user table of a task that was added to the registry of this process."""
    try:
        task = get_task(name)
    except BenchError:
        return None
    return task.file if isinstance(task, UserTableTask | MissingTableTask) else None


def make_folds(source: TaskSource, split: str, seed: int) -> tuple[Fold, ...]:
    """The folds of a task, made once per process unless its file changes. Raises BenchError.

    Args:
        source: the task's table.
        split: name of the split.
        seed: seed of the random assignment.
    """
    make = _kept_folds if len(load_table(source)) <= MAX_KEPT_POINTS else _last_folds
    return make(_place_of(source), split, seed, _stamp(source))


def _compute_folds(source: TaskSource, split: str, seed: int, stamp: Stamp) -> tuple[Fold, ...]:
    table, maker = load_table(source), get_split(split)
    domain = _domain(source, stamp) if maker.card.domain else None
    try:
        return maker.folds(SplitInputs.from_table(table, domain), seed)
    except BenchError:
        raise
    except FAILURES as error:
        raise BenchError(
            f"split {split!r} raised {type(error).__name__} on the points of {source.task!r}: "
            f"{error}"
        ) from error


_kept_folds = lru_cache(maxsize=64)(_compute_folds)
_last_folds = lru_cache(maxsize=1)(_compute_folds)


def get_fold(source: TaskSource, split: str, seed: int, name: str, sha256: str) -> Fold:
    """One fold of a task, verified against the hash of its rows.

    Args:
        source: the task's table.
        split: name of the split.
        seed: seed of the random assignment.
        name: name of the fold.
        sha256: hash of the fold's rows when the cell was planned.

    Raises:
        BenchError: the table is another one, there is no such fold, or it has other rows.
    """
    fold = next((fold for fold in make_folds(source, split, seed) if fold.name == name), None)
    if fold is None:
        raise BenchError(f"split {split!r} of task {source.task!r} has no fold {name!r}")
    if fold.sha256 != sha256:
        raise BenchError(f"fold {name!r} has other rows than when the run was planned")
    return fold


@lru_cache(maxsize=16)
def _domain(source: TaskSource, stamp: Stamp) -> NDArray[np.float64]:
    # Most splits need no domain, and a finished run nothing of scipy.
    from satclip_bench.benchmarks.splits.domain import prediction_domain

    return prediction_domain(load_table(source))
