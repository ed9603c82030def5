"""Encoders without weights: random Fourier features, and sines at octaves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.errors import EncoderError
from satclip_bench.core.sphere import EARTH_RADIUS_KM, unit_vectors
from satclip_bench.encoders.base import Encoder, EncoderCard

Float = NDArray[np.float64]


class RandomFourier(Encoder):
    """Random Fourier features of points on the unit sphere.

    Their inner products approximate the Gaussian kernel exp(-d^2 / (2 length^2)) of the straight
    distance d (Rahimi and Recht 2007, NIPS, section 3). The first half of the columns are cosines,
    the second half sines.

    Args:
        dimension: number of columns, which must be even.
        length_km: distance at which the kernel has fallen to exp(-1/2).
        seed: seed of the random frequencies.

    Raises:
        EncoderError: the dimension is odd or below 2, or the length is not positive.

    >>> embedding = RandomFourier().encode([[13.4, 52.5]])
    >>> embedding.shape, round(float((embedding**2).sum()), 4)
    ((1, 512), 1.0)
    """

    def __init__(self, dimension: int = 512, length_km: float = 1000.0, seed: int = 0) -> None:
        if dimension < 2 or dimension % 2 or not 0 < length_km < np.inf:
            raise EncoderError(
                "random Fourier features need an even dimension and a positive length_km, not "
                f"{dimension} and {length_km}"
            )
        rng = np.random.default_rng(seed)
        self._frequencies = rng.standard_normal((3, dimension // 2)) * EARTH_RADIUS_KM / length_km
        self.card = EncoderCard(
            name="fourier",
            title="Random Fourier features",
            dimension=dimension,
            description=f"Cosines and sines of {dimension // 2} random directions on the sphere; "
            f"their inner products approximate a Gaussian kernel of {length_km:g} km.",
            citation="Rahimi and Recht 2007, Random Features for Large-Scale Kernel Machines, NIPS",
            parameters={"dimension": dimension, "length_km": length_km, "seed": seed},
        )

    @override
    def forward(self, lonlat: Float) -> Float:
        angles = unit_vectors(lonlat) @ self._frequencies
        features: Float = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
        features *= (2 / self.card.dimension) ** 0.5
        return features


class Sines(Encoder):
    """Sines and cosines of longitude and latitude at octaves: Wrap at several scales.

    Args:
        scales: number of octaves; the shortest wave is 360 / 2**(scales - 1) degrees long.

    Raises:
        EncoderError: `scales` is below 1 or above 24.

    >>> Sines(scales=2).encode([[90.0, 0.0]]).round(4)
    array([[ 1.,  0.,  0.,  0.,  0., -1.,  1.,  1.]], dtype=float32)
    """

    def __init__(self, scales: int = 8) -> None:
        if not 1 <= scales <= 24:
            raise EncoderError(f"sines need 1 to 24 scales, not {scales}")
        self._factors = np.exp2(np.arange(scales))
        self.card = EncoderCard(
            name="sines",
            title="Sines at octaves",
            dimension=4 * scales,
            description="sin and cos of 1, 2, 4, ... times longitude and latitude; continuous at "
            "the antimeridian at every scale.",
            citation="Vaswani et al. 2017, Attention Is All You Need, NIPS, section 3.5, for "
            "positions encoded as sines at many scales",
            parameters={"scales": scales},
        )

    @override
    def forward(self, lonlat: Float) -> Float:
        angles = (np.radians(lonlat)[:, :, None] * self._factors).reshape(len(lonlat), -1)
        return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
