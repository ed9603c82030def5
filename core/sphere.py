"""Geometry on the sphere: coordinate checks, unit vectors, great circles, equal-area cells.

Everywhere `lonlat` is `(N, 2)` float64, degrees, WGS84, longitude first.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from satclip_bench.core.errors import CoordinateError
from satclip_bench.core.points import require_precision, to_coordinates

Float = NDArray[np.float64]

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the WGS84 ellipsoid, (2a + b) / 3 (IUGG)."""


POLAR_CIRCLE = 66.56
"""Latitude of the polar circles in degrees."""

ROUNDING = 1e-3
"""Degrees by which a latitude may be beyond 90 because of rounding."""


class SwappedCoordinatesWarning(UserWarning):
    """Warns that the columns look like (latitude, longitude)."""


def check_lonlat(points: ArrayLike, first_row: int = 0) -> Float:
    """Validate coordinates and return them as a new `(N, 2)` float64 array, longitude first.

    Longitudes up to 360 are accepted and wrapped into [-180, 180]; 180 and -180 are the same
    meridian and are not changed into each other.

    Args:
        points: `(N, 2)` degrees, longitude first: an array, a tensor, a data frame of pandas,
            Polars or Arrow with columns called lon and lat, or points with a CRS; see
            `satclip_bench.core.points.to_coordinates`.
        first_row: number of the first row in messages, for a batch of a longer table.

    Raises:
        CoordinateError: wrong shape or dtype, values that are not finite, a latitude beyond 90
            degrees or a longitude outside [-180, 360]; the message names the first such rows.

    Warns:
        SwappedCoordinatesWarning: most points are polar, and would not be with the columns swapped.

    Examples:
        >>> check_lonlat([[13.4, 52.5], [350, -10]])
        array([[ 13.4,  52.5],
               [-10. , -10. ]])
    """
    try:
        given = np.ma.asarray(to_coordinates(points))
        require_precision(given.dtype)
        if given.dtype.kind not in "iufO":
            raise TypeError(f"their dtype is {given.dtype}")
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
    # Rounding may lead just past a pole, and says nothing of the order of the columns.
    far_beyond = (np.abs(lat) > 90 + ROUNDING).any()
    if far_beyond and (np.abs(lon) <= 90).all() and (np.abs(lat) <= 180).all():
        _refuse(
            beyond,
            lonlat,
            "beyond 90 degrees of latitude, and every longitude would be a valid latitude: "
            "the columns look swapped; longitude comes first",
            first_row,
        )
    by_rounding = beyond.any() and not far_beyond
    _refuse(
        beyond,
        lonlat,
        "beyond 90 degrees of latitude"
        + (", perhaps by rounding: clip them to 90" if by_rounding else ""),
        first_row,
    )
    _refuse((lon < -180) | (lon > 360), lonlat, "outside the longitudes -180 to 360", first_row)
    lonlat[:, 0] = np.where(lon > 180, lon - 360, lon)
    _warn_if_swapped(lonlat)
    return lonlat


def _warn_if_swapped(lonlat: Float) -> None:
    lon, lat = np.abs(lonlat[:, 0]), np.abs(lonlat[:, 1])
    if len(lonlat) and lon.max() <= 90 and np.median(lat) > POLAR_CIRCLE > np.median(lon):
        warnings.warn(
            "these coordinates look like (latitude, longitude): more than half of the points lie "
            "beyond a polar circle, and would not if the columns were swapped. Longitude comes "
            "first. If the points really are polar, ignore this warning.",
            SwappedCoordinatesWarning,
            stacklevel=3,
        )


def _refuse(bad: NDArray[np.bool_], lonlat: Float, reason: str, first_row: int) -> None:
    rows = np.flatnonzero(bad)
    if len(rows):
        shown = "; ".join(
            f"row {first_row + r}: {_shown(lonlat[r, 0])}, {_shown(lonlat[r, 1])}" for r in rows[:3]
        )
        more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
        raise CoordinateError(f"{len(rows)} of {len(lonlat)} points are {reason} ({shown}{more})")


def _shown(degrees: float) -> str:
    """A number with all of its digits, so that one just past a limit does not look like it."""
    return repr(float(degrees)).removesuffix(".0")


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
    # NumPy sorts complex numbers by both parts, and much faster than rows of two numbers.
    pairs = np.stack([lon, lat], axis=1).view(np.complex128)[:, 0]
    return np.unique(pairs, return_inverse=True)[1].astype(np.int64, copy=False)


