"""Positional encodings by sines at many scales, without weights: Space2Vec, Sphere2Vec, NeRF.

Formulas and column order are those of the authors' released code (github.com/gengchenmai/csp,
github.com/seai-lab/TorchSpatial), in which the encodings are the input of a network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.errors import EncoderError, UnknownNameError
from satclip_bench.core.registry import unknown_name
from satclip_bench.core.sphere import unit_vectors
from satclip_bench.encoders.base import Encoder, EncoderCard

Float = NDArray[np.float64]

FREQUENCIES = 16

RADII = {"space2vec": (1.0, 360.0), "sphere2vec": (0.001, 1.0)}
"""Default smallest and largest radius: in degrees for Space2Vec, and for Sphere2Vec as factors on
radians (the sphere has radius 1), with which its authors train."""


def geometric(number: int, min_radius: float, max_radius: float) -> Float:
    """Frequencies whose reciprocals form a geometric series from `min_radius` to `max_radius`.

    >>> geometric(3, 1.0, 100.0)
    array([1.  , 0.1 , 0.01])
    """
    return 1 / np.geomspace(min_radius, max_radius, number)


def grid(lonlat: Float, frequencies: Float) -> Float:
    """Space2Vec grid, `(n, 4 F)`: sin and cos of lon f for each f, then of lat f; in degrees.

    Mai et al. 2020, ICLR, section 3. Degrees are not converted to radians, as in the authors' code:
    a frequency of 1 has a period of 2 pi degrees.
    """
    angles = lonlat[:, :, None] * frequencies
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(lonlat), -1)


_DIRECTIONS = np.array([[1, 0], [-1 / 2, np.sqrt(3) / 2], [-1 / 2, -np.sqrt(3) / 2]])


def theory(lonlat: Float, frequencies: Float) -> Float:
    """Space2Vec theory, `(n, 6 F)`: for each f, sin and cos along three directions 120° apart.

    Mai et al. 2020, ICLR, section 3. Degrees as in `grid`.
    """
    angles = (lonlat @ _DIRECTIONS.T)[:, None, :] * frequencies[:, None]
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(lonlat), -1)


def _scaled(lonlat: Float, frequencies: Float) -> tuple[Float, Float]:
    """Longitude and latitude in radians times each frequency, `(n, F)` each."""
    scaled = np.radians(lonlat)[:, :, None] * frequencies
    return scaled[:, 0], scaled[:, 1]


def _columns(*parts: Float) -> Float:
    """Interleave arrays of `(n, F)` so that each frequency's columns are adjacent: `(n, F P)`."""
    return np.stack(parts, axis=-1).reshape(len(parts[0]), -1)


def sphere_c(lonlat: Float, frequencies: Float) -> Float:
    """Sphere2Vec sphereC, `(n, 3 F)`. Mai et al. 2023, ISPRS J. 202."""
    lon, lat = _scaled(lonlat, frequencies)
    return _columns(np.sin(lat), np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon))


def sphere_c_plus(lonlat: Float, frequencies: Float) -> Float:
    """Sphere2Vec sphereC+, `(n, 6 F)`: sphereC and grid. Mai et al. 2023, ISPRS J. 202."""
    lon, lat = _scaled(lonlat, frequencies)
    return _columns(
        *(np.sin(lat), np.cos(lat), np.sin(lon), np.cos(lon)),
        *(np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon)),
    )


def _mixed(lonlat: Float, lon: Float, lat: Float) -> tuple[Float, Float, Float, Float]:
    """Products of one coordinate at a scale with the other coordinate unscaled."""
    single_lon, single_lat = np.radians(lonlat).T[:, :, None]
    return (
        np.cos(lat) * np.cos(single_lon),
        np.cos(single_lat) * np.cos(lon),
        np.cos(lat) * np.sin(single_lon),
        np.cos(single_lat) * np.sin(lon),
    )


def sphere_m(lonlat: Float, frequencies: Float) -> Float:
    """Sphere2Vec sphereM, `(n, 5 F)`. Mai et al. 2023, ISPRS J. 202."""
    lon, lat = _scaled(lonlat, frequencies)
    return _columns(np.sin(lat), *_mixed(lonlat, lon, lat))


