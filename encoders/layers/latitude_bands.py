"""First layer over spherical harmonics for many points at once, one latitude band at a time.

For each of the 2 L - 1 waves of longitude, a layer's sum over the harmonics is a trigonometric
polynomial in latitude of degree below L. Within a narrow band it is approximated by a Chebyshev
series of few terms, whose coefficients are computed once for all points of the band. The layer is
then a product with (2 L - 1) x terms columns instead of L^2.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.encoders.layers.spherical_harmonics import Recurrence
from satclip_bench.encoders.layers.tiles import TILE

TOLERANCES: Mapping[str, float] = {"float32": 2.0**-24, "float64": 2.0**-40}
"""Largest error of a series relative to the largest sum, by the precision of the layer.

For float32 it is the rounding error. For float64 it is far below the rounding of the embedding to
float32; the rounding error of float64 itself would need so many terms that no band is worth it.
"""

WORTH = 0.8
"""A series is used if it has fewer columns than this share of the harmonics."""


class LatitudeBands:
    """A first layer over orthonormal harmonics.

    Args:
        weights: `(H, L**2)` float32 or float64, columns as in `real_harmonics`.
        degrees: number of degrees L.
    """

    def __init__(self, weights: NDArray[np.floating[Any]], degrees: int) -> None:
        self.recurrence = Recurrence(degrees)
        self.tolerance = TOLERANCES[weights.dtype.name]
        # Wave, degree, unit; zero where the degree lies below the wave's order.
        self.weights = np.zeros((2 * degrees - 1, degrees, len(weights)), weights.dtype)
        for order in range(degrees):
            degree = np.arange(order, degrees)
            middle = degree * (degree + 1)
            self.weights[order, order:] = weights[:, middle + order].T
            if order:
                self.weights[degrees + order - 1, order:] = weights[:, middle - order].T

    def over(self, ordered: NDArray[np.float64]) -> BandsOfPoints:
        """Bands of `(n, 2)` lonlat sorted by ascending latitude, one tile of points per band."""
        return BandsOfPoints(self, ordered)


class BandsOfPoints:
    """Series of the latitude bands that contain the points.

    Args:
        layer: first layer over the harmonics.
        ordered: `(n, 2)` lonlat, sorted by ascending latitude.
    """

    def __init__(self, layer: LatitudeBands, ordered: NDArray[np.float64]) -> None:
        self._layer, self._ordered = layer, ordered
        latitude = np.radians(ordered[:, 1])
        degrees = layer.recurrence.degrees
        most = int(WORTH * degrees**2 / (2 * degrees - 1))
        self._series: dict[int, tuple[float, float, NDArray[np.floating[Any]]]] = {}
        bands, nodes = {}, []
        for start in range(0, len(ordered), TILE):
            low, high = latitude[start], latitude[min(start + TILE, len(ordered)) - 1]
            half = (high - low) / 2
            terms = terms_needed(degrees - 1, half, most, layer.tolerance)
            if terms <= most and 2 * terms < min(TILE, len(ordered) - start):
                bands[start] = (low + half, half, terms)
                nodes.append(low + half + half * chebyshev_nodes(terms))
        if not bands:
            return
        legendre = _legendre(layer.recurrence, np.concatenate(nodes))
        first = 0
        for start, (centre, half, terms) in bands.items():
            values = legendre[:, :, first : first + terms]
            series = np.einsum("jk,mlk->mjl", _to_series(terms), values)
            self._series[start] = (centre, half, series.astype(layer.weights.dtype))
            first += terms

    def first_layer(self, start: int, stop: int) -> NDArray[np.floating[Any]] | None:
        """Sums of the layer without the bias at points `start` to `stop`, one tile: `(n, H)`.

        None if the tile's band is too wide for a series to be cheaper.
        """
        if start not in self._series:
            return None
        centre, half, series = self._series[start]
        lon, lat = np.radians(self._ordered[start:stop]).T
        place = (lat - centre) / half if half else np.zeros_like(lat)
        waves = self._layer.recurrence.plain_waves(lon).astype(series.dtype)
        columns = waves[:, None] * _chebyshev(place, series.shape[1]).astype(series.dtype)
        # Orders 1 and up occur twice, with the cosine and with the sine.
        weights = np.matmul(np.concatenate([series, series[1:]]), self._layer.weights)
        flat = columns.reshape(-1, len(lat))
        sums: NDArray[np.floating[Any]] = flat.T @ weights.reshape(len(flat), -1)
        return sums

    def columns(self, start: int) -> int:
        """Number of columns of the layer's product at the tile from point `start` on.

        They are those of a series, or else the harmonics.
        """
        degrees = self._layer.recurrence.degrees
        if start not in self._series:
            return degrees**2
        _, _, series = self._series[start]
        return int((2 * degrees - 1) * series.shape[1])


def terms_needed(degree: int, half: float, most: int, tolerance: float) -> int:
    """Number of terms of a Chebyshev series within a tolerance; `most + 1` if more are needed.

    The error of interpolation in k Chebyshev nodes over an interval of half-width h is at most
    max |f^(k)| h^k / (2^(k-1) k!), and by Bernstein's inequality |f^(k)| <= degree^k max |f| for
    a trigonometric polynomial (Trefethen 2019, Approximation Theory and Approximation Practice).

    Args:
        degree: degree of the trigonometric polynomial.
        half: half-width of the interval in radians.
        most: largest number of terms to try.
        tolerance: largest error relative to the largest value.
    """
    for terms in range(1, most + 1):
        if (degree * half) ** terms <= tolerance * 2 ** (terms - 1) * factorial(terms):
            return terms
    return most + 1


def chebyshev_nodes(count: int) -> NDArray[np.float64]:
    """Zeros of the Chebyshev polynomial of degree `count`, in (-1, 1)."""
    nodes: NDArray[np.float64] = np.cos(np.pi * (np.arange(count) + 0.5) / count)
    return nodes


def _to_series(count: int) -> NDArray[np.float64]:
    """Matrix from values at the nodes to coefficients of the series: row j, column k."""
    matrix = 2 / count * _chebyshev(chebyshev_nodes(count), count)
    matrix[0] /= 2
    return matrix


def _chebyshev(x: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Chebyshev polynomials of degree 0 to `count - 1`, `(count, n)`."""
    out = np.ones((count, len(x)))
    if count > 1:
        out[1] = x
    for j in range(2, count):
        out[j] = 2 * x * out[j - 1] - out[j - 2]
    return out


def _legendre(recurrence: Recurrence, latitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Legendre functions at latitudes in radians, `(order, degree, n)`, zero below the order.

    They have the factor sqrt(2) for orders above 0, so that their products with plain waves are the
    harmonics.
    """
    degrees = recurrence.degrees
    on_meridian = np.stack([np.zeros(len(latitude)), np.degrees(latitude)], axis=1)
    harmonics = np.empty((degrees * degrees, len(latitude)))
    recurrence.fill(on_meridian, harmonics)
    out = np.zeros((degrees, degrees, len(latitude)))
    for order in range(degrees):
        degree = np.arange(order, degrees)
        out[order, order:] = harmonics[degree * (degree + 1) + order]
    return out
