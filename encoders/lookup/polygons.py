"""Reads a region from a file of polygons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import EncoderError
from satclip_bench.core.extras import missing_package
from satclip_bench.core.files import missing_file
from satclip_bench.core.points import WGS84


def read_rings(path: Path) -> list[NDArray[np.float64]]:
    """Rings of the union of all polygons of a file, outer ones and holes.

    Args:
        path: GeoJSON, GeoPackage, Shapefile or another vector file, in any CRS. Vertices are
            converted to WGS84, and edges are straight lines between them in longitude and latitude.

    Returns:
        `(k, 2)` vertices of each ring in degrees, longitude first.

    Raises:
        EncoderError: the file cannot be read, has no CRS, no area, or geometries that are
            not polygons.
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
            raise EncoderError(f"{path} has no geometries")
        if frame.crs is None:
            raise EncoderError(f"{path} has no CRS: save the file again with one")
        shapes = frame.geometry.to_crs(WGS84).make_valid()
    except EncoderError:
        raise
    except Exception as error:
        # The errors of pyogrio, pyproj and shapely share no base class.
        reason = " ".join(str(error).split())
        raise EncoderError(f"{path} cannot be read as polygons: {reason:.200}") from error
    other = sorted(set(shapes.geom_type.dropna()) - {"Polygon", "MultiPolygon"})
    if other:
        raise EncoderError(f"{path} has a {other[0]} among its geometries: a region is polygons")
    union = shapes.union_all()
    polygons = [part for part in shapely.get_parts(union) if part.area > 0]
    if not polygons:
        raise EncoderError(f"{path} has no polygon with an area")
    rings = [
        np.asarray(ring.coords)[:-1, :2] for p in polygons for ring in (p.exterior, *p.interiors)
    ]
    if not all(np.isfinite(r).all() and (np.abs(r) <= (360, 90)).all() for r in rings):
        raise EncoderError(f"{path} has polygons outside of the longitudes and latitudes")
    return rings
