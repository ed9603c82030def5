"""Reads coordinates from arrays, tensors, data frames, and points with a CRS."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

from satclip_bench.core.errors import CoordinateError

LONGITUDE = ("lon", "longitude", "lng")
LATITUDE = ("lat", "latitude")
"""Names of coordinate columns, compared without regard to case and surrounding blanks."""

DARWIN_CORE = ("decimallongitude", "decimallatitude")
"""Names of longitude and latitude in GBIF's downloads, in lower case."""

WGS84 = "EPSG:4326"


def shown_names(names: Sequence[object], requested: str = "", limit: int = 6) -> str:
    r"""Names of columns for an error message, so that invisible differences can be seen.

    A name is in quotes if it begins or ends with a blank, or has characters that do not print. A
    name that only looks like the requested one is spelt with the numbers of its characters.

    Args:
        names: names of all columns.
        requested: name that is not among them.
        limit: number of names to show.

    >>> print(shown_names(["lon", " lat", "gro\u0308sse"], "gr\u00f6sse"))
    lon, ' lat', 'gro\u0308sse'
    """
    shown = []
    for name in map(str, names[:limit]):
        alike = unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", requested)
        plain = name.isprintable() and name == name.strip() and name
        shown.append(ascii(name) if alike else name if plain else repr(name))
    return ", ".join(shown) + (", ..." if len(names) > limit else "")


def to_coordinates(points: Any) -> Any:
    """Convert points to something that NumPy can turn into an `(N, 2)` lonlat array.

    Args:
        points: a GeoDataFrame or GeoSeries of points, or of MultiPoints of one point, in any CRS,
            which are reprojected; a pandas data frame with one longitude and one latitude column,
            recognised by name, or a frame of Arrow, Polars or another library whose columns are
            `frame[name]`; a torch tensor on any device; anything else is returned unchanged.

    Raises:
        CoordinateError: the points have no CRS, some geometries are not points, the coordinate
            columns are missing, or the points are another object with named columns, whose order
            says nothing of longitude and latitude.

    Examples:
        >>> import pandas as pd
        >>> to_coordinates(pd.DataFrame({"lat": [52.5], "lon": [13.4]}))
        array([[13.4, 52.5]])
    """
    # Types are recognised by their attributes, so that geopandas, pandas and torch need no import.
    if hasattr(points, "geometry") and hasattr(points, "to_crs"):
        return _from_geometry(points.geometry)
    if hasattr(points, "columns") and hasattr(points, "loc"):
        names = [str(name) for name in points.columns]
        lon, lat = coordinate_columns(names, "the data frame")
        for name in (lon, lat):
            require_precision(points.dtypes.iloc[names.index(name)])
        return np.stack(
            [points.iloc[:, names.index(name)].to_numpy(np.float64) for name in (lon, lat)], axis=1
        )
    if hasattr(points, "columns") or hasattr(points, "column_names"):
        return _from_columns(points)
    if hasattr(points, "detach") and hasattr(points, "cpu"):
        require_precision(points.dtype)
        return points.detach().cpu().double().numpy()
    return points


def _from_columns(points: Any) -> Any:
    """Coordinates of a frame without pandas' interface, such as those of Arrow and Polars."""
    # The attribute `columns` of Arrow has the columns themselves.
    names = points.column_names if hasattr(points, "column_names") else points.columns
    chosen = coordinate_columns([str(name) for name in names], "the data frame")
    try:
        columns = [points[name] for name in chosen]
    except Exception as error:
        # A lazy frame, for example; each library has errors of its own.
        raise CoordinateError(
            f"points of type {type(points).__name__} have named columns, but cannot be read by "
            "name: convert them to a pandas data frame, or to an array with longitude first"
        ) from error
    for column in columns:
        require_precision(getattr(column, "type", None) or column.dtype)
    return np.stack([np.asarray(column).astype(np.float64) for column in columns], axis=1)


def require_precision(dtype: Any) -> None:
    """Raise CoordinateError for complex numbers, and for a type that rounds degrees by kilometres.

    Args:
        dtype: type of NumPy, pandas, Arrow or torch.

    Raises:
        CoordinateError: the type is complex, or a floating-point type of 16 bits or less, for which
            the message gives the rounding.

    Examples:
        >>> require_precision(np.dtype(np.float32))
    """
    name = str(dtype).lower().removeprefix("torch.")
    if name.startswith("complex"):
        raise CoordinateError(f"coordinates must be numbers: their dtype is {name}")
    steps = {"float16": 0.125, "halffloat": 0.125, "half": 0.125, "bfloat16": 1.0}
    step = steps.get(name, 8.0 if name.startswith("float8") else 0.0)
    if step:
        raise CoordinateError(
            f"coordinates of type {name} are rounded to steps of up to {step:g}°, or "
            f"{111.2 * step:.0f} km: pass float64, or float32, which is exact to about a metre. "
            "Converting the rounded values does not help"
        )


def coordinate_columns(names: Sequence[str], where: str) -> tuple[str, str]:
    """Names of the longitude and the latitude column.

    Args:
        names: names of all columns.
        where: name of the table, for error messages.

    Raises:
        CoordinateError: there is not exactly one column of each.

    Examples:
        >>> coordinate_columns(["id", "Latitude", "Longitude"], "cities.csv")
        ('Longitude', 'Latitude')
    """
    columns = []
    for accepted, other in zip((LONGITUDE, LATITUDE), DARWIN_CORE, strict=True):
        matches = [name for name in names if name.strip().lower() in (*accepted, other)]
        if len(matches) != 1:
            present = ", ".join(matches) if matches else "none"
            raise CoordinateError(
                f"{where} should have one column called {' or '.join(accepted)}; it has {present}. "
                f"Its first columns are {shown_names(names)}"
            )
        columns.append(matches[0])
    return columns[0], columns[1]


def _from_geometry(geometry: Any) -> Any:
    if geometry.crs is None:
        raise CoordinateError(
            "these points have no CRS, so their location on the earth is unknown. Set it with "
            f"set_crs, for example .set_crs({WGS84!r}) for longitude and latitude"
        )
    missing = geometry.isna() | geometry.is_empty
    _refuse(missing, "have no geometry")
    multipoint = geometry.geom_type == "MultiPoint"
    single = multipoint & (geometry.count_geometries() == 1)
    _refuse(
        multipoint & ~single,
        "are MultiPoints of several points, and every row needs one: make a row of each with "
        "explode()",
    )
    _refuse(
        ~single & (geometry.geom_type != "Point"),
        "are not points: use their representative_point()",
    )
    # The representative point of a MultiPoint of one point is that point.
    points = geometry.where(~single, geometry.representative_point()) if single.any() else geometry
    reprojected = points.to_crs(WGS84)
    return np.stack([reprojected.x.to_numpy(), reprojected.y.to_numpy()], axis=1)


def _refuse(bad: Any, reason: str) -> None:
    rows = np.flatnonzero(np.asarray(bad))
    if len(rows):
        shown = ", ".join(str(row) for row in rows[:3])
        more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
        raise CoordinateError(f"{len(rows)} of {len(bad)} geometries {reason} (rows {shown}{more})")
