"""A SIREN over spherical harmonics by torch, on any device: how GPUs evaluate `HarmonicsSiren`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.encoders.layers.siren import Siren
from satclip_bench.encoders.layers.spherical_harmonics import Recurrence

if TYPE_CHECKING:
    import torch

BLOCK_VALUES = 2**25
"""Number of harmonics that are in memory at a time: 256 MiB in float64."""


class TorchHarmonicsSiren:
    """A SIREN over orthonormal harmonics: harmonics in float64, the network in its own precision.

    Args:
        network: SIREN over the harmonics, on any device; it is moved to `device`.
        recurrence: recurrence of the harmonics.
        device: device of the computation.
    """

    def __init__(self, network: Siren, recurrence: Recurrence, device: torch.device) -> None:
        self._network = network.to(network.weights[0].dtype, device)
        self._harmonics = TorchHarmonics(recurrence, device)
        self._block = max(1, BLOCK_VALUES // recurrence.degrees**2)

    def __call__(self, lonlat: NDArray[np.float64]) -> NDArray[np.floating[Any]]:
        """Embed `(n, 2)` degrees, longitude first, as `(n, out)` in the network's precision."""
        import torch

        dtype = self._network.weights[0].dtype
        out = torch.empty((len(lonlat), self._network.outputs), dtype=dtype)
        with torch.inference_mode():
            for start in range(0, len(lonlat), self._block):
                block = torch.from_numpy(np.ascontiguousarray(lonlat[start : start + self._block]))
                columns = self._harmonics(block, dtype)
                out[start : start + len(block)] = self._network(columns.T)
        rows: NDArray[np.floating[Any]] = out.numpy()
        return rows


class TorchHarmonics:
    """Orthonormal real spherical harmonics by torch, with the recurrence of `Recurrence`.

    Args:
        recurrence: recurrence of the associated Legendre functions.
        device: device of the computation.
    """

    def __init__(self, recurrence: Recurrence, device: torch.device) -> None:
        import torch

        self._degrees = recurrence.degrees
        self._a, self._b = (
            torch.from_numpy(table).to(device)[:, :, None] for table in recurrence.tables
        )
        self._device = device

    def __call__(self, lonlat: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """Harmonics of `(n, 2)` float64 degrees, `(L**2, n)`, computed in float64.

        Args:
            lonlat: points, longitude first, on any device.
            dtype: precision that the harmonics are rounded to.
        """
        import torch

        lon, lat = torch.deg2rad(lonlat.to(self._device)).T
        t, u = torch.sin(lat), torch.cos(lat)
        order = torch.arange(self._degrees, dtype=torch.float64, device=self._device)[:, None]
        cosine, sine = 2**0.5 * torch.cos(order * lon), 2**0.5 * torch.sin(order * lon)
        cosine[0] = 1
        out = torch.empty((self._degrees**2, len(lon)), dtype=dtype, device=self._device)
        before, now = torch.zeros((2, self._degrees, len(lon)), dtype=lon.dtype, device=lon.device)
        sectoral = torch.full_like(lat, (1 / (4 * np.pi)) ** 0.5)
        for degree in range(self._degrees):
            if degree:
                sectoral = sectoral * (((2 * degree + 1) / (2 * degree)) ** 0.5 * u)
                # a t P_(l-1) - b P_(l-2), written into the older values.
                before[:degree] *= -self._b[degree, :degree]
                before[:degree].addcmul_(self._a[degree, :degree] * t, now[:degree])
                before, now = now, before
            now[degree] = sectoral
            middle = degree * degree + degree
            orders = slice(0, degree + 1)
            out[middle : middle + degree + 1] = now[orders] * cosine[orders]
            if degree:
                # Orders -1, -2, ... are before the middle, in descending order.
                out[middle - degree : middle] = (now[orders] * sine[orders])[1:].flip(0)
        return out
