"""Slepian functions: harmonics of limited degree whose energy lies in a cap, a box or polygons."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
from typing_extensions import override

from satclip_bench.core.errors import EncoderError, UnknownNameError
from satclip_bench.core.files import sha256_file
from satclip_bench.core.sphere import unit_vectors
from satclip_bench.encoders.base import Encoder, EncoderCard
from satclip_bench.encoders.layers.concentration import (
    ROUNDING,
    Nodes,
    box_nodes,
    concentrated,
    polygon_nodes,
)
from satclip_bench.encoders.layers.spherical_harmonics import Float, Recurrence, real_harmonics
from satclip_bench.encoders.lookup.polygons import read_rings

MAX_DEGREES = 200

CONCENTRATED = 0.5
"""Least share of its energy that a function has in the cap. About as many functions as the Shannon
number have more, since nearly all shares are close to 0 or 1."""

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_CAP = re.compile(rf"l([1-9][0-9]{{0,2}})-({_NUMBER})deg-({_NUMBER})([ew])-({_NUMBER})([ns])")
_BOX = re.compile(
    r"l([1-9][0-9]{0,2})-" + "-".join([rf"({_NUMBER}[ew])"] * 2 + [rf"({_NUMBER}[ns])"] * 2)
)
_NAMED = re.compile(r"l([1-9][0-9]{0,2})-([a-z][a-z0-9_-]*)")

BOXES = {
    "us": (-125.0, -66.5, 24.5, 49.5),
    "california": (-124.5, -114.0, 32.5, 42.0),
}
"""West, east, south and north limits of the extents of the benchmark's regional tasks."""

CITATION = (
    "Simons, Dahlen and Wieczorek 2006, Spatiospectral concentration on a sphere, SIAM Review "
    "48(3), 504-536"
)


def from_variant(variant: str, file: str | Path | None = None) -> Slepian | RegionalSlepian:
    """Make the encoder `slepian.<variant>`.

    The variant begins with the number of degrees of the harmonics. Then come the radius and the
    centre of a cap, as in `l40-25deg-15e-50n`; the west, east, south and north limits of a box, as
    in `l40-10w-30e-35n-60n`; or `us` or `california`, as in `l40-us`.

    Args:
        variant: second part of the encoder's name.
        file: polygons in place of a cap or a box; the variant then ends in any name, as in
            `l40-basin`.

    Raises:
        UnknownNameError: the variant has another form, or a number is out of range.
        EncoderError: the region is too small for any function of so few degrees, or the file
            cannot be used.
    """
    named = _NAMED.fullmatch(variant)
    if file is not None:
        if named and named[2] not in BOXES and int(named[1]) <= MAX_DEGREES:
            return _of_file(variant, int(named[1]), Path(file).expanduser())
        raise UnknownNameError(
            f"'slepian.{variant}' cannot be the name of a file's region: it has the number of "
            "degrees and a name of its own, as in 'slepian.l40-basin'"
        )
    box = BOXES.get(named[2]) if named else None
    limits = _BOX.fullmatch(variant)
    if limits:
        box = (_degrees(limits[2]), _degrees(limits[3]), _degrees(limits[4]), _degrees(limits[5]))
    if box and int(variant[1 : variant.index("-")]) <= MAX_DEGREES:
        west, east, south, north = box
        # From 180 east to 180 west, a box has no width.
        wide = west - east not in (0, 360)
        if max(abs(west), abs(east)) <= 180 and wide and -90 <= south < north <= 90:
            return _of_box(variant, box)
    match = _CAP.fullmatch(variant)
    if match:
        degrees, radius = int(match[1]), float(match[2])
        lon = float(match[3]) * (1 if match[4] == "e" else -1)
        lat = float(match[5]) * (1 if match[6] == "n" else -1)
        if degrees <= MAX_DEGREES and 0 < radius < 180 and abs(lon) <= 180 and abs(lat) <= 90:
            return Slepian(degrees, radius, (lon, lat), variant)
    raise UnknownNameError(
        f"no encoder is called 'slepian.{variant}': the variant has the number of degrees, 1 to "
        f"{MAX_DEGREES}, the radius of a cap below 180 degrees, and its centre, as in "
        "'slepian.l40-25deg-15e-50n'; or the west, east, south and north limits of a box, as in "
        f"'slepian.l40-10w-30e-35n-60n'; or {' or '.join(BOXES)}, as in 'slepian.l40-us'. "
        'Polygons need a file: get_encoder("slepian.l40-basin", file="basin.geojson").'
    )


