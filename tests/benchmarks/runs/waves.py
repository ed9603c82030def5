"""A custom encoder, for tests: workers cannot import it by its name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.encoders.base import Encoder, EncoderCard


class Waves(Encoder):
    """Sines of longitude and latitude."""

    card = EncoderCard(name="waves", title="Waves", dimension=2)

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.sin(np.radians(lonlat))
