"""Encoders that have learned nothing: what pretraining adds is measured against them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import override

from satclip_bench.core.errors import EncoderError
from satclip_bench.encoders.base import Embedding, Encoder, EncoderCard
from satclip_bench.encoders.harmonics import degrees_of_variant
from satclip_bench.encoders.layers.harmonics_siren import BATCH_SIZE, HarmonicsSiren
from satclip_bench.encoders.layers.siren import random_siren

CAPACITY, DIMENSION = 512, 256
"""Widths of the released SatCLIP networks."""

Words = NDArray[np.uint64]


class UntrainedSiren(Encoder):
    """SatCLIP's location branch as it is before training: harmonics and a random SIREN.

    Args:
        degrees: number of degrees L.
        seed: of the weights.
    """

    def __init__(self, degrees: int, seed: int = 0) -> None:
        self.degrees, self.seed = degrees, seed
        self.card = EncoderCard(
            name=f"siren.l{degrees}",
            title=f"Untrained SIREN L={degrees}",
            dimension=DIMENSION,
            description=f"{degrees**2} spherical harmonics and a SIREN of SatCLIP's size with "
            "random weights.",
            citation="Sitzmann et al. 2020, Implicit Neural Representations with Periodic "
            "Activation Functions, NeurIPS; Russwurm et al. 2024, ICLR",
            parameters={"degrees": degrees, "capacity": CAPACITY, "seed": seed},
        )

    @cached_property
    def _network(self) -> HarmonicsSiren:
        widths = (self.degrees**2, CAPACITY, CAPACITY, DIMENSION)
        return HarmonicsSiren(random_siren(widths, self.seed), self.degrees)

    @override
    def encode(self, lonlat: ArrayLike, batch_size: int = BATCH_SIZE) -> Embedding:
        return super().encode(lonlat, batch_size)

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
        return self._network(lonlat)


def siren(variant: str, **options: Any) -> UntrainedSiren:
    """The encoder called `siren.<variant>`, such as `l10` for ten degrees.

    Raises:
        UnknownNameError: the variant is not `l` and a number from 1 to 200.
    """
    return UntrainedSiren(degrees_of_variant("siren", variant), **options)


class Noise(Encoder):
    """Noise that depends on the point alone: near points have nothing in common.

    Args:
        dimension: columns.
        seed: of the noise.

    Raises:
        EncoderError: a dimension below one, or a seed that is not within 0 and 2**64 - 1.
    """

    def __init__(self, dimension: int = DIMENSION, seed: int = 0) -> None:
        if dimension < 1 or not 0 <= seed < 2**64:
            raise EncoderError(
                f"random needs a dimension from 1 and a seed from 0, not {dimension} and {seed}"
            )
        self.seed = seed
        self.card = EncoderCard(
            name="random",
            title="Random",
            dimension=dimension,
            description="Uniform noise within -1 and 1, the same for the same longitude and "
            "latitude, to 1e-9 degrees.",
            parameters={"dimension": dimension, "seed": seed},
        )

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        # Whole numbers of 1e-9 degrees, 0.1 mm, since wrapping a longitude changes its last bits.
        points = np.rint(lonlat * 1e9).astype(np.int64)
        points[points[:, 0] == 180 * 10**9, 0] *= -1
        lon, lat = np.ascontiguousarray(points.T).view(np.uint64)
        start = mixed(mixed(mixed(np.array([self.seed], np.uint64)) ^ lon) ^ lat)
        columns = np.arange(1, self.card.dimension + 1, dtype=np.uint64) * _STEP
        # The upper 53 bits are a number in [0, 1).
        bits = mixed(start[:, None] + columns) >> np.uint64(11)
        return bits.astype(np.float64) * 2.0**-52 - 1


_STEP = np.uint64(0x9E3779B97F4A7C15)


def mixed(x: Words) -> Words:
    """SplitMix64's output function (Steele, Lea and Flood 2014, OOPSLA, figure 17)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
