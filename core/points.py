"""Coordinates out of whatever holds them: arrays, tensors, frames, points with a CRS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from satclip_bench.core.errors import CoordinateError

LONGITUDE = ("lon", "longitude", "lng")
LATITUDE = ("lat", "latitude")
"""What columns of coordinates may be called, in any case."""

WGS84 = "EPSG:4326"


def to_coordinates(points: Any) -> Any:
    """What NumPy can make `(N, 2)` lonlat of.

    Args:
        points: a GeoDataFrame or GeoSeries of points in any CRS, which are reprojected; a pandas
            frame with a column of longitudes and one of latitudes, by name; a torch tensor on any
            device; anything else is handed on as it is.

    Raises:
        CoordinateError: no CRS, geometries that are not points, or no such columns.
    """
    # Told apart by what they can do, so that neither geopandas, pandas nor torch is imported.
    if hasattr(points, "geometry") and hasattr(points, "to_crs"):
        return _of_geometry(points.geometry)
    if hasattr(points, "columns") and hasattr(points, "loc"):
        names = [str(name) for name in points.columns]
        lon, lat = coordinate_columns(names, "the frame")
        return np.stack(
            [points.iloc[:, names.index(name)].to_numpy(np.float64) for name in (lon, lat)], axis=1
        )
    if hasattr(points, "detach") and hasattr(points, "cpu"):
        return points.detach().cpu().double().numpy()
    return points


def coordinate_columns(names: Sequence[str], where: str) -> tuple[str, str]:
    """The names of the columns of longitudes and of latitudes.

    Args:
        names: of all columns.
        where: names the table in messages.

    Raises:
        CoordinateError: not exactly one of each.
    """
    found = []
    for known in (LONGITUDE, LATITUDE):
        fitting = [name for name in names if name.lower() in known]
        if len(fitting) != 1:
            had = ", ".join(fitting) if fitting else "none"
            raise CoordinateError(
                f"{where} should have one column called {' or '.join(known)}; it has {had}, and "
                f"begins with the columns {', '.join(names[:6])}"
            )
        found.append(fitting[0])
    return found[0], found[1]


def _of_geometry(geometry: Any) -> Any:
    if geometry.crs is None:
        raise CoordinateError(
            "these points have no CRS, so that their place on the earth is not known: say which "
            f"it is with set_crs, such as .set_crs({WGS84!r}) for longitude and latitude"
        )
    lacking = geometry.isna() | geometry.is_empty
    _refuse(lacking, "have no geometry")
    _refuse(geometry.geom_type != "Point", "are no points: take their representative_point()")
    there = geometry.to_crs(WGS84)
    return np.stack([there.x.to_numpy(), there.y.to_numpy()], axis=1)


def _refuse(bad: Any, why: str) -> None:
    rows = np.flatnonzero(np.asarray(bad))
    if len(rows):
        shown = ", ".join(str(row) for row in rows[:3])
        more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
        raise CoordinateError(f"{len(rows)} of {len(bad)} geometries {why} (rows {shown}{more})")