def _degrees(text: str) -> float:
    """Degrees east or north.

    >>> _degrees("10w"), _degrees("35.5n")
    (-10.0, 35.5)
    """
    return float(text[:-1]) * (-1 if text[-1] in "ws" else 1)


def _of_box(variant: str, box: tuple[float, float, float, float]) -> RegionalSlepian:
    degrees = int(variant[1 : variant.index("-")])
    limits: dict[str, str | int | float]
    limits = dict(zip(("west", "east", "south", "north"), box, strict=True))
    shown = ", ".join(f"{name} {value:g}" for name, value in limits.items())
    return RegionalSlepian(
        variant, degrees, box_nodes(*box, degrees), f"the box {shown} degrees", limits
    )


def _of_file(variant: str, degrees: int, path: Path) -> RegionalSlepian:
    nodes = polygon_nodes(read_rings(path), degrees)
    facts: dict[str, str | int | float] = {"region_sha256": sha256_file(path)}
    return RegionalSlepian(variant, degrees, nodes, f"the polygons of {path.name}", facts)


class RegionalSlepian(Encoder):
    """Functions that span the Slepian functions with half of their energy in a region, untrained.

    The columns are ordered by their smoothness: see `concentration.concentrated`. Far from the
    region they are close to zero.

    Args:
        variant: second part of the encoder's name.
        degrees: number of degrees L of the harmonics that the functions are made of.
        nodes: quadrature over the region.
        region: name of the region in the description.
        facts: what determines the region, as parameters of the card.

    Raises:
        EncoderError: no function has half of its energy in the region.

    >>> from_variant("l40-us").card.dimension
    45
    """

    def __init__(
        self,
        variant: str,
        degrees: int,
        nodes: Nodes,
        region: str,
        facts: Mapping[str, str | int | float],
    ) -> None:
        self.degrees = degrees
        self._coefficients, self.shares = concentrated(nodes, degrees, CONCENTRATED)
        self.area = float(nodes.weights.sum())
        columns = self._coefficients.shape[1]
        if not columns:
            raise EncoderError(
                f"no function of {degrees} degrees has half of its energy in {region}: choose more "
                "degrees, or a larger region"
            )
        self.card = EncoderCard(
            name=f"slepian.{variant}",
            title=f"Slepian functions {variant}",
            dimension=columns,
            description=f"A basis of the {columns} combinations of harmonics below degree "
            f"{degrees} that have at least half of their energy in {region}, the smoothest first.",
            citation=CITATION,
            parameters={"degrees": degrees, **facts, "concentrated": CONCENTRATED},
        )

    @override
    def forward(self, lonlat: Float) -> Float:
        return real_harmonics(lonlat, self.degrees) @ self._coefficients


class Slepian(Encoder):
    """Slepian functions that have at least half of their energy in a spherical cap, untrained.

    Simons, Dahlen and Wieczorek 2006, SIAM Review 48(3). The columns are ordered by the order m of
    the functions around the centre of the cap, then by their energy in the cap. Far from the cap
    they are close to zero.

    Args:
        degrees: number of degrees L of the harmonics that the functions are made of.
        radius: angle between the centre and the edge of the cap in degrees.
        centre: longitude and latitude of the centre in degrees.
        variant: second part of the encoder's name.

    Raises:
        EncoderError: no function has half of its energy in the cap.

    >>> from_variant("l20-40deg-15e-50n").card.dimension
    44
    """

    def __init__(
        self, degrees: int, radius: float, centre: tuple[float, float], variant: str
    ) -> None:
        self.degrees, self.radius, self.centre = degrees, radius, centre
        columns = self._coefficients.shape[1]
        self.card = EncoderCard(
            name=f"slepian.{variant}",
            title=f"Slepian functions {variant}",
            dimension=columns,
            description=f"The {columns} combinations of harmonics below degree {degrees} that have "
            f"at least half of their energy within {radius:g} degrees of {centre[0]:g}, "
            f"{centre[1]:g} (longitude, latitude).",
            citation=CITATION,
            parameters={
                "degrees": degrees,
                "radius": radius,
                "lon": centre[0],
                "lat": centre[1],
                "concentrated": CONCENTRATED,
            },
        )

    @cached_property
    def _coefficients(self) -> Float:
        coefficients = cap_coefficients(self.degrees, self.radius)[0]
        if not coefficients.shape[1]:
            raise EncoderError(
                f"no function of {self.degrees} degrees has half of its energy within "
                f"{self.radius:g} degrees: choose more degrees, or a greater radius"
            )
        return coefficients

    @override
    def forward(self, lonlat: Float) -> Float:
        return real_harmonics(_around(lonlat, self.centre), self.degrees) @ self._coefficients


