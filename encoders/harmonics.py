"""Encoder of real spherical harmonics, by a recurrence that stays accurate at the poles."""

from __future__ import annotations

import re

from typing_extensions import override

from satclip_bench.core.errors import UnknownNameError
from satclip_bench.encoders.base import Encoder, EncoderCard
from satclip_bench.encoders.layers.spherical_harmonics import Float, real_harmonics

MAX_DEGREES = 200
"""Largest number of degrees; the tests compare up to it with an independent evaluation."""


def from_variant(variant: str) -> SphericalHarmonics:
    """Make the encoder `harmonics.<variant>`, such as `l10` for ten degrees.

    Raises:
        UnknownNameError: the variant is not `l` and a number from 1 to 200.
    """
    return SphericalHarmonics(degrees_of_variant("harmonics", variant))


def degrees_of_variant(family: str, variant: str) -> int:
    """The number of degrees L in a variant such as `l10`.

    Args:
        family: name of the encoder family, for the message.
        variant: the part of the encoder's name after the dot.

    Raises:
        UnknownNameError: the variant is not `l` and a number from 1 to 200.

    >>> degrees_of_variant("harmonics", "l10")
    10
    """
    match = re.fullmatch(r"l([1-9][0-9]{0,2})", variant)
    if not match or int(match[1]) > MAX_DEGREES:
        raise UnknownNameError(
            f"no encoder is called '{family}.{variant}': the variant is 'l' and the number of "
            f"degrees, 1 to {MAX_DEGREES}, as in '{family}.l10'."
        )
    return int(match[1])


class SphericalHarmonics(Encoder):
    """Orthonormal real spherical harmonics, untrained.

    Args:
        degrees: number of degrees L; the embedding has L**2 columns.

    >>> SphericalHarmonics(2).encode([[90.0, 0.0]]).round(4)
    array([[0.2821, 0.4886, 0.    , 0.    ]], dtype=float32)
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
