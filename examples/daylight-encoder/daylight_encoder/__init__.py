"""A location encoder made of the lengths of days through the year."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.encoders import Encoder, EncoderCard

TILT = np.radians(23.44)
"""Obliquity of the ecliptic in radians."""

MONTHS = 12


class Daylight(Encoder):
    """Length of the day in the middle of each month, with sine and cosine of longitude.

    >>> Daylight().encode([[13.4, 52.5]]).shape
    (1, 14)
    """

    card = EncoderCard(
        name="daylight",
        title="Daylight",
        dimension=MONTHS + 2,
        description="Length of the day in the middle of every month, in days; sin and cos of "
        "longitude.",
        citation="Cooper 1969, The absorption of radiation in solar stills, Solar Energy 12(3), "
        "for the sun's declination",
        licence="MIT",
    )

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        lon, lat = np.radians(lonlat).T
        day = (np.arange(MONTHS) + 0.5) * 365 / MONTHS
        declination = TILT * np.sin(2 * np.pi * (284 + day) / 365)
        # Cosine of the hour angle of sunrise; beyond 1 or -1 the sun does not rise or set.
        cosine = -np.tan(np.clip(lat, -1.57, 1.57))[:, None] * np.tan(declination)
        length = np.arccos(np.clip(cosine, -1, 1)) / np.pi
        return np.column_stack([length, np.sin(lon), np.cos(lon)])
