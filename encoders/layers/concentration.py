"""Spherical harmonics of limited degree, combined so that their energy lies in a region.

Simons, Dahlen and Wieczorek 2006, SIAM Review 48(3), section 4: the energy of a function in the
region is a quadratic form of its coefficients, and its eigenvalues are the largest possible shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import EncoderError
from satclip_bench.encoders.layers.spherical_harmonics import real_harmonics

Float = NDArray[np.float64]

ROUNDING = 1e-9
"""Error of a share, so that those of exactly one half count on every machine."""

SLICES_PER_WAVE = 40
"""Vertices of a polygon whose latitudes are closer than this part of the shortest half wave are in
one slice of latitudes."""

_MORE_NODES = 14


class Nodes(NamedTuple):
    """Nodes of a quadrature over a region.

    Attributes:
        lonlat: `(n, 2)` degrees, longitude first.
        weights: `(n,)` steradians; their sum is the area of the region.
    """

    lonlat: Float
    weights: Float


def box_nodes(west: float, east: float, south: float, north: float, degrees: int) -> Nodes:
    """Nodes in a box of longitudes and latitudes, for products of two harmonics.

    Args:
        west: western limit in degrees; if it is greater than the eastern one, the box crosses the
            antimeridian.
        east: eastern limit in degrees.
        south: southern limit in degrees.
        north: northern limit in degrees.
        degrees: number of degrees L of the harmonics.

    >>> nodes = box_nodes(-180, 180, -90, 90, 3)
    >>> float(nodes.weights.sum() / np.pi).__round__(9)
    4.0
    """
    east = east if east > west else east + 360
    ring = np.array([[west, south], [east, south], [east, north], [west, north]], dtype=np.float64)
    return polygon_nodes([ring], degrees)


def polygon_nodes(rings: Sequence[Float], degrees: int) -> Nodes:
    """Nodes in polygons whose edges are straight lines in longitude and latitude, as in GeoJSON.

    Latitudes are divided where the polygons have vertices. Each slice has the nodes of a
    Gauss-Legendre rule in latitude, and each part of a parallel inside the polygons those of
    another in longitude. A place is inside if it lies within an odd number of rings, so that holes
    are out.

    Args:
        rings: `(k, 2)` vertices of each ring in degrees, longitude first; the first need not be
            repeated at the end.
        degrees: number of degrees L of the harmonics.

    Raises:
        EncoderError: the polygons are so narrow that no node lies inside.
    """
    starts = np.concatenate(rings)
    ends = np.concatenate([np.roll(ring, -1, axis=0) for ring in rings])
    parallels, weights = _parallels(np.unique(starts[:, 1]), degrees)
    points, areas = [], []
    for lat, weight in zip(parallels, weights, strict=True):
        crossed = (starts[:, 1] <= lat) != (ends[:, 1] <= lat)
        (x0, y0), (x1, y1) = starts[crossed].T, ends[crossed].T
        lon = np.sort(x0 + (lat - y0) / (y1 - y0) * (x1 - x0)).reshape(-1, 2)
        for low, high in lon[lon[:, 1] > lon[:, 0]]:
            nodes, width = _gauss(low, high, degrees)
            points.append(np.stack([nodes, np.full_like(nodes, lat)], axis=1))
            areas.append(width * weight * np.cos(np.radians(lat)))
    if not points:
        raise EncoderError("the region is too narrow to be integrated over: choose a larger one")
    return Nodes(np.concatenate(points), np.concatenate(areas))


def concentrated(nodes: Nodes, degrees: int, min_share: float) -> tuple[Float, Float]:
    """Functions with at least a share of their energy in a region, as sums of real harmonics.

    The shares of many functions are equal but for rounding, so that these functions are not
    determined. Their span is. The columns are its orthonormal basis in which the mean of l (l + 1)
    is diagonal, the smoothest function first.

    Args:
        nodes: quadrature over the region.
        degrees: number of degrees L of the harmonics.
        min_share: smallest share of the energy.

    Returns:
        Coefficients, `(L**2, n)`, in the basis of `real_harmonics`; and the shares of the energy of
        the eigenfunctions that span the same space, `(n,)`, the greatest first.
    """
    from scipy.linalg import eigh

    weighted = np.sqrt(nodes.weights)[:, None] * real_harmonics(nodes.lonlat, degrees)
    few = len(weighted) < degrees * degrees
    # Both products have the same eigenvalues above zero.
    values, vectors = eigh(weighted @ weighted.T if few else weighted.T @ weighted)
    kept = np.flatnonzero(values > min_share - ROUNDING)[::-1]
    shares = values[kept]
    span = vectors[:, kept]
    if few:
        span = weighted.T @ span / np.sqrt(shares)
    order = np.repeat(np.arange(degrees), 2 * np.arange(degrees) + 1).astype(np.float64)
    turn = eigh(span.T @ (span * (order * (order + 1))[:, None]))[1]
    basis = span @ turn
    # The sign of an eigenvector is arbitrary, and could differ between machines. If the middle of
    # a region has the longitude 45 degrees, two coefficients are the largest.
    size = np.abs(basis)
    first = (size > (1 - 1e-6) * size.max(axis=0, initial=0)).argmax(axis=0)
    largest = basis[first, np.arange(len(kept))]
    return np.asarray(basis * np.sign(largest)), np.asarray(shares)


def _parallels(breaks: Float, degrees: int) -> tuple[Float, Float]:
    """Latitudes in degrees, and their weights in radians, between the vertices of polygons."""
    apart = 180 / degrees / SLICES_PER_WAVE
    edges = [float(breaks[0])]
    for lat in map(float, breaks[1:-1]):
        if lat - edges[-1] > apart and breaks[-1] - lat > apart:
            edges.append(lat)
    slices = zip(edges, [*edges[1:], float(breaks[-1])], strict=True)
    more = _MORE_NODES // len(edges) + 2
    rules = [_gauss(low, high, degrees, more) for low, high in slices]
    return np.concatenate([r[0] for r in rules]), np.concatenate([r[1] for r in rules])


def _gauss(low: float, high: float, degrees: int, more: int = _MORE_NODES) -> tuple[Float, Float]:
    """Nodes in degrees and weights in radians for products of two harmonics on a line."""
    half = np.radians(high - low) / 2
    nodes, weights = np.polynomial.legendre.leggauss(int(1.2 * degrees * half) + more)
    return (low + high) / 2 + (high - low) / 2 * nodes, half * weights
