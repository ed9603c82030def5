"""Real spherical harmonics of any degree, by a recurrence that keeps its digits at the poles."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from core.errors import UnknownNameError
from encoders.base import Encoder, EncoderCard

Float = NDArray[np.float64]

MAX_DEGREES = 200
"""Largest number of degrees that the tests hold against an independent evaluation."""


def real_harmonics(lonlat: Float, degrees: int) -> Float:
    """Orthonormal real spherical harmonics of degree 0 to `degrees - 1`.

    The associated Legendre functions are built along the order, fully normalised, by the standard
    forward column recurrence (Holmes and Featherstone 2002, J. Geodesy 76, eq. 11), which is
    stable everywhere on the sphere for the degrees that are used here (checked to 200). No
    Condon-Shortley phase.

    Args:
        lonlat: `(N, 2)` degrees, longitude first.
        degrees: number of degrees L, at least 1.

    Returns:
        `(N, L**2)`: column `l*l + l + m` is Y_lm with sin(|m| lon) for m < 0 and cos(m lon) for
        m > 0. The integral of the square of each over the sphere is 1.
    """
    if degrees < 1:
        raise ValueError(f"harmonics need at least one degree, not {degrees}")
    lon, lat = np.radians(lonlat).T
    t, u = np.sin(lat), np.cos(lat)
    # Point index last: each recurrence step then runs over contiguous memory.
    out = np.empty((degrees * degrees, len(lonlat)))
    sectoral = np.full(len(lonlat), np.sqrt(1 / (4 * np.pi)))
    for m in range(degrees):
        if m:
            sectoral = sectoral * (np.sqrt((2 * m + 1) / (2 * m)) * u)
        waves = (
            ((0, np.ones_like(lon)),)
            if m == 0
            else (
                (-m, np.sqrt(2) * np.sin(m * lon)),
                (m, np.sqrt(2) * np.cos(m * lon)),
            )
        )
        a, b = _recurrence(degrees, m)
        before, now = np.zeros_like(t), sectoral
        for degree in range(m, degrees):
            if degree > m:
                before, now = now, a[degree] * t * now - b[degree] * before
            for order, wave in waves:
                np.multiply(now, wave, out=out[degree * degree + degree + order])
    return np.ascontiguousarray(out.T)


@lru_cache(maxsize=512)
def _recurrence(degrees: int, m: int) -> tuple[Float, Float]:
    """Coefficients a_lm, b_lm of the column recurrence, indexed by the degree l > m."""
    degree = np.arange(degrees, dtype=np.float64)
    a, b = np.zeros(degrees), np.zeros(degrees)
    k = degree[m + 1 :]
    a[m + 1 :] = np.sqrt((4 * k * k - 1) / (k * k - m * m))
    b[m + 1 :] = np.sqrt(
        (2 * k + 1) * (k + m - 1) * (k - m - 1) / ((2 * k - 3) * (k * k - m * m))
        if m or len(k) == 0
        else (2 * k + 1) * (k - 1) ** 2 / np.where(k == 1, 1.0, (2 * k - 3) * k * k)
    )
    return a, b


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
