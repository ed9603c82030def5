"""The continent of any point: that of the nearest point whose continent is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.sphere import chord_to_km, unit_vectors
from satclip_bench.tasks.open_edition.tables import shipped_frame

SOURCES = ("countries", "air_temperature", "elevation", "population_density", "biomes")
"""Tasks whose open edition has points uniform over land with the continent of each."""

NEAREST = 5
FAR_KM = 100.0


ANTARCTICA = -60.0
"""Latitude of the Antarctic Treaty: all land south of it is Antarctica, which the open edition
lacks."""


def assign_continents(lonlat: NDArray[np.float64]) -> tuple[NDArray[np.str_], int]:
    """As `nearest_continents`, but what lies south of 60 degrees is Antarctica, without doubt."""
    south = lonlat[:, 1] < ANTARCTICA
    found = np.full(len(lonlat), "Antarctica", dtype="<U16")
    doubtful = 0
    if not south.all():
        found[~south], doubtful = nearest_continents(lonlat[~south])
    return found, doubtful


def nearest_continents(lonlat: NDArray[np.float64]) -> tuple[NDArray[np.str_], int]:
    """The continent of each point, after Natural Earth, and for how many it is doubtful.

    A point has the continent of the nearest point of the open edition. It is doubtful where that
    lies more than 100 km off, or the five nearest do not agree.

    Args:
        lonlat: `(N, 2)` degrees, longitude first.
    """
    from scipy.spatial import KDTree

    known = [shipped_frame(name) for name in SOURCES]
    names = np.concatenate([frame["region"].to_numpy(dtype=np.str_) for frame in known])
    points = np.concatenate([frame[["lon", "lat"]].to_numpy(dtype=np.float64) for frame in known])
    tree = KDTree(unit_vectors(points))
    chord, row = tree.query(unit_vectors(lonlat), k=NEAREST)
    found = names[row]
    torn = (found != found[:, :1]).any(axis=1)
    far = chord_to_km(np.asarray(chord)[:, 0]) > FAR_KM
    return found[:, 0].copy(), int((torn | far).sum())


def nearest_census_regions(lonlat: NDArray[np.float64]) -> NDArray[np.str_]:
    """The US census region of each point: that of the nearest county of the open edition."""
    from scipy.spatial import KDTree

    frame = shipped_frame("median_income")
    known = frame["region"].to_numpy(dtype=np.str_)
    points = frame[["lon", "lat"]].to_numpy(dtype=np.float64)
    _, row = KDTree(unit_vectors(points)).query(unit_vectors(lonlat))
    return known[row]
