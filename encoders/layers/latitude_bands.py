"""First layer over spherical harmonics for many points at once, one latitude band at a time.

For each of the 2 L - 1 waves of longitude, a layer's sum over the harmonics is a trigonometric
polynomial in latitude of degree below L. Within a narrow band it is approximated by a Chebyshev
series of few terms, whose coefficients are computed once for all points of the band. The layer is
then a product with at most (2 L - 1) x terms columns instead of L^2.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from math import factorial
from types import EllipsisType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from satclip_bench.encoders.layers.spherical_harmonics import Recurrence
from satclip_bench.encoders.layers.tiles import TILE

TOLERANCES: Mapping[str, float] = {"float32": 2.0**-24, "float64": 2.0**-40}
"""Largest error of a series relative to the largest sum, by the precision of the layer.

For float32 it is the rounding error. For float64 it is far below the rounding of the embedding to
float32; the rounding error of float64 itself would need so many terms that no band is worth it.
"""

POINTS: Mapping[str, int] = {"float32": 256, "float64": TILE}
"""Largest number of points in a band, by the precision of the layer.

Bands of fewer points are narrower and need fewer terms, but each needs coefficients of its own. In
float64, other bands would change the last digit of embeddings that committed boards are made of.
"""

HIDDEN = 2.0**-24
"""Share of the average wave below which a column is left out in float32: its rounding error."""

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
        self.points = POINTS[weights.dtype.name]
        # Wave, degree, unit; zero where the degree lies below the wave's order.
        self.weights = np.zeros((2 * degrees - 1, degrees, len(weights)), weights.dtype)
        for order in range(degrees):
            degree = np.arange(order, degrees)
            middle = degree * (degree + 1)
            self.weights[order, order:] = weights[:, middle + order].T
            if order:
                self.weights[degrees + order - 1, order:] = weights[:, middle - order].T
        # Order, degree, cosine and sine; there is no sine of order 0.
        self._largest = np.zeros((degrees, degrees, 2), weights.dtype)
        largest = np.abs(self.weights).max(axis=2)
        self._largest[:, :, 0], self._largest[1:, :, 1] = largest[:degrees], largest[degrees:]

    def over(self, ordered: NDArray[np.float64]) -> BandsOfPoints:
        """Bands of `(n, 2)` lonlat sorted by ascending latitude."""
        return BandsOfPoints(self, ordered)

    def of_series(self, series: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Weights of the columns of series, `(wave, term, H)`.

        Args:
            series: `(order, term, degree)` coefficients, of several bands one after the other, so
                that the layer's weights are read once for all of them.
        """
        degrees = self.recurrence.degrees
        waves, _, units = self.weights.shape
        weights = np.empty((waves, series.shape[1], units), self.weights.dtype)
        for wave in range(waves):
            order = wave if wave < degrees else wave - degrees + 1
            np.matmul(series[order, :, order:], self.weights[wave, order:], out=weights[wave])
        return weights

    def visible(self, series: NDArray[np.floating[Any]]) -> NDArray[np.bool_] | EllipsisType:
        """Mask `(wave, term)` of the columns that rounding does not hide; all in float64.

        The share of a column in a sum is at most the sum over degrees of its coefficient times the
        largest weight. Near the poles it is tiny for all high orders.

        Args:
            series: `(order, term, degree)` coefficients of the Legendre functions in a band.
        """
        if series.dtype == np.float64:
            return ...
        both = np.matmul(np.abs(series), self._largest)
        share = np.concatenate([both[:, :, 0], both[1:, :, 1]])
        hidden: NDArray[np.bool_] = share < HIDDEN / len(share) * share.sum()
        return ~hidden


class _Band(NamedTuple):
    """Points of a narrow band of latitudes.

    Attributes:
        start: first row of the points.
        stop: row after the last.
        centre: latitude of the centre in radians.
        half: half of the width in radians.
        terms: number of terms of the series.
    """

    start: int
    stop: int
    centre: float
    half: float
    terms: int


