"""Fast evaluation of a SIREN over spherical harmonics, SatCLIP's location encoder."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.device import on_gpu, torch_device
from satclip_bench.encoders.layers.latitude_bands import LatitudeBands
from satclip_bench.encoders.layers.per_device import PerDevice
from satclip_bench.encoders.layers.siren import Siren
from satclip_bench.encoders.layers.spherical_harmonics import Recurrence, real_harmonics
from satclip_bench.encoders.layers.tiles import TILE, over_tiles
from satclip_bench.encoders.layers.torch_harmonics import TorchHarmonicsSiren

if TYPE_CHECKING:
    import torch

Precision = Literal["float32", "float64"]

BATCH_SIZE = 32_768
"""Number of rows encoded at a time; more rows give narrower, hence cheaper, latitude bands."""


def satclip_basis(lonlat: NDArray[np.float64], degrees: int) -> NDArray[np.float64]:
    """Harmonics with which released SatCLIP checkpoints were trained, `(N, degrees**2)`.

    The released code evaluates them at lon + 180 and lat + 90 degrees, which by parity is (-1)**l
    times the value at (lon, lat), and multiplies the terms of order 0 by pi.

    Args:
        lonlat: `(N, 2)` degrees, longitude first.
        degrees: number of degrees L.
    """
    return real_harmonics(lonlat, degrees) * basis_factors(degrees)


def basis_factors(degrees: int) -> NDArray[np.float64]:
    """Factors from orthonormal harmonics to SatCLIP's, `(degrees**2,)`."""
    degree = np.repeat(np.arange(degrees), 2 * np.arange(degrees) + 1)
    order = np.arange(degrees * degrees) - degree * (degree + 1)
    factors: NDArray[np.float64] = np.where(order == 0, np.pi, 1.0) * (-1.0) ** degree
    return factors


class HarmonicsSiren:
    """A SIREN over `satclip_basis`: harmonics in float64, the network in a chosen precision.

    On the CPU, points are sorted by latitude. If a narrow band has many points, its first layer is
    computed from a Chebyshev series; for few points or few degrees, from the harmonics themselves.
    On a GPU, all points are computed from the harmonics.

    Args:
        network: SIREN over the basis, in float64.
        degrees: number of degrees L.
        precision: precision of the network. In `float64`, the result rounded to float32 is the same
            on all processors, but for a value in some millions; in `float32`, which is about twice
            as fast, sums that processors order differently change the last digits
            (docs/satclip-numerics.md).
    """

    def __init__(self, network: Siren, degrees: int, precision: Precision = "float32") -> None:
        import torch

        # The factors of the basis and the first frequency are folded into the first layer, so that
        # only the orthonormal harmonics are computed for each point.
        factors = torch.from_numpy(basis_factors(degrees))
        first, w0 = network.weights[0] * factors, network.first_frequency
        self._network = replace(
            network,
            weights=(first * w0, *network.weights[1:]),
            biases=(network.biases[0] * w0, *network.biases[1:]),
            first_frequency=1.0,
        ).to(getattr(torch, precision))
        self._dtype = np.dtype(precision)
        self._recurrence = Recurrence(degrees)
        self._bands = LatitudeBands(self._network.weights[0].numpy(), degrees)
        self._by_torch = PerDevice(partial(TorchHarmonicsSiren, self._network, self._recurrence))

    def __call__(self, lonlat: NDArray[np.float64]) -> NDArray[np.floating[Any]]:
        """Embed `(n, 2)` degrees, longitude first, as `(n, out)` in the network's precision."""
        if on_gpu():
            return self.on(torch_device())(lonlat)
        order = np.argsort(lonlat[:, 1], kind="stable")
        ordered = lonlat[order]
        bands = self._bands.over(ordered)

        def forward(start: int, stop: int) -> NDArray[np.floating[Any]]:
            if (sums := bands.first_layer(start, stop)) is None:
                return self._network.of_columns(self._harmonics(ordered[start:stop]))
            return self._network.after_first(sums)

        out = np.empty((len(lonlat), self._network.outputs), self._dtype)
        over_tiles(forward, out, order)
        return out

    def first_layer_products(self, lonlat: NDArray[np.float64]) -> list[list[tuple[int, int]]]:
        """Rows and columns of the first layer's products on the CPU, for each tile of points."""
        bands = self._bands.over(lonlat[np.argsort(lonlat[:, 1], kind="stable")])
        starts = range(0, len(lonlat), TILE)
        return [bands.products(start, min(start + TILE, len(lonlat))) for start in starts]

    def on(self, device: torch.device) -> TorchHarmonicsSiren:
        """The same function by torch on a device, equal up to rounding."""
        return self._by_torch.on(device)

    def _harmonics(self, tile: NDArray[np.float64]) -> NDArray[np.floating[Any]]:
        columns = np.empty((self._recurrence.degrees**2, len(tile)), self._dtype)
        self._recurrence.fill(tile, columns)
        return columns
