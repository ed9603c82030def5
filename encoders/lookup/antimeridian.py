"""Polygons across the antimeridian: continuous longitudes, and overlaps of a turn around the Earth.

Longitudes of a projected polygon come back between -180 and 180, so that one across the
antimeridian would reach around the Earth. Here they go on beyond 180 instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import EncoderError

if TYPE_CHECKING:
    from shapely import Polygon
    from shapely.geometry.base import BaseGeometry

Float = NDArray[np.float64]
ToLonLat = Callable[[Float, Float], tuple[Float, Float]]

PIECES = 8
"""Number of pieces of an edge between which longitudes are compared; each is assumed to span less
than 180 degrees, also for an edge all around the Earth."""
NEAR_POLE = 1e-6
"""Degrees from a pole at which its longitude is rounding."""


def continuous(
    source: BaseGeometry, converted: BaseGeometry, to_lonlat: ToLonLat, point_poles: bool
) -> BaseGeometry:
    """Polygons whose longitudes change along each edge as they do along the edge of the source.

    Args:
        source: Polygon or MultiPolygon in some CRS; anything else is returned as converted.
        converted: the same geometry in degrees, longitude first.
        to_lonlat: function that converts coordinates of the source, `(n,)` each, to degrees.
        point_poles: whether a pole is a point in the CRS of the source, and has no longitude there.

    Returns:
        The geometry with vertices moved by whole turns. The middle of each polygon lies between
        -180 and 180 degrees.

    Raises:
        EncoderError: a polygon contains or touches a pole that is a point in the source's CRS.
    """
    import shapely

    if source.geom_type not in ("Polygon", "MultiPolygon"):
        return converted
    pairs = zip(shapely.get_parts(source), shapely.get_parts(converted), strict=True)
    return shapely.MultiPolygon(
        [_polygon(before, after, to_lonlat, point_poles) for before, after in pairs]
    )


def _polygon(
    source: Polygon, converted: Polygon, to_lonlat: ToLonLat, point_poles: bool
) -> Polygon:
    import shapely

    if source.is_empty:
        return converted
    before = [source.exterior, *source.interiors]
    after = [converted.exterior, *converted.interiors]
    shell, *holes = (
        _ring(shapely.get_coordinates(a), shapely.get_coordinates(b), to_lonlat, point_poles)
        for a, b in zip(before, after, strict=True)
    )
    west, east = shell[:, 0].min(), shell[:, 0].max()
    shell[:, 0] -= 360 * np.round((west + east) / 720)
    west = shell[:, 0].min()
    for hole in holes:
        # A hole that touches the outer ring may be west of it by rounding.
        hole[:, 0] += 360 * np.ceil((west - 1e-6 - hole[:, 0].min()) / 360)
    return shapely.Polygon(shell, holes)


def _ring(xy: Float, lonlat: Float, to_lonlat: ToLonLat, point_poles: bool) -> Float:
    """Vertices of a closed ring in degrees, `(k, 2)`, each in the turn that its edges lead to."""
    start, step = xy[:-1, None], np.diff(xy, axis=0)[:, None]
    between = start + step * (np.arange(1, PIECES) / PIECES)[:, None]
    lon, lat = to_lonlat(between[..., 0].ravel(), between[..., 1].ravel())
    lon = np.reshape(lon, between.shape[:2])
    # A place beside the map, such as between the lobes of an interrupted one, has no longitude.
    lon = np.where(np.isfinite(lon), lon, lonlat[:-1, :1])
    changes = np.diff(np.hstack([lonlat[:-1, :1], lon, lonlat[1:, :1]]), axis=1)
    changes = (changes + 180) % 360 - 180
    path = lonlat[0, 0] + np.cumsum(changes.sum(axis=1))
    turns = np.round((path - lonlat[1:, 0]) / 360)
    lats = np.concatenate([lonlat[:, 1], lat])
    at_pole = np.abs(lats[np.isfinite(lats)]).max(initial=0) > 90 - NEAR_POLE
    if turns[-1] or (np.abs(changes) > 180 - NEAR_POLE).any() or (point_poles and at_pole):
        raise EncoderError(
            "a polygon contains or touches a pole, which has no longitude in this CRS. Save the "
            "polygons in EPSG:4326, cut along the meridian 180 and with an edge along the pole, "
            "such as from -180, -90 to 180, -90"
        )
    moved = lonlat.copy()
    moved[1:, 0] += 360 * turns
    return moved


def poles_are_points(from_lonlat: ToLonLat) -> bool:
    """Whether a CRS shows a pole as a point rather than as a line.

    Args:
        from_lonlat: function that converts degrees to coordinates of the CRS.
    """
    lon, lat = np.array([-60.0, 30.0, -60.0, 30.0]), np.array([90.0, 90.0, -90.0, -90.0])
    x, y = (np.reshape(values, (2, 2)) for values in from_lonlat(lon, lat))
    with np.errstate(invalid="ignore"):
        apart = np.hypot(x[:, 0] - x[:, 1], y[:, 0] - y[:, 1])
    # A pole that the map cannot show is not finite.
    return bool((apart < 1e-5).any())


def without_overlaps(union: BaseGeometry) -> BaseGeometry:
    """A union of polygons in which no two overlap on the sphere, as those at 190 and -170 do.

    Args:
        union: geometry without overlaps in the plane of longitude and latitude.

    Returns:
        The same geometry if nothing overlaps, else one between -180 and 180 degrees.
    """
    import shapely
    from shapely.affinity import translate

    west, _, east, _ = union.bounds
    if union.is_empty or (west >= -180 and east <= 180):
        return union
    turns = range(int((west + 180) // 360), int((east + 180) // 360) + 1)
    strips = [shapely.box(360 * turn - 180, -91, 360 * turn + 180, 91) for turn in turns]
    wrapped = shapely.union_all(
        [
            translate(union.intersection(strip), -360 * turn)
            for turn, strip in zip(turns, strips, strict=True)
        ]
    )
    return wrapped if wrapped.area < union.area * (1 - 1e-9) else union