class BandsOfPoints:
    """Series of the latitude bands that contain the points.

    Args:
        layer: first layer over the harmonics.
        ordered: `(n, 2)` lonlat, sorted by ascending latitude.
    """

    def __init__(self, layer: LatitudeBands, ordered: NDArray[np.float64]) -> None:
        self._layer, self._ordered = layer, ordered
        self._tiles: dict[int, list[tuple[_Band, NDArray[np.float64]]]] = {}
        degrees = layer.recurrence.degrees
        most = int(WORTH * degrees**2 / (2 * degrees - 1))
        tiles = {}
        for start in range(0, len(ordered), TILE):
            bands = self._bands(start, min(start + TILE, len(ordered)), most)
            if all(b.terms <= most and 2 * b.terms < b.stop - b.start for b in bands):
                tiles[start] = bands
        if not tiles:
            return
        nodes = [
            band.centre + band.half * chebyshev_nodes(band.terms)
            for bands in tiles.values()
            for band in bands
        ]
        legendre = _legendre(layer.recurrence, np.concatenate(nodes))
        first = 0
        for start, bands in tiles.items():
            self._tiles[start] = []
            for band in bands:
                values = legendre[:, :, first : first + band.terms]
                self._tiles[start].append((band, values))
                first += band.terms

    def first_layer(self, start: int, stop: int) -> NDArray[np.floating[Any]] | None:
        """Sums of the layer without the bias at points `start` to `stop`, one tile: `(n, H)`.

        None if a band of the tile is too wide for a series to be cheaper.
        """
        if start not in self._tiles:
            return None
        tile = self._tiles[start]
        series = [self._series(values) for _, values in tile]
        # While the series are in the cache, which the large weights take next.
        masks = [self._layer.visible(each) for each in series]
        weights = self._layer.of_series(np.concatenate(series, axis=1))
        units = weights.shape[2]
        sums = np.empty((stop - start, units), weights.dtype)
        first = 0
        for (band, _), visible in zip(tile, masks, strict=True):
            of_band = weights[:, first : first + band.terms][visible].reshape(-1, units)
            features = self._features(band)[visible].reshape(len(of_band), -1)
            np.matmul(features.T, of_band, out=sums[band.start - start : band.stop - start])
            first += band.terms
        return sums

    def products(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Rows and columns of the layer's products at points `start` to `stop`, one tile.

        They are those of series, one per band, or else the harmonics.
        """
        degrees = self._layer.recurrence.degrees
        if start not in self._tiles:
            return [(stop - start, degrees**2)]
        shapes = []
        for band, values in self._tiles[start]:
            series = self._series(values)
            columns = np.empty((len(self._layer.weights), band.terms))[self._layer.visible(series)]
            shapes.append((band.stop - band.start, columns.size))
        return shapes

    def _bands(self, start: int, stop: int, most: int) -> list[_Band]:
        """Bands with equal numbers of points; `most + 1` terms if a band needs more than `most`."""
        parts = -(-(stop - start) // self._layer.points)
        edges = [start + (stop - start) * part // parts for part in range(parts + 1)]
        degree = self._layer.recurrence.degrees - 1
        bands = []
        for first, end in pairwise(edges):
            low, high = np.radians(self._ordered[[first, end - 1], 1])
            half = (high - low) / 2
            terms = terms_needed(degree, half, most, self._layer.tolerance)
            bands.append(_Band(first, end, low + half, half, terms))
        return bands

    def _series(self, legendre: NDArray[np.float64]) -> NDArray[np.floating[Any]]:
        """Coefficients `(order, term, degree)` from values `(order, degree, node)` at the nodes."""
        series = np.matmul(_to_series(legendre.shape[2]), legendre.transpose(0, 2, 1))
        rounded: NDArray[np.floating[Any]] = series.astype(self._layer.weights.dtype, copy=False)
        return rounded

    def _features(self, band: _Band) -> NDArray[np.floating[Any]]:
        """Waves of longitude times Chebyshev polynomials of latitude, `(wave, term, n)`."""
        dtype = self._layer.weights.dtype
        lon, lat = np.radians(self._ordered[band.start : band.stop]).T
        place = (lat - band.centre) / band.half if band.half else np.zeros_like(lat)
        waves = self._layer.recurrence.plain_waves(lon, dtype)
        terms = _chebyshev(place, band.terms).astype(dtype)
        features: NDArray[np.floating[Any]] = waves[:, None] * terms
        return features


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


@cache
def _to_series(count: int) -> NDArray[np.float64]:
    """Matrix from values at the nodes to coefficients of the series: row j, column k."""
    matrix = 2 / count * _chebyshev(chebyshev_nodes(count), count)
    matrix[0] /= 2
    matrix.flags.writeable = False
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
    out = np.zeros((degrees, degrees, len(latitude)))
    for degree, values in enumerate(recurrence.legendre(latitude)):
        out[0, degree] = values[0]
        np.multiply(values[1:], np.sqrt(2), out=out[1 : degree + 1, degree])
    return out
