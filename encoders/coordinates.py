"""Raw coordinates: the encoders that need no weights and that every learned one has to beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.sphere import unit_vectors
from satclip_bench.encoders.base import Encoder, EncoderCard


class Direct(Encoder):
    """Longitude and latitude as they are, in radians."""

    card = EncoderCard(
        name="direct",
        title="Direct",
        dimension=2,
        description="(longitude, latitude) in radians. Torn at the antimeridian.",
    )

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.radians(lonlat)


class Cartesian3D(Encoder):
    """Points on the unit sphere."""

    card = EncoderCard(
        name="cartesian3d",
        title="Cartesian 3D",
        dimension=3,
        description="Unit vectors (cos lat cos lon, cos lat sin lon, sin lat): no seam, no poles.",
    )

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        return unit_vectors(lonlat)


class Wrap(Encoder):
    """Sine and cosine of longitude and latitude."""

    card = EncoderCard(
        name="wrap",
        title="Wrap",
        dimension=4,
        description="(sin lon, cos lon, sin lat, cos lat); longitude closes on itself.",
        citation="Mac Aodha, Cole and Perona 2019, Presence-Only Geographical Priors for "
        "Fine-Grained Image Classification, ICCV",
    )

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        lon, lat = np.radians(lonlat).T
        return np.stack([np.sin(lon), np.cos(lon), np.sin(lat), np.cos(lat)], axis=1)
