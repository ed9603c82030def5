"""Bootstrap scores over the folds of each task and seed, made from those of cells when needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.bootstrap import skill_of_sums
from satclip_bench.benchmarks.metrics.replicates import (
    Float,
    Replicates,
    RunReplicates,
)


class ColumnReplicates(Protocol):
    """Bootstrap scores `(encoder, column, B)`, of which some columns are read at a time."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of encoders, columns and replicates."""

    def of_columns(self, columns: slice) -> Float:
        """Scores of some columns, `(E, C, B)`, which must not be written to."""


@dataclass(frozen=True)
class SeedReplicates:
    """Bootstrap scores of encoders by (task, seed), made for some columns at a time.

    The scores of all columns are as large as those of the run: a new array of that size takes many
    times as long as to make those of a task twice in memory that has been used before.

    A fold of which a replicate drew no point is left out of that replicate. Losses are added over
    the folds of a replicate before skill is made of them.

    Attributes:
        cells: bootstrap scores of the cells of the run.
        rows: `(encoder, cell)` rows of `cells`; -1 for a cell without bootstrap scores.
        folds: cells of each column, which is a task and seed.
        pooled: `(column,)` whether its score is the skill that is pooled over folds.
        enough: `(column,)` whether its test sets have enough points or blocks for an interval; the
            bootstrap scores of others are not defined.
    """

    cells: RunReplicates
    rows: NDArray[np.intp]
    folds: tuple[NDArray[np.intp], ...]
    pooled: NDArray[np.bool_]
    enough: NDArray[np.bool_]

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of encoders, columns and replicates."""
        return len(self.rows), len(self.folds), self.cells.score.scores.shape[-1]

    def of_columns(self, columns: slice) -> Float:
        """Scores of some columns, `(E, C, B)`."""
        chosen = range(len(self.folds))[columns]
        scores = np.empty((len(self.rows), len(chosen), self.shape[-1]))
        for place, column in enumerate(chosen):
            score = self._skill if self.pooled[column] else self._mean
            of_folds = self.rows[:, self.folds[column]]
            scores[:, place] = score(of_folds) if self.enough[column] else np.nan
        return scores

    def _mean(self, of_folds: NDArray[np.intp]) -> Float:
        return self.cells.score.select(of_folds).mean(axis=1).scores

    def _skill(self, of_folds: NDArray[np.intp]) -> Float:
        losses, references = (
            _sum(part.select(of_folds)) for part in (self.cells.loss, self.cells.reference)
        )
        return skill_of_sums(losses, references)


@dataclass(frozen=True)
class RankedReplicates(SeedReplicates):
    """Bootstrap scores of the ranked encoders by (task, seed).

    Attributes:
        defined: index of the replicates in which every score is defined.
    """

    defined: slice | NDArray[np.bool_]


def _sum(replicates: Replicates) -> Float:
    """Sums of bootstrap losses `(E, F, B)` over the folds."""
    scores = replicates.scores
    return scores[:, 0] if scores.shape[1] == 1 else np.asarray(scores.sum(axis=1))
