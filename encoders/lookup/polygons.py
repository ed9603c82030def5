"""Reads a region from a file of polygons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import EncoderError
from satclip_bench.core.extras import missing_package
from satclip_bench.core.files import missing_file
from satclip_bench.core.points import WGS84
from satclip_bench.encoders.lookup.antimeridian import (
    continuous,
    poles_are_points,
    without_overlaps,
)

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries


def read_rings(path: Path) -> list[NDArray[np.float64]]:
    """Rings of the union of all polygons of a file, outer ones and holes.

    Args:
        path: GeoJSON, GeoPackage, Shapefile or another vector file, in any CRS. Vertices are
            converted to WGS84, and edges are straight lines between them in longitude and latitude.
            In EPSG:4326, an edge from 176 to -178 goes around the Earth, as in GeoJSON: polygons
            across the antimeridian are cut there, or go on to 182. In any other CRS, longitudes
            follow the edges of the file.

    Returns:
        `(k, 2)` vertices of each ring in degrees, longitude first.

    Raises:
        EncoderError: the file cannot be read, has no CRS, no area, or geometries that are not
            polygons; or one contains a pole in a CRS in which that is a point.
    """
    try:
        import geopandas
        import shapely
    except ModuleNotFoundError as error:
        raise missing_package("geopandas", "to read polygons") from error
    if not path.is_file():
        raise EncoderError(missing_file(path))
    try:
        frame = geopandas.read_file(path)
        if not isinstance(frame, geopandas.GeoDataFrame) or not len(frame):
            raise EncoderError("it has no geometries")
        if frame.crs is None:
            raise EncoderError("it has no CRS; save the file again with one")
        shapes = _in_degrees(frame).make_valid()
    except EncoderError as error:
        raise EncoderError(f"{path} cannot be used: {error}") from error
    except Exception as error:
        # The errors of pyogrio, pyproj and shapely share no base class.
        reason = " ".join(str(error).split())
        raise EncoderError(f"{path} cannot be read as polygons: {reason:.200}") from error
    other = sorted(set(shapes.geom_type.dropna()) - {"Polygon", "MultiPolygon"})
    if other:
        raise EncoderError(f"{path} has a {other[0]} among its geometries: a region is polygons")
    union = without_overlaps(shapes.union_all())
    polygons = [part for part in shapely.get_parts(union) if part.area > 0]
    if not polygons:
        raise EncoderError(f"{path} has no polygon with an area")
    return [
        np.asarray(ring.coords)[:-1, :2] for p in polygons for ring in (p.exterior, *p.interiors)
    ]


def _in_degrees(frame: GeoDataFrame) -> GeoSeries:
    """Geometries in WGS84 whose polygons do not jump at the antimeridian."""
    import geopandas
    from pyproj import Transformer

    source = frame.geometry
    converted = source.to_crs(WGS84)
    vertices = converted.get_coordinates().to_numpy()
    if not (np.isfinite(vertices).all() and (np.abs(vertices) <= (360, 90)).all()):
        raise EncoderError("it has polygons outside of the longitudes and latitudes")
    if frame.crs == WGS84:
        return converted
    transformer = Transformer.from_crs(frame.crs, WGS84, always_xy=True)
    inverse = Transformer.from_crs(WGS84, frame.crs, always_xy=True)
    point_poles = poles_are_points(inverse.transform)
    shapes = [
        after if before is None else continuous(before, after, transformer.transform, point_poles)
        for before, after in zip(source, converted, strict=True)
    ]
    return geopandas.GeoSeries(shapes, crs=WGS84)
