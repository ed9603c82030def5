"""Places: points at the same coordinates, and test points that share theirs with known labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.splits.base import Fold


def place_numbers(lonlat: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number of the place of each point, `(N,)` from 0 without gaps; equal coordinates share one.

    The two longitudes of the antimeridian are the same, and a pole is one place.

    Args:
        lonlat: `(N, 2)` degrees, longitude first.

    Examples:
        >>> place_numbers(np.array([[180.0, 5.0], [7.0, 90.0], [-180.0, 5.0], [8.0, 90.0]]))
        array([1, 0, 1, 0])
    """
    lon, lat = lonlat.T
    lon = np.where(np.abs(lat) == 90, 0, np.where(lon == -180, 180, lon))
    return np.unique(np.stack([lon, lat], axis=1), axis=0, return_inverse=True)[1].reshape(-1)


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