def cap_coefficients(degrees: int, radius: float) -> tuple[Float, Float]:
    """Slepian functions of a cap around the north pole, as sums of real harmonics.

    Args:
        degrees: number of degrees L of the harmonics.
        radius: angle between the pole and the edge of the cap in degrees.

    Returns:
        Coefficients, `(L**2, n)`, of the functions with at least half of their energy in the cap,
        in the basis of `real_harmonics`; and the shares of their energy in it, `(n,)`.
    """
    columns, shares = [], []
    legendre = _legendre(degrees, radius)
    for m in range(degrees):
        basis = _grunbaum(degrees, radius, m)
        weighted = legendre[m] @ basis
        share = (weighted**2).sum(axis=0)
        for j in np.flatnonzero(share > CONCENTRATED - ROUNDING):
            for sign in (1, -1) if m else (1,):
                column = np.zeros(degrees * degrees)
                degree = np.arange(m, degrees)
                column[degree * degree + degree + sign * m] = basis[:, j]
                columns.append(column)
                shares.append(share[j])
    return np.array(columns).reshape(-1, degrees * degrees).T, np.array(shares)


def _grunbaum(degrees: int, radius: float, m: int) -> Float:
    """Coefficients of the functions of order m by degree, `(L - m, L - m)`, most energy first.

    They are eigenvectors of the cap's energy matrix, whose eigenvalues nearly coincide, and of a
    tridiagonal matrix that commutes with it and has distinct ones (Grünbaum et al. 1982; Simons et
    al. 2006, eq. 5.16).
    """
    from scipy.linalg import eigh_tridiagonal

    top = degrees - 1
    degree = np.arange(m, degrees, dtype=np.float64)
    lower = degree[:-1]
    diagonal = -degree * (degree + 1) * np.cos(np.radians(radius))
    beside = (lower * (lower + 2) - top * (top + 2)) * np.sqrt(
        ((lower + 1) ** 2 - m * m) / ((2 * lower + 1) * (2 * lower + 3))
    )
    vectors = np.asarray(eigh_tridiagonal(diagonal, beside)[1], dtype=np.float64)
    # The sign of an eigenvector is arbitrary, and could differ between machines.
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(len(degree))]
    return np.asarray(vectors * np.sign(largest), dtype=np.float64)


def _legendre(degrees: int, radius: float) -> list[Float]:
    """Legendre functions of each order at nodes in the cap, `(L + 1, L - m)`, times root weights.

    The squares of their combinations sum up to the energy in the cap, exactly: products of two
    functions of one order are polynomials of degree 2L - 2 in the sine of the latitude.
    """
    nodes, weights = np.polynomial.legendre.leggauss(degrees + 1)
    half = (1 - np.cos(np.radians(radius))) / 2
    lat = np.arcsin(1 - half + half * nodes)
    of_degrees = [values.copy() for values in Recurrence(degrees).legendre(lat)]
    root = np.sqrt(2 * np.pi * half * weights)[:, None]
    return [
        root * np.stack([values[m] for values in of_degrees[m:]], axis=1) for m in range(degrees)
    ]


def _around(lonlat: Float, centre: tuple[float, float]) -> Float:
    """Longitude and latitude of points when the sphere is turned so that a centre is the pole."""
    lon, lat = np.radians(centre)
    east = np.array([-np.sin(lon), np.cos(lon), 0.0])
    north = np.array([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)])
    up = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    x, y, z = (unit_vectors(lonlat) @ np.stack([east, north, up], axis=1)).T
    turned = np.stack([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))], axis=1)
    return np.asarray(np.degrees(turned), dtype=np.float64)