def sphere_m_plus(lonlat: Float, frequencies: Float) -> Float:
    """Sphere2Vec sphereM+, `(n, 8 F)`: sphereM and grid. Mai et al. 2023, ISPRS J. 202.

    The authors' code ignores the smallest radius in this encoding only; this function uses it.
    """
    lon, lat = _scaled(lonlat, frequencies)
    waves = (np.sin(lat), np.cos(lat), np.sin(lon), np.cos(lon))
    return _columns(*waves, *_mixed(lonlat, lon, lat))


def nerf(lonlat: Float, frequencies: Float) -> Float:
    """NeRF encoding of unit vectors, `(n, 6 F)`: sines of x f, y f, z f, then their cosines.

    Mildenhall et al. 2020, ECCV, eq. 4, with frequencies pi 2^k.
    """
    angles = (unit_vectors(lonlat)[:, :, None] * frequencies).reshape(len(lonlat), -1)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def octaves(number: int) -> Float:
    """The frequencies pi, 2 pi, 4 pi and so on, `(number,)`."""
    return np.pi * np.exp2(np.arange(number))


Encoding = Callable[[Float, Float], Float]

_SPACE2VEC = (
    "Mai et al. 2020, Multi-Scale Representation Learning for Spatial Feature Distributions using "
    "Grid Cells, ICLR, arXiv 2003.00824"
)
_SPHERE2VEC = (
    "Mai et al. 2023, Sphere2Vec: A general-purpose location representation learning over a "
    "spherical surface for large-scale geospatial predictions, ISPRS Journal 202, arXiv 2306.17624"
)
_NERF = (
    "Mildenhall et al. 2020, NeRF: Representing Scenes as Neural Radiance Fields for View "
    "Synthesis, ECCV, arXiv 2003.08934"
)

ENCODINGS: dict[str, tuple[Encoding, int, str, str]] = {
    "space2vec.grid": (grid, 4, "Space2Vec grid", _SPACE2VEC),
    "space2vec.theory": (theory, 6, "Space2Vec theory", _SPACE2VEC),
    "sphere2vec.c": (sphere_c, 3, "Sphere2Vec C", _SPHERE2VEC),
    "sphere2vec.cplus": (sphere_c_plus, 6, "Sphere2Vec C+", _SPHERE2VEC),
    "sphere2vec.m": (sphere_m, 5, "Sphere2Vec M", _SPHERE2VEC),
    "sphere2vec.mplus": (sphere_m_plus, 8, "Sphere2Vec M+", _SPHERE2VEC),
    "nerf": (nerf, 6, "NeRF", _NERF),
}
"""Name to function, columns per frequency, title and citation."""

AS_IN_RANGE: dict[str, tuple[int, float, float]] = {
    "space2vec.theory": (16, 1000.0, 10_000.0),
    "sphere2vec.c": (48, 0.01, 10.0),
    "sphere2vec.cplus": (48, 0.01, 10.0),
    "sphere2vec.m": (16, 0.01, 73.0),
    "sphere2vec.mplus": (64, 0.01, 28.0),
}
"""Number of frequencies, smallest and largest radius of the `-range` variants, from RANGE's
repository (github.com/mvrl/RANGE at commit 94657a7): the defaults of its theory.py, and the
checkerboard's settings in its sphere2vec/hparams.yaml. They were identified by their fit to Table 2
of the paper: docs/reproduction.md."""


