"""Predictions at test points, the input of every diagnostic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from satclip_bench.benchmarks.metrics.scores import regression_scores
from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import chord_to_km, unit_vectors
from satclip_bench.tasks.base import TaskType

Float = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Predictions:
    """Predictions of one encoder at the test points of one seed, all folds together.

    Attributes:
        encoder: name of the encoder or baseline.
        seed: seed of the split and the probe.
        task_type: type of the task.
        row: `(n,)` rows of the task's table; a row occurs once for every fold that tests it.
        target: `(n,)` true values or class indices.
        prediction: `(n,)` predicted values or class indices.
        nearest_km: `(n,)` great-circle distance to the nearest training point of the row's fold.
    """

    encoder: str
    seed: int
    task_type: TaskType
    row: Index
    target: Float
    prediction: Float
    nearest_km: Float

    def __post_init__(self) -> None:
        sizes = {len(x) for x in (self.row, self.target, self.prediction, self.nearest_km)}
        if sizes == {0} or len(sizes) != 1:
            raise BenchError(
                f"predictions of {self.encoder!r}, seed {self.seed}: rows, targets, predictions "
                f"and distances must have the same length of at least one; got {sorted(sizes)}"
            )

    @property
    def error(self) -> Float:
        """`(n,)` absolute errors in the unit of the target; for classes 1 if wrong, else 0."""
        if self.task_type == "regression":
            return np.abs(self.target - self.prediction)
        return np.asarray(self.target != self.prediction, dtype=np.float64)

    @property
    def residual(self) -> Float:
        """`(n,)` residuals, target - prediction; for classes the error, which has no sign."""
        return self.target - self.prediction if self.task_type == "regression" else self.error

    def once(self, values: Float) -> tuple[Index, Float]:
        """Distinct rows, ascending, with the mean of their `values` over the folds that test them.

        Spatial statistics count pairs of neighbours; a repeated point would be a pair with itself.
        """
        rows, place, count = np.unique(self.row, return_inverse=True, return_counts=True)
        return rows, np.bincount(place, weights=values) / count


def together(parts: Sequence[Predictions]) -> Predictions:
    """Predictions of one encoder and seed, joined over folds."""
    first = parts[0]
    return Predictions(
        first.encoder,
        first.seed,
        first.task_type,
        np.concatenate([p.row for p in parts]),
        np.concatenate([p.target for p in parts]),
        np.concatenate([p.prediction for p in parts]),
        np.concatenate([p.nearest_km for p in parts]),
    )


def nearest_km(lonlat: Float, test: Index, train: Index) -> Float:
    """Great-circle distance from each test row to the nearest training row, `(len(test),)` km.

    Args:
        lonlat: `(N, 2)` degrees of the whole table, longitude first.
        test: rows of the test set.
        train: rows of the training set.

    Example:
        >>> lonlat = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 5.0]])
        >>> nearest_km(lonlat, np.array([0]), np.array([1, 2])).round()
        array([111.])
    """
    chord, _ = KDTree(unit_vectors(lonlat[train])).query(unit_vectors(lonlat[test]))
    return chord_to_km(np.asarray(chord))


def score(task_type: TaskType, target: Float, prediction: Float) -> float:
    """R2 or accuracy; NaN for an R2 of targets that do not vary.

    >>> score("classification", np.array([1.0, 2.0]), np.array([1.0, 3.0]))
    0.5
    """
    if task_type == "classification":
        return float(np.mean(target == prediction))
    return regression_scores(target, prediction)["r2"]
