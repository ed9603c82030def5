"""Encoders of raw coordinates without weights, which every learned encoder should beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.sphere import unit_vectors
from satclip_bench.encoders.base import Encoder, EncoderCard


class Direct(Encoder):
    """Longitude and latitude in radians.

    >>> Direct().encode([[180.0, -90.0]])
    array([[ 3.1415927, -1.5707964]], dtype=float32)
    """

    card = EncoderCard(
        name="direct",
        title="Direct",
        dimension=2,
        description="(longitude, latitude) in radians. Discontinuous at the antimeridian.",
    )

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.radians(lonlat)


class Cartesian3D(Encoder):
    """Points on the unit sphere as three-dimensional vectors.

    >>> Cartesian3D().encode([[0.0, 0.0], [0.0, 90.0]]).round(6)
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """

    card = EncoderCard(
        name="cartesian3d",
        title="Cartesian 3D",
        dimension=3,
        description="Unit vectors (cos lat cos lon, cos lat sin lon, sin lat): continuous "
        "everywhere, also at the antimeridian and the poles.",
    )

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        return unit_vectors(lonlat)


class Wrap(Encoder):
    """Sine and cosine of longitude and latitude.

    >>> Wrap().encode([[90.0, 30.0]]).round(4)
    array([[1.   , 0.   , 0.5  , 0.866]], dtype=float32)
    """

    card = EncoderCard(
        name="wrap",
        title="Wrap",
        dimension=4,
        description="(sin lon, cos lon, sin lat, cos lat); continuous at the antimeridian.",
        citation="Mac Aodha, Cole and Perona 2019, Presence-Only Geographical Priors for "
        "Fine-Grained Image Classification, ICCV",
    )

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        lon, lat = np.radians(lonlat).T
        return np.stack([np.sin(lon), np.cos(lon), np.sin(lat), np.cos(lat)], axis=1)
