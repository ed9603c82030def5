"""GPS2Vec's input features: closeness of a point to the grid cells of its UTM zone.

Yin et al. 2019, SIGSPATIAL, section 2.1. The zones are those of the military grid, with its
exceptions around Norway and Svalbard. A zone has a number and a latitude band, such as 33 U.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.extras import missing_package

if TYPE_CHECKING:
    from pyproj import Proj

BANDS = "CDEFGHJKLMNPQRSTUVWX"
"""Letters of the latitude bands from 80 S, 8 degrees each; the last band extends to 84 N."""

CELLS = 20
"""Number of cells of a zone's grid in each direction, east and north."""

SIGMA = 20_000.0
"""Distance in metres over which closeness falls by a factor e (section 3 of the paper)."""

NOWHERE = -1
"""Zone number of points south of 80 S and north of 84 N."""

_SCALE = 0.9996
_STEP = 0.1
_INSIDE = 1e-8

# Zones whose edges are not consecutive multiples of 6 degrees: (number, band) to (west, east).
_EXCEPTIONS = {
    (31, "V"): (0, 3),
    (32, "V"): (3, 12),
    (31, "X"): (0, 9),
    (33, "X"): (9, 21),
    (35, "X"): (21, 33),
    (37, "X"): (33, 42),
}


def zone_numbers(lonlat: NDArray[np.float64]) -> NDArray[np.int64]:
    """Zone of each point, `(n,)`: 20 (number - 1) + band, or `NOWHERE`.

    Args:
        lonlat: `(n, 2)` degrees, longitude first, longitudes in [-180, 180].
    """
    lon, lat = np.where(lonlat[:, 0] == 180, -180, lonlat[:, 0]), lonlat[:, 1]
    number = np.floor((lon + 180) / 6).astype(np.int64) + 1
    band = np.clip(np.floor((lat + 80) / 8).astype(np.int64), 0, len(BANDS) - 1)
    for (exception, letter), (west, east) in _EXCEPTIONS.items():
        number[(band == BANDS.index(letter)) & (west <= lon) & (lon < east)] = exception
    return np.where((lat >= -80) & (lat <= 84), len(BANDS) * (number - 1) + band, NOWHERE)


def zone_name(zone: int) -> str:
    """Name of a zone in GPS2Vec's file names, such as `33 U`.

    >>> zone_name(int(zone_numbers(np.array([[13.4, 52.5]]))[0]))
    '33 U'
    """
    number, band = divmod(zone, len(BANDS))
    return f"{number + 1} {BANDS[band]}"


def closeness(lonlat: NDArray[np.float64], zone: int) -> NDArray[np.float64]:
    """Closeness of points to the cells of their zone, `(n, 400)`.

    Closeness is exp(-distance / sigma) with the distance to the centre of a cell (eq. 1). Cells are
    ordered from west to east, and from south to north within a column.

    Args:
        lonlat: `(n, 2)` degrees, longitude first, points of one zone.
        zone: number of the zone, as returned by `zone_numbers`.
    """
    x, y = _plane(lonlat, zone)
    columns, rows = cell_centres(zone)
    distance = np.hypot((x[:, None] - columns)[:, :, None], (y[:, None] - rows)[:, None, :])
    near: NDArray[np.float64] = np.exp(-distance / SIGMA)
    return near.reshape(len(lonlat), -1)


@cache
def cell_centres(zone: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres of a zone's cells: x of the columns and y of the rows in metres, `(20,)` each.

    x is measured from the central meridian and y from the equator: UTM without its false origin.
    """
    west, east, south, north = zone_edges(zone)
    # The released code takes the extent in y from meridians that it finds by repeatedly adding 0.1
    # degrees. Rounding decides whether the last of them is the zone's eastern edge, and shifts the
    # grid by 100 m in zones that are not symmetric.
    meridians = [west]
    while meridians[-1] + _STEP < east:
        meridians.append(meridians[-1] + _STEP)
    lower_x, lower_y = _plane(np.array([(lon, south) for lon in meridians]), zone)
    upper_x, upper_y = _plane(np.array([(lon, north - _INSIDE) for lon in meridians]), zone)
    left = min(lower_x[0], upper_x[0])
    bottom, top = lower_y.min(), upper_y.max()
    # As in the released code: symmetric about the central meridian, even if the zone is not.
    middle = np.arange(CELLS) + 0.5
    return left - 2 * left * middle / CELLS, bottom + (top - bottom) * middle / CELLS


def zone_edges(zone: int) -> tuple[float, float, float, float]:
    """Western, eastern, southern and northern edge of a zone in degrees."""
    number, band = divmod(zone, len(BANDS))
    usual = (6 * number - 180, 6 * number - 174)
    west, east = _EXCEPTIONS.get((number + 1, BANDS[band]), usual)
    return west, east, 8 * band - 80, 84 if BANDS[band] == "X" else 8 * band - 72


def _plane(
    lonlat: NDArray[np.float64], zone: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    meridian = 6 * (zone // len(BANDS)) - 177
    x, y = _transverse_mercator()(lonlat[:, 0] - meridian, lonlat[:, 1])
    return x, y


@cache
def _transverse_mercator() -> Proj:
    try:
        from pyproj import Proj
    except ImportError as error:
        raise missing_package("pyproj", "to project onto UTM zones") from error
    return Proj(proj="tmerc", k_0=_SCALE, ellps="WGS84")
