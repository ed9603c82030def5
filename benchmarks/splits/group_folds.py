"""Folds of whole groups, such as blocks, by scikit-learn's grouped folds."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.splits.base import Index, SplitInputs


def group_folds(
    points: SplitInputs, rows: Index, groups: NDArray[np.int64], n_folds: int, seed: int
) -> tuple[tuple[Index, Index], ...]:
    """Rows outside and inside of each fold of whole groups, each ascending.

    Classes are spread over the folds as evenly as whole groups allow, if that is possible: the
    most frequent class needs as many rows as there are folds, and no fold may stay empty.
    Otherwise, and for regression targets, groups are assigned at random by their number alone, so
    that seeds make different folds.

    If classes are spread, the seed decides little: `StratifiedGroupKFold` assigns groups in the
    order of the standard deviation of their counts of classes, each to the fold that it evens out
    best, and the seed orders groups of the same standard deviation only. These are small groups,
    and groups of one class. Where groups have many points of several classes, such as blocks of 10
    degrees or more of the open tables, all seeds make nearly or exactly the same folds.

    Args:
        points: all points of the table; int64 targets are classes.
        rows: rows that are assigned to folds, in two groups or more.
        groups: `(N,)` group of every point.
        n_folds: number of folds; fewer are made if there are fewer groups.
        seed: seed of the assignment of groups to folds, or of its ties if classes are spread.

    Examples:
        >>> points = SplitInputs(np.zeros((4, 2)), np.array([0.1, 0.2, 0.3, 0.4]))
        >>> groups = np.array([7, 7, 8, 8])
        >>> folds = group_folds(points, np.arange(4), groups, n_folds=2, seed=0)
        >>> [inside.tolist() for _, inside in folds]
        [[2, 3], [0, 1]]
    """
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    target = points.target[rows]
    n_folds = min(n_folds, len(np.unique(groups[rows])))
    makers = [GroupKFold(n_folds, shuffle=True, random_state=seed)]
    if target.dtype == np.int64 and np.unique(target, return_counts=True)[1].max() >= n_folds:
        makers.insert(0, StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed))
    for maker in makers:
        with warnings.catch_warnings():
            # A class with fewer rows than folds cannot be in all of them, and scikit-learn warns.
            warnings.simplefilter("ignore", UserWarning)
            assigned = list(maker.split(rows, target, groups[rows]))
        if all(len(inside) for _, inside in assigned):
            break
    return tuple((rows[outside], rows[inside]) for outside, inside in assigned)
