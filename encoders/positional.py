"""Encodings of position by sines at many scales: Space2Vec, Sphere2Vec, NeRF. No weights.

Formulas and the order of columns are those of the code that the authors released
(github.com/gengchenmai/csp, github.com/seai-lab/TorchSpatial), where they feed a network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from core.errors import EncoderError, UnknownNameError
from core.registry import unknown_name
from core.sphere import unit_vectors
from encoders.base import Encoder, EncoderCard

Float = NDArray[np.float64]

FREQUENCIES = 16

RADII = {"space2vec": (1.0, 360.0), "sphere2vec": (0.001, 1.0)}
"""Default smallest and largest radius: in degrees, and as factors on radians, the sphere itself
being 1, as its authors train them."""


def geometric(number: int, min_radius: float, max_radius: float) -> Float:
    """Frequencies whose reciprocals run geometrically from `min_radius` to `max_radius`."""
    return 1 / np.geomspace(min_radius, max_radius, number)


def grid(lonlat: Float, frequencies: Float) -> Float:
    """Space2Vec grid, `(n, 4 F)`: sin and cos of lon f for each f, then of lat f; in degrees.

    Mai et al. 2020, ICLR, section 3. Degrees are taken as they are, as the authors' code does: a
    frequency of 1 turns once in 2 pi degrees.
    """
    angles = lonlat[:, :, None] * frequencies
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(lonlat), -1)


_DIRECTIONS = np.array([[1, 0], [-1 / 2, np.sqrt(3) / 2], [-1 / 2, -np.sqrt(3) / 2]])


def theory(lonlat: Float, frequencies: Float) -> Float:
    """Space2Vec theory, `(n, 6 F)`: for each f, sin and cos along three directions 120 apart.

    Mai et al. 2020, ICLR, section 3. Degrees as in `grid`.
    """
    angles = (lonlat @ _DIRECTIONS.T)[:, None, :] * frequencies[:, None]
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(lonlat), -1)


def _scaled(lonlat: Float, frequencies: Float) -> tuple[Float, Float]:
    """Longitude and latitude in radians times each frequency, `(n, F)` both."""
    scaled = np.radians(lonlat)[:, :, None] * frequencies
    return scaled[:, 0], scaled[:, 1]


def _columns(*parts: Float) -> Float:
    """Parts of `(n, F)` side by side within each frequency, `(n, F len(parts))`."""
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
    """Products of one coordinate at a scale with the other as it is."""
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

    The authors' code ignores the smallest radius here alone; this does not.
    """
    lon, lat = _scaled(lonlat, frequencies)
    waves = (np.sin(lat), np.cos(lat), np.sin(lon), np.cos(lon))
    return _columns(*waves, *_mixed(lonlat, lon, lat))


def nerf(lonlat: Float, frequencies: Float) -> Float:
    """NeRF's encoding of unit vectors, `(n, 6 F)`: sines of x f, y f, z f, then cosines.

    Mildenhall et al. 2020, ECCV, eq. 4, with frequencies pi 2^k.
    """
    angles = (unit_vectors(lonlat)[:, :, None] * frequencies).reshape(len(lonlat), -1)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def octaves(number: int) -> Float:
    """pi, 2 pi, 4 pi and so on, `(number,)`."""
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
"""Name to function, columns a frequency, title and citation."""


class Positional(Encoder):
    """One of the encodings above, untrained.

    Args:
        name: a key of `ENCODINGS`.
        frequencies: how many there are.
        min_radius: reciprocal of the highest frequency: in degrees for Space2Vec, a factor on
            radians for Sphere2Vec; not used by NeRF. By default as `RADII` says.
        max_radius: reciprocal of the lowest frequency; likewise.

    Raises:
        EncoderError: fewer than two frequencies, or radii that are not positive and ascending.
    """

    def __init__(
        self,
        name: str,
        frequencies: int = FREQUENCIES,
        min_radius: float | None = None,
        max_radius: float | None = None,
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
            unit = "degrees" if name.startswith("space2vec") else "radians"
            parameters |= {"min_radius": min_radius, "max_radius": max_radius, "unit": unit}
        self.card = EncoderCard(
            name=name,
            title=title,
            dimension=columns * frequencies,
            description=f"Sines and cosines at {frequencies} scales, untrained.",
            citation=citation,
            parameters=parameters,
        )

    @override
    def forward(self, lonlat: Float) -> Float:
        return self._encoding(lonlat, self._frequencies)


def _of_family(family: str, variant: str, options: dict[str, Any]) -> Positional:
    name = f"{family}.{variant}"
    if name not in ENCODINGS:
        names = [known for known in ENCODINGS if known.startswith(f"{family}.")]
        raise UnknownNameError(unknown_name("encoder", name, names))
    return Positional(name, **options)


def space2vec(variant: str, **options: Any) -> Positional:
    """The encoder called `space2vec.<variant>`. Raises UnknownNameError for another variant."""
    return _of_family("space2vec", variant, options)


def sphere2vec(variant: str, **options: Any) -> Positional:
    """The encoder called `sphere2vec.<variant>`. Raises UnknownNameError for another variant."""
    return _of_family("sphere2vec", variant, options)


def nerf_encoder(**options: Any) -> Positional:
    """The encoder called `nerf`."""
    return Positional("nerf", **options)
