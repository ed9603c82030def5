"""The trainable location encoder: SatCLIP's harmonics and a SIREN as torch modules."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from satclip_bench.encoders.layers.harmonics_siren import basis_factors
from satclip_bench.encoders.layers.siren import FIRST_FREQUENCY, random_siren
from satclip_bench.encoders.layers.spherical_harmonics import Recurrence
from satclip_bench.encoders.pretraining.config import Location


class Basis:
    """SatCLIP's harmonics in float32, damped with the degree.

    Args:
        config: number of degrees and damping.
    """

    def __init__(self, config: Location) -> None:
        self._recurrence = Recurrence(config.degrees)
        factors = basis_factors(config.degrees) * damping_factors(config)
        self._factors: NDArray[np.float32] = factors.astype(np.float32)[:, None]

    def __call__(self, lonlat: NDArray[np.float64]) -> torch.Tensor:
        """Harmonics of `(n, 2)` degrees, longitude first, `(n, degrees**2)`."""
        columns: NDArray[np.float32] = np.empty((len(self._factors), len(lonlat)), np.float32)
        self._recurrence.fill(lonlat, columns)
        np.multiply(columns, self._factors, out=columns)
        return torch.from_numpy(np.ascontiguousarray(columns.T))


def damping_factors(config: Location) -> NDArray[np.float64]:
    """Factors on the harmonics of each degree, `(degrees**2,)`.

    >>> damping_factors(Location(degrees=2, damping=1.0))
    array([1. , 0.5, 0.5, 0.5])
    """
    degree = np.repeat(np.arange(config.degrees), 2 * np.arange(config.degrees) + 1)
    return np.power(1.0 + degree.astype(np.float64), -config.damping)


class SirenNet(nn.Module):
    """SIREN with SatCLIP's tensor names: `layers.<i>.weight`, ..., `last_layer.bias`.

    Dropout comes before each hidden layer's sine, as in the released code.

    Args:
        config: widths, first frequency and dropout.
        seed: seed of the initial weights.
    """

    def __init__(self, config: Location, seed: int) -> None:
        super().__init__()
        widths = [config.degrees**2, *[config.width] * config.layers, config.dimension]
        start = random_siren(widths, seed).to(torch.float32)
        layers = []
        for weight, bias in zip(start.weights, start.biases, strict=True):
            layer = nn.Linear(weight.shape[1], weight.shape[0])
            layer.weight, layer.bias = nn.Parameter(weight), nn.Parameter(bias)
            layers.append(layer)
        self.layers, self.last_layer = nn.ModuleList(layers[:-1]), layers[-1]
        self.first_frequency, self.dropout = config.first_frequency, config.dropout

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map the basis, `(n, degrees**2)`, to `(n, dimension)`."""
        for i, layer in enumerate(self.layers):
            x = functional.dropout(layer(x), self.dropout, self.training)
            x = torch.sin(x * self.first_frequency if i == 0 else x)
        out: torch.Tensor = self.last_layer(x)
        return out


class LocationNet(nn.Module):
    """The SIREN, followed in training by the projection head if the config has one."""

    def __init__(self, config: Location, seed: int) -> None:
        super().__init__()
        self.nnet = SirenNet(config, seed)
        self.head = (
            nn.Sequential(
                nn.Linear(config.dimension, config.head),
                nn.GELU(),
                nn.Linear(config.head, config.dimension),
            )
            if config.head
            else nn.Identity()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map the basis, `(n, degrees**2)`, to `(n, dimension)`."""
        out: torch.Tensor = self.head(self.nnet(x))
        return out


def released_tensors(network: SirenNet, config: Location) -> dict[str, torch.Tensor]:
    """The SIREN's tensors in the convention of SatCLIP's code, in float64.

    That code multiplies the first layer by 30 and has no damping, so both are folded into the
    weights.
    """
    tensors = {k: v.detach().cpu().to(torch.float64) for k, v in network.state_dict().items()}
    scale = config.first_frequency / FIRST_FREQUENCY
    damping = torch.from_numpy(damping_factors(config))
    tensors["layers.0.weight"] = tensors["layers.0.weight"] * (damping * scale)
    tensors["layers.0.bias"] = tensors["layers.0.bias"] * scale
    return tensors
