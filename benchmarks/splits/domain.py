"""The prediction domain: places spread evenly over where a task's predictions are wanted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, KDTree, QhullError

from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import EARTH_RADIUS_KM, chord_to_km, unit_vectors
from satclip_bench.tasks import TaskTable, get_task

PLACES = 10_000
SEED = 0
LAND = ("countries", "air_temperature")
"""Open tables drawn uniformly over all land but Antarctica. The second serves the first."""


def prediction_domain(table: TaskTable) -> NDArray[np.float64]:
    """Where predictions of a task are wanted, `(10000, 2)` lonlat.

    A global task: the land of the six inhabited continents, by the points of another shipped
    table that were drawn uniformly over it; its own would be no nearer to one another than to
    themselves. Any other: the area that its points cover.

    Raises:
        BenchError: the points cover no area.
    """
    if table.card.extent != "global":
        return covered(table.lonlat)
    other = next(name for name in LAND if name != table.card.name)
    return get_task(other).load().lonlat


def covered(
    lonlat: NDArray[np.float64], places: int = PLACES, seed: int = SEED
) -> NDArray[np.float64]:
    """Places drawn uniformly over the area that points cover, `(places, 2)` lonlat.

    That area is the alpha shape (Edelsbrunner, Kirkpatrick and Seidel 1983) of the points: of
    their Delaunay triangles on the sphere, which are the facets of the convex hull of their unit
    vectors, those whose circumscribed circle is no wider than the loneliest point is lonely, that
    is, than the longest distance from any point to its nearest neighbour. Nothing lies beyond the
    outermost points, bays and gaps wider than that are left out, and neither the antimeridian nor
    a pole is anything special.

    Args:
        lonlat: `(N, 2)` degrees; points may repeat.
        places: how many to draw.
        seed: of the draw.

    Raises:
        BenchError: fewer than four different points, all of them on one circle, or too scattered.
    """
    vectors = np.unique(unit_vectors(lonlat), axis=0)
    try:
        if len(vectors) < 4:
            raise QhullError("fewer than four points")
        hull = ConvexHull(vectors)
    except QhullError as error:
        raise BenchError(
            f"{len(vectors)} different points cover no area that predictions could be wanted in: "
            "give the prediction domain (`Points.domain`), or choose another split"
        ) from error
    nearest = np.asarray(KDTree(vectors).query(vectors, k=2)[0])[:, 1]
    # A facet at distance h from the centre cuts the sphere in a circle of angular radius arccos h.
    radius = EARTH_RADIUS_KM * np.arccos(np.clip(-hull.equations[:, -1], -1, 1))
    kept = hull.simplices[radius <= chord_to_km(nearest).max()]
    if not len(kept):
        raise BenchError(
            "no three points lie near enough to one another to cover an area: give the prediction "
            "domain (`Points.domain`), or choose another split"
        )
    a, b, c = (vectors[kept[:, corner]] for corner in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(kept), places, p=area / area.sum())
    # Uniform in a triangle: Osada et al. 2002, Shape distributions, ACM TOG 21, eq. 1.
    root, along = np.sqrt(rng.random((places, 1))), rng.random((places, 1))
    inside = (1 - root) * a[chosen] + root * (1 - along) * b[chosen] + root * along * c[chosen]
    x, y, z = inside.T
    angles: NDArray[np.float64] = np.stack(
        [np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))], axis=1
    )
    return np.degrees(angles)
