"""Skill by the distance of test points to the training set, pooled over folds and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.bootstrap import (
    MIN_UNITS,
    interval,
    reference_totals,
    skill_of_sums,
)
from satclip_bench.benchmarks.metrics.resampling import make_blocks
from satclip_bench.benchmarks.metrics.scores import (
    classification_reference,
    regression_reference,
)
from satclip_bench.benchmarks.splits import Fold
from satclip_bench.tasks.base import TaskType

Float = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class DistanceSkill:
    """Skill at test points whose distance to the training set is in one bin.

    Attributes:
        bin: number of the bin, nearest first.
        km: median distance of the points in the bin.
        n: number of test points; a point tested under several seeds counts for each.
        skill: skill over the training mean or majority; NaN if the reference makes no error.
        low, high: ends of its 95 % interval by the bootstrap of spatial blocks; NaN if the points
            lie in too few blocks.
    """

    bin: int
    km: float
    n: int
    skill: float
    low: float
    high: float


def point_losses(target: Float, prediction: Float, task_type: TaskType) -> Float:
    """Loss of every prediction, `(n,)`: squared error, or 1 for a wrong class.

    >>> point_losses(np.array([1.0, 2.0]), np.array([1.0, 5.0]), "regression")
    array([0., 9.])
    """
    if task_type == "regression":
        return (target - prediction) ** 2
    return np.asarray(target != prediction, dtype=np.float64)


def reference_predictions(folds: Sequence[Fold], target: Float, task_type: TaskType) -> Float:
    """Prediction of the reference at every test point, folds joined in their order, `(n,)`.

    That is the mean of the fold's training targets, or their most frequent class.

    Args:
        folds: folds of a seed.
        target: `(N,)` targets of the table.
        task_type: type of the task.
    """
    parts = []
    for fold in folds:
        trained = target[fold.train]
        value = (
            regression_reference(trained)
            if task_type == "regression"
            else float(classification_reference(trained.astype(np.int64)))
        )
        parts.append(np.full(len(fold.test), value))
    return np.concatenate(parts)


def skill_by_distance(
    km: Float, loss: Float, reference: Float, block: Index, edges: Float
) -> tuple[DistanceSkill, ...]:
    """Skill in bins of distance: summed losses of a bin, divided by those of the reference.

    Args:
        km: `(n,)` distance of each test point to the nearest training point of its fold.
        loss: `(n,)` losses of the predictions, as `point_losses` returns them.
        reference: `(n,)` losses of the reference.
        block: `(n,)` spatial block of each point, as `block_ids` returns them.
        edges: `(bins - 1,)` inner edges in km, as `distance_strata` returns them; a point at an
            edge is in the farther bin.

    Returns:
        One entry per bin with points, nearest first.

    Example:
        >>> import numpy as np
        >>> km, block = np.array([1.0, 2.0, 30.0]), np.zeros(3, dtype=np.int64)
        >>> losses, references = np.array([1.0, 0.0, 3.0]), np.array([2.0, 2.0, 2.0])
        >>> bins = skill_by_distance(km, losses, references, block, np.array([10.0]))
        >>> [(b.bin, b.km, b.n, b.skill) for b in bins]
        [(0, 1.5, 2, 0.75), (1, 30.0, 1, -0.5)]
    """
    bins = []
    place = np.searchsorted(edges, km, side="right")
    for number in np.unique(place):
        inside = place == number
        skill = skill_of_sums(loss[inside].sum(), reference[inside].sum())
        low, high = _ends(loss[inside], reference[inside], block[inside])
        bins.append(
            DistanceSkill(
                bin=int(number),
                km=float(np.median(km[inside])),
                n=int(inside.sum()),
                skill=float(skill),
                low=low,
                high=high,
            )
        )
    return tuple(bins)


def _ends(loss: Float, reference: Float, block: Index) -> tuple[float, float]:
    blocks = make_blocks(block)
    if blocks.count < MIN_UNITS:
        return float("nan"), float("nan")
    (total,) = blocks.totals(loss)
    ends = interval(skill_of_sums(total, reference_totals(blocks, reference)))
    return ends or (float("nan"), float("nan"))
