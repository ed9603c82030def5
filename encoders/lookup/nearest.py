"""Nearest-neighbour lookup of embeddings by great-circle distance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import EncoderError
from satclip_bench.core.sphere import chord_to_km, lonlat_of, unit_vectors

Float = NDArray[np.float64]

DECIMALS = 7
"""Decimals of a degree, about 1 cm, to which rows at one place are recognised."""


class NearestRows:
    """Nearest-neighbour lookup in the rows of a table, by great-circle distance.

    Args:
        lonlat: `(n, 2)` degrees, longitude first, without repeated points.
        values: `(n, D)` values of the rows.
        max_km: largest distance between a point and its row; None for no limit.
    """

    def __init__(self, lonlat: Float, values: NDArray[Any], max_km: float | None) -> None:
        from scipy.spatial import KDTree

        self._tree = KDTree(unit_vectors(lonlat))
        self._values = values
        self._max_km = max_km

    def look_up(self, lonlat: Float) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Values of the nearest rows, `(n, D)`, and whether each is within `max_km`, `(n,)`."""
        km, rows = self._nearest(lonlat)
        return self._values[rows], km <= self._limit

    def distance_km(self, lonlat: Float) -> Float:
        """Distance of each point from the nearest row in km, `(n,)`."""
        return self._nearest(lonlat)[0]

    def covers(self, lonlat: Float) -> NDArray[np.bool_]:
        """Whether each point has a row within `max_km`, `(n,)`."""
        return self.distance_km(lonlat) <= self._limit

    def some_places(self, max_places: int) -> Float:
        """Places of at most `max_places` rows, evenly taken from all, `(n, 2)` degrees."""
        step = -(-self._tree.n // max_places)
        return lonlat_of(np.asarray(self._tree.data)[::step])

    @property
    def _limit(self) -> float:
        return np.inf if self._max_km is None else self._max_km

    def _nearest(self, lonlat: Float) -> tuple[Float, NDArray[np.int64]]:
        chords, rows = self._tree.query(unit_vectors(lonlat))
        return chord_to_km(np.asarray(chords)), np.asarray(rows, dtype=np.int64)


def require_max_km(max_km: float | None) -> None:
    """Raise EncoderError unless `max_km` is a finite positive distance or None."""
    if max_km is not None and not 0 < max_km < np.inf:
        raise EncoderError(
            f"max_km must be a positive distance, or None for no limit, not {max_km}"
        )


def without_repeats(
    lonlat: Float, values: NDArray[Any], where: str
) -> tuple[Float, NDArray[Any], int]:
    """The rows of a table without those that repeat another row.

    Args:
        lonlat: `(n, 2)` degrees, longitude first.
        values: `(n, D)` values of the rows.
        where: name of the file in messages.

    Returns:
        Coordinates and values of the rows that are kept, which are the first at their place, and
        the number of rows that are left out.

    Raises:
        EncoderError: two rows at one place have different values.
    """
    _, first, which = np.unique(_place_keys(lonlat), return_index=True, return_inverse=True)
    if len(first) == len(lonlat):
        return lonlat, values, 0
    original = first[which]
    repeats = np.flatnonzero(original != np.arange(len(lonlat)))
    conflicts = repeats[(values[repeats] != values[original[repeats]]).any(axis=1)]
    if len(conflicts):
        row = conflicts[0]
        raise EncoderError(
            f"{where} has {len(conflicts)} rows with the coordinates of another row but other "
            f"values: row {row} is at {lonlat[row, 0]:g}, {lonlat[row, 1]:g}, as row "
            f"{original[row]} is. Keep one row per place, such as the rows of one year."
        )
    keep = np.sort(first)
    return lonlat[keep], values[keep], len(repeats)


def _place_keys(lonlat: Float) -> NDArray[np.int64]:
    """A number for each point, the same for all points at one place."""
    steps = np.rint(lonlat * 10.0**DECIMALS).astype(np.int64)
    east, north = 180 * 10**DECIMALS, 90 * 10**DECIMALS
    lon, lat = steps[:, 0], steps[:, 1]
    # The antimeridian and the poles have several longitudes for one place.
    lon = np.where(np.abs(lat) == north, 0, np.where(lon == east, -east, lon))
    return np.asarray((lon + east) * (2 * north + 1) + (lat + north), dtype=np.int64)
