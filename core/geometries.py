"""Reads points from columns of geometries, in any CRS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import BenchError, CoordinateError
from satclip_bench.core.points import DARWIN_CORE, LATITUDE, LONGITUDE, WGS84

if TYPE_CHECKING:
    import pyarrow as pa

AGREEMENT_DEGREES = 1e-4
"""Largest difference of a coordinate column from the geometry that is taken for rounding."""


def choose_layer(path: Path, requested: str | None) -> str:
    """The layer to read from a vector file: the requested one, or the only one with geometries.

    Raises:
        BenchError: there is no such layer, or several layers have geometries.
    """
    import pyogrio

    layers = {str(name): geometry for name, geometry in pyogrio.list_layers(path)}
    spatial = [name for name, geometry in layers.items() if geometry is not None] or [*layers]
    if requested is not None:
        if requested not in layers:
            raise BenchError(f"{path} has no layer {requested!r}; it has {', '.join(layers)}")
        return requested
    if len(spatial) != 1:
        names = ", ".join(spatial) or "none"
        raise BenchError(f"{path} has several layers: {names}. Choose one with --layer")
    return spatial[0]


def geometry_batches(
    tables: Iterator[pa.Table], column: str, crs: Any, path: Path
) -> Iterator[tuple[NDArray[np.float64], pa.Table]]:
    """Longitudes and latitudes, and the other columns, of tables with a column of points.

    A multipoint of one point is a point. Rows without a geometry have NaN.

    Args:
        tables: consecutive rows of the file.
        column: name of the column of geometries, as well-known binary.
        crs: anything from which pyproj can make a CRS.
        path: path of the file, for error messages.

    Raises:
        CoordinateError: there is no CRS or it cannot be converted to longitude and latitude, some
            geometries are not points, or coordinate columns contradict the geometries.
    """
    import pyarrow as pa

    if crs is None:
        raise CoordinateError(f"the points of {path} have no CRS: save the file again with one")
    if isinstance(crs, dict):
        crs = json.dumps(crs)
    transformer = _to_degrees(crs, path)
    first = 0
    for table in tables:
        xy = _xy(table.column(column).to_numpy(), first, path)
        lonlat = np.stack(transformer.transform(xy[:, 0], xy[:, 1]), axis=1)
        lonlat[np.isnan(xy).any(axis=1)] = np.nan
        outside = np.flatnonzero(~np.isfinite(lonlat).all(axis=1) & np.isfinite(xy).all(axis=1))
        if len(outside):
            raise CoordinateError(
                f"{path}: row {first + outside[0]} has no longitude and latitude: it lies outside "
                "the area that the file's CRS covers"
            )
        columns = table.drop_columns([column])
        _require_agreement(columns, lonlat, first, path)
        replaced = [n for n in columns.column_names if n.lower() in ("lon", "lat")]
        columns = columns.drop_columns(replaced)
        for i, name in enumerate(("lon", "lat")):
            columns = columns.append_column(name, pa.array(lonlat[:, i]))
        yield lonlat, columns
        first += len(table)


def _to_degrees(crs: Any, path: Path) -> Any:
    """A pyproj.Transformer to longitudes and latitudes in WGS84."""
    import pyproj

    try:
        parsed = pyproj.CRS.from_user_input(crs)
        if parsed.is_geocentric:
            raise CoordinateError(
                f"the points of {path} are in {parsed.name}, which counts from the centre of the "
                "earth along three axes: save the file again with longitude and latitude"
            )
        return pyproj.Transformer.from_crs(parsed, WGS84, always_xy=True)
    except pyproj.exceptions.ProjError as error:
        raise CoordinateError(
            f"the CRS of {path} cannot be converted to longitude and latitude: save the file again "
            f"in another one ({' '.join(str(error).split())})"
        ) from error


def _xy(geometries: NDArray[Any], first: int, path: Path) -> NDArray[np.float64]:
    import shapely

    shapes = shapely.from_wkb(geometries)
    single = (shapely.get_type_id(shapes) == shapely.GeometryType.MULTIPOINT) & (
        shapely.get_num_geometries(shapes) == 1
    )
    shapes[single] = shapely.get_geometry(shapes[single], 0)
    absent = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    types = shapely.get_type_id(shapes)
    bad = np.flatnonzero((types != shapely.GeometryType.POINT) & ~absent)
    if len(bad):
        row = bad[0]
        several = types[row] == shapely.GeometryType.MULTIPOINT
        what = (
            f"a MultiPoint of {shapely.get_num_geometries(shapes[row])} points, and every row "
            "needs one: make a row of each, for example with explode()"
            if several
            else f"a {shapely.GeometryType(types[row]).name.capitalize()}: use representative "
            "points, for example with representative_point()"
        )
        raise CoordinateError(
            f"{path}: row {first + row} is not a point ({len(bad)} of the {len(shapes)} rows "
            f"starting at row {first} are not); it is {what}"
        )
    shapes[absent] = None
    return np.stack([shapely.get_x(shapes), shapely.get_y(shapes)], axis=1)


def _require_agreement(
    columns: pa.Table, lonlat: NDArray[np.float64], first: int, path: Path
) -> None:
    """Raise CoordinateError if columns of coordinates differ from the geometries."""
    import pandas as pd

    for axis, accepted in enumerate(
        ({*LONGITUDE, DARWIN_CORE[0]}, {*LATITUDE, DARWIN_CORE[1]}),
    ):
        for name in columns.column_names:
            if name.strip().lower() not in accepted:
                continue
            values = pd.to_numeric(columns.column(name).to_pandas(), errors="coerce").to_numpy(
                dtype=np.float64, na_value=np.nan
            )
            difference = np.abs(values - lonlat[:, axis])
            if axis == 0:
                # Longitudes of 350 and -10 agree, and so do all longitudes at a pole.
                difference = np.minimum(difference, np.abs(difference - 360))
                difference[np.abs(lonlat[:, 1]) >= 90 - AGREEMENT_DEGREES] = 0
            blank = columns.column(name).is_null().to_numpy() | np.isnan(lonlat[:, axis])
            bad = np.flatnonzero(~(difference <= AGREEMENT_DEGREES) & ~blank)
            if len(bad):
                row = bad[0]
                raise CoordinateError(
                    f"{path} has both geometries and columns called {name}, and they contradict "
                    f"each other: row {first + row} has {columns.column(name)[row].as_py()} in the "
                    f"column and {lonlat[row, axis]:g} in the geometry. Rename or remove the column"
                )
