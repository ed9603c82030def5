"""Test points that share their place with a known label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.splits.base import Fold
from satclip_bench.core.sphere import place_numbers


def shared_places(lonlat: NDArray[np.float64], fold: Fold) -> int:
    """Number of test points at the coordinates of a training or validation point.

    The label of such a point can be close to a label that the probe was fitted on, even if
    other points are far from the training set.

    Args:
        lonlat: `(N, 2)` degrees of all points of the table.
        fold: a fold of the table.

    Examples:
        >>> lonlat = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0], [2.0, 2.0]])
        >>> shared_places(lonlat, Fold("0", np.array([0]), np.array([1]), np.array([2, 3])))
        1
    """
    place = place_numbers(lonlat)
    known = place[np.concatenate([fold.train, fold.validation])]
    return int(np.isin(place[fold.test], known).sum())
