"""Assigns continents and US census regions to points, by their nearest neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.sphere import chord_to_km, unit_vectors
from satclip_bench.tasks.open_edition.tables import shipped_frame

REFERENCE_TASKS = ("countries", "air_temperature", "elevation", "population_density", "biomes")
"""Tasks whose open edition has points uniform over land, with the continent of each."""

NEIGHBOURS = 5
"""Number of reference points that must agree for a continent to be certain."""
MAX_KM = 100.0
"""Distance in km to the nearest reference point above which a continent is doubtful."""

BLOCK_ROWS = 2**17
"""Points whose neighbours are searched at a time; the names of these take 260 bytes a point."""

ANTARCTIC_LATITUDE = -60.0
"""Latitude of the Antarctic Treaty: all land south of it is Antarctica, where the open edition has
no points."""


def assign_continents(lonlat: NDArray[np.float64]) -> tuple[NDArray[np.str_], int]:
    """Continent of each point, Antarctica included, and the number of doubtful points.

    Points south of 60 degrees S are in Antarctica, which is never doubtful; for all others see
    `nearest_continents`.

    Args:
        lonlat: `(N, 2)` degrees, longitude first.

    Examples:
        >>> assign_continents(np.array([[13.4, 52.5], [0.0, -80.0]]))[0].tolist()
        ['Europe', 'Antarctica']
    """
    antarctic = lonlat[:, 1] < ANTARCTIC_LATITUDE
    continents = np.full(len(lonlat), "Antarctica", dtype="<U16")
    doubtful = 0
    if not antarctic.all():
        continents[~antarctic], doubtful = nearest_continents(lonlat[~antarctic])
    return continents, doubtful


def nearest_continents(lonlat: NDArray[np.float64]) -> tuple[NDArray[np.str_], int]:
    """Continent of each point by Natural Earth, and the number of doubtful points.

    A point gets the continent of the nearest point of the open edition. It is doubtful if that
    point is more than 100 km away, or if the five nearest points disagree.

    Args:
        lonlat: `(N, 2)` degrees, longitude first.
    """
    from scipy.spatial import KDTree

    frames = [shipped_frame(name) for name in REFERENCE_TASKS]
    regions = np.concatenate([frame["region"].to_numpy(dtype=np.str_) for frame in frames])
    points = np.concatenate([frame[["lon", "lat"]].to_numpy(dtype=np.float64) for frame in frames])
    tree = KDTree(unit_vectors(points))
    continents, doubtful = np.empty(len(lonlat), dtype=regions.dtype), 0
    for start in range(0, len(lonlat), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        chord, row = tree.query(unit_vectors(lonlat[block]), k=NEIGHBOURS)
        neighbours = regions[row]
        disagree = (neighbours != neighbours[:, :1]).any(axis=1)
        far = chord_to_km(np.asarray(chord)[:, 0]) > MAX_KM
        continents[block] = neighbours[:, 0]
        doubtful += int((disagree | far).sum())
    return continents, doubtful


def nearest_census_regions(lonlat: NDArray[np.float64]) -> NDArray[np.str_]:
    """US census region of each point: that of the nearest county of the open edition.

    Args:
        lonlat: `(N, 2)` degrees, longitude first.
    """
    from scipy.spatial import KDTree

    frame = shipped_frame("median_income")
    regions = frame["region"].to_numpy(dtype=np.str_)
    points = frame[["lon", "lat"]].to_numpy(dtype=np.float64)
    _, row = KDTree(unit_vectors(points)).query(unit_vectors(lonlat))
    return regions[row]
