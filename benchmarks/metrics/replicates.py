"""Bootstrap scores: their means, differences and intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.bootstrap import MIN_DEFINED, TAILS, interval

if TYPE_CHECKING:
    import pandas as pd

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Replicates:
    """Scores in every replicate of the bootstrap of spatial blocks.

    All scores of a run share the draws of a place, so that the difference of two of them can be
    taken replicate by replicate.

    Attributes:
        scores: `(..., B)` float64, the replicates along the last axis. NaN where a replicate draws
            no block of a cell, which is common for cells of few blocks.
        index: labels of the first axis, or None if it has no labels.

    Example:
        >>> import numpy as np
        >>> one = Replicates(np.array([1.0, 2.0, 3.0]))
        >>> one.minus(Replicates(np.array([0.5, 1.5, 2.0]))).scores
        array([0.5, 0.5, 1. ])
        >>> Replicates(np.array([[1.0, np.nan], [3.0, 5.0]])).mean().scores
        array([2., 5.])
    """

    scores: Float
    index: pd.MultiIndex | None = None

    @classmethod
    def from_leading(cls, scores: Float) -> Replicates:
        """Replicates from an array `(B, ...)` with the replicates along the first axis."""
        return cls(np.moveaxis(scores, 0, -1))

    @property
    def leading(self) -> Float:
        """The scores as `(B, ...)`, as `ranking.aggregates` and `ranking.significance` take them.

        A view, not a copy.
        """
        return np.moveaxis(self.scores, -1, 0)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the scores."""
        return self.scores.shape

    @property
    def defined(self) -> slice | NDArray[np.bool_]:
        """Index of the replicates in which every score is defined."""
        return defined_in_all(self.scores)

    def of_columns(self, columns: slice) -> Float:
        """The scores of some columns of `(encoder, column, B)`, a view."""
        return self.scores[:, columns]

    def rows(self, labels: pd.MultiIndex) -> NDArray[np.intp]:
        """Row of each label, `(n,)`; -1 for labels without bootstrap scores.

        Args:
            labels: labels with the same levels as `self.index`.
        """
        if self.index is None:
            raise ValueError("only labelled replicates have rows with labels")
        return np.asarray(self.index.get_indexer(labels), dtype=np.intp)

    def select(self, rows: NDArray[np.intp]) -> Replicates:
        """The scores of rows, `(..., B)` without labels; NaN for a row that is -1.

        Args:
            rows: `(...)` rows, as the method `rows` gives them.
        """
        scores = self.scores[rows]
        scores[rows < 0] = np.nan
        return Replicates(scores)

    def clipped(self, floor: float) -> Replicates:
        """The same replicates with every score below `floor` raised to it."""
        return Replicates(self.scores.clip(min=floor), self.index)

    def mean(self, axis: int = 0) -> Replicates:
        """Mean over an axis of cells, in each replicate over the cells that are defined in it.

        Args:
            axis: axis to average over; not the last one.
        """
        cells = self.scores.shape[axis]
        if cells and isinstance(self.defined, slice):
            # A single cell is its own mean, without copies.
            return Replicates(
                self.scores.squeeze(axis) if cells == 1 else self.scores.sum(axis=axis) / cells
            )
        defined = np.isfinite(self.scores)
        count = defined.sum(axis=axis)
        with np.errstate(invalid="ignore", divide="ignore"):
            total = np.where(defined, self.scores, 0).sum(axis=axis)
            return Replicates(np.asarray(total / count))

    def minus(self, other: Replicates) -> Replicates:
        """Differences, replicate by replicate; shapes broadcast."""
        return Replicates(self.scores - other.scores)

    def interval(self, measured: Float | None = None) -> tuple[Float, Float]:
        """Ends of the 95 % intervals, `(...)` each; NaN where over one replicate in ten is NaN.

        Args:
            measured: `(...)` measured values; an interval is extended to contain its value.
        """
        shape = self.scores.shape[:-1]
        rows = self.scores.reshape(-1, self.scores.shape[-1])
        ends = np.full((2, len(rows)), np.nan)
        whole = np.isfinite(rows).all(axis=1)
        if whole.any() and rows.shape[1]:
            ends[:, whole] = np.quantile(rows[whole], TAILS, axis=1)
        for row in np.flatnonzero(~whole):
            ends[:, row] = interval(rows[row]) or np.nan
        low, high = ends.reshape(2, *shape)
        if measured is not None:
            # A minimum with NaN is NaN.
            low, high = np.minimum(low, measured), np.maximum(high, measured)
        return low, high

    def variance(self) -> Float:
        """Variance over the defined replicates (ddof 1), `(...)`; NaN if under 90 % are defined."""
        defined = np.isfinite(self.scores)
        count = defined.sum(axis=-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(defined, self.scores, 0).sum(axis=-1) / count
            squares = np.where(defined, self.scores - mean[..., None], 0) ** 2
            variance = squares.sum(axis=-1) / (count - 1)
        return np.where(count >= MIN_DEFINED * self.scores.shape[-1], variance, np.nan)


@dataclass(frozen=True)
class RunReplicates:
    """Bootstrap scores of the cells of a run, of each record's default kind of interval.

    All three have the same labels, `REPLICATE_KEY`. Losses are sums over points, so that the losses
    of folds are pooled by adding them: the pooled skill of a replicate is 1 - loss / reference. In
    replicates of blocks the reference is the number of points drawn times its mean loss at a point
    of the cell (see `benchmarks/metrics/bootstrap.py`).

    Attributes:
        score: score of the task's own metric, `(cells, B)`.
        loss: summed squared errors of a regression, number of errors of a classification.
        reference: the same losses of the mean target, or the most frequent class, of the training
            set; NaN for records that do not have it.
    """

    score: Replicates
    loss: Replicates
    reference: Replicates


def defined_in_all(scores: Float) -> slice | NDArray[np.bool_]:
    """Index of the replicates in which every score is defined, from scores `(..., B)`.

    Example:
        >>> import numpy as np
        >>> defined_in_all(np.array([[[0.1, 0.2], [0.3, np.nan]]])).tolist()
        [True, False]
        >>> defined_in_all(np.zeros((1, 2, 2)))
        slice(None, None, None)
    """
    with np.errstate(invalid="ignore", over="ignore"):
        # A sum takes a fraction of the time of testing every score.
        if np.isfinite(scores.sum()):
            return slice(None)
    return np.asarray(np.isfinite(scores).all(axis=tuple(range(scores.ndim - 1))))
