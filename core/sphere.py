"""Points on the sphere: checks, unit vectors, great circles, equal-area cells.

Everywhere `lonlat` is `(N, 2)` float64, degrees, WGS84, longitude first.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from satclip_bench.core.errors import CoordinateError
from satclip_bench.core.points import to_coordinates

Float = NDArray[np.float64]

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the WGS84 ellipsoid, (2a + b) / 3 (IUGG)."""


POLAR_CIRCLE = 66.56
"""Latitude of the polar circles in degrees."""


class SwappedCoordinatesWarning(UserWarning):
    """The columns look like (latitude, longitude)."""


def check_lonlat(points: ArrayLike, first_row: int = 0) -> Float:
    """`points` as valid lonlat: a new `(N, 2)` float64 array with longitudes in [-180, 180].

    Longitudes up to 360 are accepted and wrapped; 180 and -180 are the same meridian and stay
    as they are given.

    Args:
        points: `(N, 2)` degrees, longitude first: an array, a tensor, a frame with columns called
            lon and lat, or points with a CRS; see `satclip_bench.core.points.to_coordinates`.
        first_row: what messages call the first row, for a part of something longer.

    Raises:
        CoordinateError: wrong shape or kind, non-finite values, a latitude beyond 90 degrees or a
            longitude outside [-180, 360]; the message names the first rows.

    Warns:
        SwappedCoordinatesWarning: most points are polar, and would not be with the columns swapped.
    """
    try:
        given = np.ma.asarray(to_coordinates(points))
        if given.dtype.kind not in "iufO":
            raise TypeError(f"these are {given.dtype}")
        lonlat: Float = np.array(np.ma.filled(given.astype(np.float64), np.nan))
    except CoordinateError:
        raise
    except (TypeError, ValueError) as error:
        raise CoordinateError(f"coordinates must be numbers: {error}") from error
    if lonlat.ndim != 2 or lonlat.shape[1] != 2:
        raise CoordinateError(
            f"coordinates must have shape (N, 2), longitude first; got {lonlat.shape}"
        )
    lon, lat = lonlat[:, 0], lonlat[:, 1]
    _refuse(~np.isfinite(lon + lat), lonlat, "not finite", first_row)
    beyond = np.abs(lat) > 90
    if beyond.any() and (np.abs(lon) <= 90).all() and (np.abs(lat) <= 180).all():
        _refuse(
            beyond,
            lonlat,
            "beyond 90 degrees of latitude while every longitude would pass as a latitude: "
            "the columns look swapped; longitude comes first",
            first_row,
        )
    _refuse(beyond, lonlat, "beyond 90 degrees of latitude", first_row)
    _refuse((lon < -180) | (lon > 360), lonlat, "outside the longitudes -180 to 360", first_row)
    lonlat[:, 0] = np.where(lon > 180, lon - 360, lon)
    _warn_if_swapped(lonlat)
    return lonlat


def _warn_if_swapped(lonlat: Float) -> None:
    lon, lat = np.abs(lonlat[:, 0]), np.abs(lonlat[:, 1])
    if len(lonlat) and lon.max() <= 90 and np.median(lat) > POLAR_CIRCLE > np.median(lon):
        warnings.warn(
            "these coordinates look like (latitude, longitude): half of the points lie beyond a "
            "polar circle, and would not if the columns were swapped. Longitude comes first. "
            "If the points really are polar, ignore this.",
            SwappedCoordinatesWarning,
            stacklevel=3,
        )


def _refuse(bad: NDArray[np.bool_], lonlat: Float, why: str, first_row: int) -> None:
    rows = np.flatnonzero(bad)
    if len(rows):
        shown = "; ".join(
            f"row {first_row + r}: {lonlat[r, 0]:g}, {lonlat[r, 1]:g}" for r in rows[:3]
        )
        more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
        raise CoordinateError(f"{len(rows)} of {len(lonlat)} points are {why} ({shown}{more})")


def unit_vectors(lonlat: Float) -> Float:
    """Points on the unit sphere, `(N, 3)`: x towards (0, 0), y towards (90 E, 0), z north."""
    lon, lat = np.radians(lonlat[:, 0]), np.radians(lonlat[:, 1])
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)


def chord_to_km(chord: NDArray[np.floating[Any]]) -> Float:
    """Great-circle distances in km from straight-line distances between unit vectors.

    A chord c subtends the angle 2 arcsin(c / 2).
    """
    half = np.clip(np.asarray(chord, dtype=np.float64) / 2, 0, 1)
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(half), dtype=np.float64)


def km_to_chord(km: float) -> float:
    """Straight-line distance between unit vectors that lie a great-circle distance apart.

    The inverse of `chord_to_km`; beyond half the circumference nothing lies.
    """
    return float(2 * np.sin(min(km / (2 * EARTH_RADIUS_KM), np.pi / 2)))


def great_circle_km(a: Float, b: Float) -> Float:
    """Great-circle distance in km between the rows of two lonlat arrays, `(N,)` float64."""
    return chord_to_km(np.linalg.norm(unit_vectors(a) - unit_vectors(b), axis=1))


def equal_area_cells(lonlat: Float, degrees: float) -> NDArray[np.int64]:
    """The cell that each point lies in, `(N,)`, of a grid whose cells all have the same area.

    Latitude is cut into bands about `degrees` high and each band into as many cells as make them
    about as wide; the bands' edges are then moved in sin(latitude) so that every cell has exactly
    the area 4 pi / (number of cells). Cells are numbered from north to south, then eastwards.

    Args:
        lonlat: `(N, 2)` degrees.
        degrees: side of a cell, in (0, 180].
    """
    if not 0 < degrees <= 180:
        raise ValueError(f"the side of a cell must be in (0, 180] degrees, not {degrees}")
    edges, counts = equal_area_bands(degrees)
    z = np.sin(np.radians(lonlat[:, 1]))
    band = np.clip(np.searchsorted(-edges, -z, side="right") - 1, 0, len(counts) - 1)
    turn = np.mod(lonlat[:, 0] + 180, 360) / 360
    column = np.minimum((turn * counts[band]).astype(np.int64), counts[band] - 1)
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return np.asarray(first[band] + column, dtype=np.int64)


def equal_area_bands(degrees: float) -> tuple[Float, NDArray[np.int64]]:
    """The bands of `equal_area_cells`: `(B + 1,)` edges in sin(latitude), `(B,)` cells in each."""
    bands = max(1, round(180 / degrees))
    centres = np.radians(90 - (np.arange(bands) + 0.5) * 180 / bands)
    counts = np.maximum(1, np.rint(360 / degrees * np.cos(centres))).astype(np.int64)
    edges = 1 - 2 * np.concatenate([[0], np.cumsum(counts)]) / counts.sum()
    return edges, counts