class Positional(Encoder):
    """Encoder of one of the `ENCODINGS`, untrained.

    Args:
        name: key of `ENCODINGS`.
        frequencies: number of frequencies.
        min_radius: reciprocal of the highest frequency: in degrees for Space2Vec, a factor on
            radians for Sphere2Vec; not used by NeRF. The default is in `RADII`.
        max_radius: reciprocal of the lowest frequency, in the same unit.
        as_in_range: whether to follow the code of SatCLIP and RANGE. Sphere2Vec then takes degrees
            where the formula has radians, and every column occurs twice, which halves the penalty
            of a ridge regression. Space2Vec theory takes radians where the formula has degrees, and
            one is subtracted from cosines, since the cosines of so small angles are one in float32.

    Raises:
        EncoderError: there are fewer than two frequencies, or the radii are not positive and
            ascending.

    >>> Positional("sphere2vec.c", frequencies=4).encode([[13.4, 52.5]]).shape
    (1, 12)
    """

    def __init__(
        self,
        name: str,
        frequencies: int = FREQUENCIES,
        min_radius: float | None = None,
        max_radius: float | None = None,
        as_in_range: bool = False,
    ) -> None:
        smallest, largest = RADII.get(name.partition(".")[0], (1.0, 2.0))
        min_radius = smallest if min_radius is None else min_radius
        max_radius = largest if max_radius is None else max_radius
        if frequencies < 2 or not 0 < min_radius < max_radius < np.inf:
            raise EncoderError(
                f"{name} needs at least 2 frequencies and 0 < min_radius < max_radius, not "
                f"{frequencies}, {min_radius} and {max_radius}"
            )
        self._encoding, columns, title, citation = ENCODINGS[name]
        parameters: dict[str, str | int | float] = {"frequencies": frequencies}
        if name == "nerf":
            self._frequencies = octaves(frequencies)
        else:
            self._frequencies = geometric(frequencies, min_radius, max_radius)
            unit = "degrees" if as_in_range != name.startswith("space2vec") else "radians"
            parameters |= {"min_radius": min_radius, "max_radius": max_radius, "unit": unit}
        self._as_in_range = as_in_range
        twice = as_in_range and name.startswith("sphere2vec")
        self.card = EncoderCard(
            name=f"{name}-range" if as_in_range else name,
            title=f"{title}, as in RANGE" if as_in_range else title,
            dimension=(2 if twice else 1) * columns * frequencies,
            description=f"Sines and cosines at {frequencies} scales, untrained"
            f"{', as in the code of RANGE' if as_in_range else ''}.",
            citation=citation,
            parameters=parameters,
        )

    @override
    def forward(self, lonlat: Float) -> Float:
        if not self._as_in_range:
            return self._encoding(lonlat, self._frequencies)
        if self.card.name == "space2vec.theory-range":
            columns = self._encoding(np.radians(lonlat), self._frequencies)
            # cos x - 1 = -2 sin^2 (x / 2), and these sines are columns of half the frequencies.
            halves = self._encoding(np.radians(lonlat), self._frequencies / 2)
            columns[:, 1::2] = -2 * halves[:, ::2] ** 2
            return columns
        # The formulas convert degrees to radians; this reverses the conversion beforehand.
        once = self._encoding(np.degrees(lonlat), self._frequencies)
        return np.concatenate([once, once], axis=1)


def _of_family(family: str, variant: str, options: dict[str, Any]) -> Positional:
    name = f"{family}.{variant}"
    known_settings = AS_IN_RANGE.get(name.removesuffix("-range"))
    if name.endswith("-range") and known_settings:
        frequencies, smallest, largest = known_settings
        settings = {"frequencies": frequencies, "min_radius": smallest, "max_radius": largest}
        return Positional(name.removesuffix("-range"), as_in_range=True, **settings | options)
    if name not in ENCODINGS:
        names = [
            known
            for known in (*ENCODINGS, *(f"{n}-range" for n in AS_IN_RANGE))
            if known.startswith(f"{family}.")
        ]
        raise UnknownNameError(unknown_name("encoder", name, names))
    return Positional(name, **options)


def space2vec(variant: str, **options: Any) -> Positional:
    """Make the encoder `space2vec.<variant>`; raises UnknownNameError for an unknown variant."""
    return _of_family("space2vec", variant, options)


def sphere2vec(variant: str, **options: Any) -> Positional:
    """Make the encoder `sphere2vec.<variant>`; raises UnknownNameError for an unknown variant."""
    return _of_family("sphere2vec", variant, options)


def nerf_encoder(**options: Any) -> Positional:
    """Make the encoder `nerf`."""
    return Positional("nerf", **options)