def longitude_span(lon: NDArray[np.float64]) -> float:
    """Degrees of the shortest stretch of longitudes that contains all points; 0 for no points.

    It may cross the antimeridian.

    Args:
        lon: `(N,)` degrees.

    Examples:
        >>> longitude_span(np.array([177.0, -179.0, 179.5]))
        4.0
    """
    if not len(lon):
        return 0.0
    turned = np.unique(np.mod(lon, 360))
    return float(360 - np.diff(turned, append=turned[0] + 360).max())


def continuous_longitudes(lon: NDArray[np.float64]) -> NDArray[np.float64]:
    """Longitudes of points on both sides of the antimeridian in one stretch, beyond 180 degrees.

    The stretch begins after the widest gap between longitudes. Others are returned as they are.

    Args:
        lon: `(N,)` degrees from -180 to 180.

    Examples:
        >>> continuous_longitudes(np.array([177.0, -179.0, 179.5]))
        array([177. , 181. , 179.5])
    """
    places = np.unique(lon)
    gaps = np.diff(places)
    if not len(gaps) or gaps.max() <= places[0] + 360 - places[-1]:
        return lon
    return np.where(lon <= places[np.argmax(gaps)], lon + 360, lon)


def unit_vectors(lonlat: Float) -> Float:
    """Unit vectors of points, `(N, 3)`: x points to (0, 0), y to (90 E, 0), z to the north pole.

    Examples:
        >>> unit_vectors(np.array([[0.0, 0.0], [0.0, 90.0]])).round(3)
        array([[1., 0., 0.],
               [0., 0., 1.]])
    """
    lon, lat = np.radians(lonlat[:, 0]), np.radians(lonlat[:, 1])
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)


def lonlat_of(vectors: Float) -> Float:
    """Points `(N, 2)` in degrees in the directions of vectors `(N, 3)`; inverse of `unit_vectors`.

    Examples:
        >>> lonlat_of(np.array([[0.0, 2.0, 0.0], [1.0, 0.0, 1.0]])).round(3)
        array([[90.,  0.],
               [ 0., 45.]])
    """
    x, y, z = vectors.T
    angles = np.stack([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))], axis=1)
    return np.asarray(np.degrees(angles), dtype=np.float64)


def chord_to_km(chord: NDArray[np.floating[Any]]) -> Float:
    """Great-circle distances in km from straight-line distances between unit vectors.

    A chord c subtends the angle 2 arcsin(c / 2).

    Examples:
        >>> chord_to_km(np.array([2.0])).round(1)
        array([20015.1])
    """
    half = np.clip(np.asarray(chord, dtype=np.float64) / 2, 0, 1)
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(half), dtype=np.float64)


def km_to_chord(km: float) -> float:
    """Straight-line distance between unit vectors that are `km` apart along a great circle.

    The inverse of `chord_to_km`. Distances above half the circumference, which no two points
    have, give the largest chord, 2.

    Examples:
        >>> round(km_to_chord(1000), 5)
        0.1568
    """
    return float(2 * np.sin(min(km / (2 * EARTH_RADIUS_KM), np.pi / 2)))


def great_circle_km(a: Float, b: Float) -> Float:
    """Great-circle distance in km between the rows of two lonlat arrays, `(N,)` float64.

    Examples:
        >>> berlin, paris = np.array([[13.40, 52.52]]), np.array([[2.35, 48.86]])
        >>> great_circle_km(berlin, paris).round()
        array([877.])
    """
    return chord_to_km(np.linalg.norm(unit_vectors(a) - unit_vectors(b), axis=1))


def equal_area_cells(lonlat: Float, degrees: float) -> NDArray[np.int64]:
    """Cell number of each point, `(N,)`, in a grid whose cells all have the same area.

    Latitude is divided into bands about `degrees` high, and each band into cells about `degrees`
    wide; the edges of the bands are then moved in sin(latitude) so that every cell has exactly
    the area 4 pi / (number of cells). Cells are numbered from north to south, then eastwards.

    Args:
        lonlat: `(N, 2)` degrees, longitude first.
        degrees: side of a cell, in (0, 180].

    Raises:
        ValueError: the side is outside (0, 180].

    Examples:
        >>> equal_area_cells(np.array([[0.0, 80.0], [0.0, -80.0]]), degrees=90)
        array([1, 4])
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
    """Latitude bands of `equal_area_cells`.

    Args:
        degrees: side of a cell.

    Returns:
        `(B + 1,)` edges of the bands in sin(latitude), from north to south, and `(B,)` numbers of
        cells in each band.
    """
    bands = max(1, round(180 / degrees))
    centres = np.radians(90 - (np.arange(bands) + 0.5) * 180 / bands)
    counts = np.maximum(1, np.rint(360 / degrees * np.cos(centres))).astype(np.int64)
    edges = 1 - 2 * np.concatenate([[0], np.cumsum(counts)]) / counts.sum()
    return edges, counts
