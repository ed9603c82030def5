"""Neighbourhoods on the sphere and their partitions, over which geo-bias scores are measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from satclip_bench.core.sphere import EARTH_RADIUS_KM, chord_to_km, unit_vectors

Float = NDArray[np.float64]
Index = NDArray[np.int64]

BACKGROUND_DENSITY = 5
"""Number of background points per observed point."""


@dataclass(frozen=True)
class Neighbourhood:
    """Points in a disc around a focal point.

    Attributes:
        focus: `(3,)` unit vector of the focal point.
        member: `(n,)` indices of the points, nearest first.
        vectors: `(n, 3)` unit vectors of the points.
        km: `(n,)` great-circle distances of the points from the focus.
        radius_km: radius of the disc.
    """

    focus: Float
    member: Index
    vectors: Float
    km: Float
    radius_km: float

    def nearest(self, max_points: int) -> Neighbourhood:
        """The nearest `max_points` points; the disc shrinks to the farthest of them."""
        if len(self.member) <= max_points:
            return self
        km = self.km[:max_points]
        return Neighbourhood(
            self.focus, self.member[:max_points], self.vectors[:max_points], km, float(km[-1])
        )

    def within(self, radius_km: float) -> Neighbourhood:
        """The points of a smaller disc around the same focus."""
        count = int(np.searchsorted(self.km, radius_km, side="right"))
        return Neighbourhood(
            self.focus, self.member[:count], self.vectors[:count], self.km[:count], radius_km
        )


class Surroundings:
    """Points on the sphere, searched for neighbourhoods.

    Args:
        lonlat: `(N, 2)` degrees, longitude first.
    """

    def __init__(self, lonlat: Float) -> None:
        self.vectors = unit_vectors(lonlat)
        self._tree = KDTree(self.vectors)

    def of(self, number: int, radius_km: float) -> Neighbourhood:
        """Neighbourhood of a point: all points within a great-circle distance, itself included."""
        focus = self.vectors[number]
        reach = 2 * np.sin(radius_km / EARTH_RADIUS_KM / 2)
        member = np.asarray(sorted(self._tree.query_ball_point(focus, reach)), dtype=np.int64)
        km = chord_to_km(np.linalg.norm(self.vectors[member] - focus, axis=1))
        order = np.argsort(km, kind="stable")
        return Neighbourhood(
            focus, member[order], self.vectors[member[order]], km[order], radius_km
        )

    def distance_to_nth(self, n: int) -> Float:
        """Great-circle distance of each point to its n-th nearest other point, `(N,)` km."""
        chord, _ = self._tree.query(self.vectors, k=[n + 1])
        return chord_to_km(np.asarray(chord)[:, 0])


def nearest_others(vectors: Float, k: int) -> Index:
    """The `k` nearest other points of each point, `(n, k)`; needs more than `k` points.

    If more than `k` points share a place, a point may not be among its own nearest; then the
    farthest of those found is left out instead.
    """
    nearest = np.asarray(KDTree(vectors).query(vectors, k=k + 1)[1], dtype=np.int64)
    itself = nearest == np.arange(len(vectors))[:, None]
    itself[~itself.any(axis=1), -1] = True
    others: Index = nearest[~itself].reshape(len(vectors), k)
    return others


def background(around: Neighbourhood) -> Float:
    """Background points in the disc of a neighbourhood, `(m, 3)` unit vectors.

    They lie on rings around the focus, one step apart, ring i with ceil(2 pi i) points. The step is
    chosen to give five of them per observed point on a flat disc of the same radius.
    """
    radius = around.radius_km / EARTH_RADIUS_KM
    density = np.ceil(BACKGROUND_DENSITY * len(around.member) / (np.pi * radius**2))
    step = 1 / np.sqrt(density)
    rings = np.arange(1, int(np.ceil(radius / step)) + 1)
    sizes = np.ceil(2 * np.pi * rings).astype(np.int64)
    angle = np.repeat(rings * step, sizes)
    start = np.repeat(np.cumsum(sizes) - sizes, sizes)
    bearing = 2 * np.pi * (np.arange(sizes.sum()) - start) / np.repeat(sizes, sizes)
    east, north = _directions(around.focus)
    level = np.sin(bearing)[:, None] * east + np.cos(bearing)[:, None] * north
    return np.asarray(np.cos(angle)[:, None] * around.focus + np.sin(angle)[:, None] * level)


def _directions(focus: Float) -> tuple[Float, Float]:
    """Unit vectors to the east and to the north of a point; at a pole, along some meridian."""
    lon = np.arctan2(focus[1], focus[0])
    east = np.array([-np.sin(lon), np.cos(lon), 0.0])
    return east, np.cross(focus, east)


def grid_cells(around: Neighbourhood, side_km: float) -> Index:
    """Square of each point, `(n,)`: numbers of the cells of an equal-area grid around the focus.

    Squares lie in Lambert's azimuthal equal-area plane around the focus, which is a corner of four
    of them, so that they have the same area at every latitude.
    """
    east, north = _directions(around.focus)
    v = around.vectors
    # Straight-line distance from the focus is the plane's radius in this projection.
    stretch = np.where(around.km > 0, EARTH_RADIUS_KM * np.sqrt(2 / (1 + v @ around.focus)), 0)
    plane = np.stack([v @ north, v @ east], axis=1) * (stretch / side_km)[:, None]
    _, number = np.unique(np.floor(plane), axis=0, return_inverse=True)
    return np.asarray(number, dtype=np.int64)


def distance_lags(around: Neighbourhood, width_km: float) -> Index:
    """Ring of each point, `(n,)`: [0, width) is 0, [width, 2 width) is 1, ..."""
    return (around.km / width_km).astype(np.int64)


def direction_sectors(around: Neighbourhood, sectors: int) -> Index:
    """Sector of each point, `(n,)`: sector 0 begins at north, and numbers increase clockwise.

    The focus, which has no direction, is assigned to sector 0.
    """
    east, north = _directions(around.focus)
    turn = np.arctan2(around.vectors @ east, around.vectors @ north) / (2 * np.pi)
    sector = np.minimum((np.mod(turn, 1) * sectors).astype(np.int64), sectors - 1)
    return np.where(around.km > 0, sector, 0)
