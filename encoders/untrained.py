"""Untrained encoders, as references that show what pretraining adds."""

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
    """SatCLIP's location encoder before training: harmonics and a SIREN with random weights.

    The network is evaluated in float64, so that embeddings agree between processors.

    Args:
        degrees: number of degrees L.
        seed: seed of the random weights.

    >>> UntrainedSiren(10).encode([[13.4, 52.5]]).shape
    (1, 256)
    """

    def __init__(self, degrees: int, seed: int = 0) -> None:
        self.degrees, self.seed = degrees, seed
        self.card = EncoderCard(
            name=f"siren.l{degrees}",
            version=2,
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
        return HarmonicsSiren(random_siren(widths, self.seed), self.degrees, "float64")

    @override
    def encode(self, lonlat: ArrayLike, batch_size: int = BATCH_SIZE) -> Embedding:
        return super().encode(lonlat, batch_size)

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.floating[Any]]:
        return self._network(lonlat)


def siren(variant: str, **options: Any) -> UntrainedSiren:
    """Make the encoder `siren.<variant>`, such as `l10` for ten degrees.

    Raises:
        UnknownNameError: the variant is not `l` and a number from 1 to 200.
    """
    return UntrainedSiren(degrees_of_variant("siren", variant), **options)


class Noise(Encoder):
    """Noise as a function of the point, without any similarity between nearby points.

    Args:
        dimension: number of columns.
        seed: seed of the noise.

    Raises:
        EncoderError: the dimension is below one, or the seed is not between 0 and 2**64 - 1.

    >>> embedding = Noise(dimension=3).encode([[13.4, 52.5], [13.4, 52.5]])
    >>> embedding.shape, bool((embedding[0] == embedding[1]).all())
    ((2, 3), True)
    """

    def __init__(self, dimension: int = DIMENSION, seed: int = 0) -> None:
        if dimension < 1 or not 0 <= seed < 2**64:
            raise EncoderError(
                "the encoder random needs a dimension of at least 1 and a seed of at least 0, "
                f"not {dimension} and {seed}"
            )
        self.seed = seed
        self.card = EncoderCard(
            name="random",
            title="Random",
            dimension=dimension,
            description="Uniform noise between -1 and 1, the same for coordinates that agree to "
            "1e-9 degrees.",
            parameters={"dimension": dimension, "seed": seed},
        )

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        # Integers of 1e-9 degrees, 0.1 mm, since wrapping a longitude changes its last bits.
        points = np.rint(lonlat * 1e9).astype(np.int64)
        points[points[:, 0] == 180 * 10**9, 0] *= -1
        lon, lat = np.ascontiguousarray(points.T).view(np.uint64)
        start = mix_bits(mix_bits(mix_bits(np.array([self.seed], np.uint64)) ^ lon) ^ lat)
        columns = np.arange(1, self.card.dimension + 1, dtype=np.uint64) * _STEP
        # The upper 53 bits give a number in [0, 1).
        bits = mix_bits(start[:, None] + columns) >> np.uint64(11)
        return bits.astype(np.float64) * 2.0**-52 - 1


_STEP = np.uint64(0x9E3779B97F4A7C15)


def mix_bits(x: Words) -> Words:
    """SplitMix64's output function (Steele, Lea and Flood 2014, OOPSLA, figure 17)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
