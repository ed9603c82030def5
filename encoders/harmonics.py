"""Real spherical harmonics of any degree, by a recurrence that keeps its digits at the poles."""

from __future__ import annotations

import re

from typing_extensions import override

from satclip_bench.core.errors import UnknownNameError
from satclip_bench.encoders.base import Encoder, EncoderCard
from satclip_bench.encoders.layers.spherical_harmonics import Float, real_harmonics

MAX_DEGREES = 200
"""Largest number of degrees that the tests hold against an independent evaluation."""


def from_variant(variant: str) -> SphericalHarmonics:
    """The encoder called `harmonics.<variant>`, such as `l10` for ten degrees.

    Raises:
        UnknownNameError: the variant is not `l` and a number from 1 to 200.
    """
    found = re.fullmatch(r"l([1-9]\d{0,2})", variant)
    if not found or int(found[1]) > MAX_DEGREES:
        raise UnknownNameError(
            f"no encoder is called 'harmonics.{variant}': the variant is 'l' and the number of "
            f"degrees, 1 to {MAX_DEGREES}, as in 'harmonics.l10'."
        )
    return SphericalHarmonics(int(found[1]))


class SphericalHarmonics(Encoder):
    """Orthonormal real spherical harmonics, untrained.

    Args:
        degrees: number of degrees L; the embedding has L**2 columns.
    """

    def __init__(self, degrees: int) -> None:
        self.degrees = degrees
        self.card = EncoderCard(
            name=f"harmonics.l{degrees}",
            title=f"Spherical harmonics L={degrees}",
            dimension=degrees * degrees,
            description=f"The {degrees * degrees} orthonormal real spherical harmonics below "
            f"degree {degrees}.",
            citation="Russwurm et al. 2024, Geographic Location Encoding with Spherical Harmonics "
            "and Sinusoidal Representation Networks, ICLR",
            parameters={"degrees": degrees},
        )

    @override
    def forward(self, lonlat: Float) -> Float:
        return real_harmonics(lonlat, self.degrees)
