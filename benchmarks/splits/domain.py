"""The prediction domain: places spread evenly over the area where predictions are wanted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, KDTree, QhullError

from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import (
    EARTH_RADIUS_KM,
    chord_to_km,
    km_to_chord,
    lonlat_of,
    unit_vectors,
)
from satclip_bench.tasks import TaskTable, get_task

PLACES = 10_000
SEED = 0
LAND = ("countries", "air_temperature")
"""Open tables drawn uniformly over all land but Antarctica. The second is the first's domain."""
NEAR_KM = 200
"""Distance in km within which 97 % or more of the points of every global open table have a point of
`LAND`, which are some 100 km apart."""
MIN_NEAR_FRACTION = 0.5
"""Minimum fraction of a global table's points that are near land if land is its domain."""


def prediction_domain(table: TaskTable) -> NDArray[np.float64]:
    """Places where predictions of a task are wanted, `(10000, 2)` lonlat.

    For a global task, they are on the land of the six inhabited continents: the points of another
    shipped table that were drawn uniformly over it. (The table's own points would be at distance 0
    from the sample.) For any other task, and for a global one most of whose points are more than
    200 km from such land, as at sea or in Antarctica, they are drawn from the area that its points
    cover.

    Args:
        table: table of the task.

    Raises:
        BenchError: the points do not cover an area.

    Examples:
        >>> from satclip_bench.tasks import get_task
        >>> prediction_domain(get_task("elevation").load()).shape
        (10000, 2)
    """
    if table.card.extent == "global":
        other = next(name for name in LAND if name != table.card.name)
        land = get_task(other).load().lonlat
        # Of millions of points, some ten thousand are enough for a share.
        some = table.lonlat[:: max(1, len(table) // PLACES)]
        nearest = KDTree(unit_vectors(land)).query(unit_vectors(some))[0]
        if np.mean(nearest <= km_to_chord(NEAR_KM)) >= MIN_NEAR_FRACTION:
            return land
    return covered(table.lonlat)


def covered(
    lonlat: NDArray[np.float64], places: int = PLACES, seed: int = SEED
) -> NDArray[np.float64]:
    """Draw places uniformly from the area that points cover, `(places, 2)` lonlat.

    The area is the alpha shape (Edelsbrunner, Kirkpatrick and Seidel 1983) of the points. It
    consists of their Delaunay triangles on the sphere, which are the facets of the convex hull of
    their unit vectors, whose circumscribed circle has a radius of at most the longest distance from
    any point to its nearest neighbour. No place is outside the outermost points, bays and gaps
    wider than that are left out, and the antimeridian and the poles need no special treatment.

    Args:
        lonlat: `(N, 2)` degrees; points may repeat.
        places: number of places to draw.
        seed: seed of the draw.

    Raises:
        BenchError: there are fewer than four different points, all of them are on one circle, or
            they are too scattered.

    Examples:
        >>> corners = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0], [5.0, 5.0]])
        >>> inside = covered(corners, places=1000)
        >>> bool((inside[:, 0] >= 0).all() and (inside[:, 0] <= 10).all())
        True
    """
    vectors = np.unique(unit_vectors(lonlat), axis=0)
    try:
        if len(vectors) < 4:
            raise QhullError("fewer than four points")
        hull = ConvexHull(vectors)
    except QhullError as error:
        raise BenchError(
            f"{len(vectors)} different points do not cover an area: give the prediction domain "
            "(`SplitInputs.domain`), or choose another split"
        ) from error
    nearest = np.asarray(KDTree(vectors).query(vectors, k=2)[0])[:, 1]
    # A facet at distance h from the centre cuts the sphere in a circle of angular radius arccos h.
    radius = EARTH_RADIUS_KM * np.arccos(np.clip(-hull.equations[:, -1], -1, 1))
    kept = hull.simplices[radius <= chord_to_km(nearest).max()]
    if not len(kept):
        raise BenchError(
            "no three points are near enough to one another to cover an area: give the prediction "
            "domain (`SplitInputs.domain`), or choose another split"
        )
    a, b, c = (vectors[kept[:, corner]] for corner in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(kept), places, p=area / area.sum())
    # Uniform in a triangle: Osada et al. 2002, Shape distributions, ACM TOG 21, eq. 1.
    root, along = np.sqrt(rng.random((places, 1))), rng.random((places, 1))
    inside = (1 - root) * a[chosen] + root * (1 - along) * b[chosen] + root * along * c[chosen]
    return lonlat_of(inside)
