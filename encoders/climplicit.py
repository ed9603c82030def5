"""Climplicit: a residual SIREN over coordinates and month, trained to predict CHELSA's climate."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.dates import Times
from satclip_bench.core.device import torch_device
from satclip_bench.core.download.cards import HubOrigin
from satclip_bench.encoders.base import EncoderCard, WeightsCard, require_variant
from satclip_bench.encoders.layers.per_device import Tensors, tensors_per_device
from satclip_bench.encoders.timed import TimedEncoder
from satclip_bench.encoders.weights.files import PretrainedEncoder
from satclip_bench.encoders.weights.tensors import linear_shapes, load_safetensors, require_tensors

INPUTS = 4
WIDTH = 512
LAYERS = 16
OUTPUTS = 256

FIRST_FREQUENCY = 30.0
"""w0 of the first layer; the other layers have 1."""

UNDATED = 6
"""Month that `climplicit.dated` takes for points without a date. The released code has none."""

SEASONS = (3, 6, 9, 12)
"""Months whose embeddings the released code concatenates by default."""

HUB = "Jobedo/climplicit"

WEIGHTS = WeightsCard(
    file="climplicit.safetensors",
    sha256=None,
    licence="none stated",
    by_hand="github.com/ecovision-uzh/climplicit names the repository.",
    origins=(HubOrigin(repository=HUB, path="model.safetensors"),),
)

# The layer that predicts eleven variables of CHELSA from an embedding; it is not used.
_REGRESSOR = ("chelsa_regressor.weight", "chelsa_regressor.bias")

DATED = "dated"
"""Variant that takes the month of each point."""

VARIANTS = ("seasons", DATED, *(f"month-{month}" for month in range(1, 13)))


CONTAMINATES = (
    *("air_temperature", "maximum_temperature", "precipitation", "koppen_geiger"),
    *("solar_irradiance", "wind_speed"),
)
"""CHELSA's eleven variables include temperature, its maximum, precipitation, which with temperature
determines the zones, radiation and wind."""


def month_features(
    lonlat: NDArray[np.float64], month: int | NDArray[np.int64]
) -> NDArray[np.float64]:
    """Input features of the network, `(n, 4)`.

    The columns are longitude / 180, latitude / 90, and sine and cosine of the month as a fraction
    of a full turn.

    Args:
        lonlat: `(n, 2)` degrees, longitude first.
        month: number of the month, 1 to 12, for all points or for each, `(n,)`.

    >>> month_features(np.array([[90.0, 45.0]]), month=3).round(6)
    array([[0.5, 0.5, 1. , 0. ]])
    """
    angles = [2 * np.pi * number / 12 for number in range(13)]
    circle = np.array([[np.sin(angle), np.cos(angle)] for angle in angles])
    season = np.broadcast_to(circle[month], (len(lonlat), 2))
    return np.concatenate([lonlat / (180.0, 90.0), season], axis=1)


class Climplicit(PretrainedEncoder):
    """Climplicit with its released weights.

    Args:
        variant: `seasons` for four months, or `month-1` to `month-12`.
        weights: weights file of the released layout; by default the one in the cache.
    """

    def __init__(self, variant: str, weights: str | Path | None = None) -> None:
        super().__init__(weights)
        self.months = SEASONS if variant == "seasons" else (int(variant.removeprefix("month-")),)
        listed = ", ".join(str(month) for month in self.months)
        self.card = EncoderCard(
            name=f"climplicit.{variant}",
            title=f"Climplicit ({variant})",
            dimension=OUTPUTS * len(self.months),
            description="A SIREN with residual connections and an H-SIREN first layer, over "
            "longitude / 180, latitude / 90 and the month on a circle. Embeddings of month "
            f"{listed}, concatenated. Discontinuous at the antimeridian.",
            citation="Dollinger et al. 2025, Climplicit: Climatic Implicit Embeddings for Global "
            "Ecological Tasks, ICLR workshop, arXiv 2504.05089",
            licence="none stated",
            training_data="CHELSA: eleven climate variables, monthly means of 1981-2010",
            contaminates=CONTAMINATES,
            weights=WEIGHTS,
            parameters={"months": listed},
            verified=False,
        )

    @cached_property
    def _tensors(self) -> Tensors:
        path = self._weights_file
        loaded = load_safetensors(path)
        return tensors_per_device(
            require_tensors(loaded, network_shapes(), str(path), spare=_REGRESSOR)
        )

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
        parts = [self._embed(month_features(lonlat, month)) for month in self.months]
        return np.concatenate(parts, axis=1)

    def _embed(self, features: NDArray[np.float64]) -> NDArray[np.float32]:
        """Embeddings of one month: features `(n, 4)` to `(n, 256)`.

        ReSIREN (Dollinger et al. 2025): the argument of a layer's sine is the mean of its linear
        map and of the argument of the sine before it. The first sine has H-SIREN's sinh(2 z).
        """
        import torch
        from torch.nn.functional import linear

        device = torch_device()
        t = self._tensors.on(device)
        name = "location_encoder.layers.0"
        with torch.inference_mode():
            # In float64, because sin(30 sinh(2 z)) amplifies rounding errors of z about 100 times.
            weight, bias = t[f"{name}.weight"].double(), t[f"{name}.bias"].double()
            first = linear(torch.from_numpy(features).to(device), weight, bias)
            x = torch.sin(FIRST_FREQUENCY * torch.sinh(2 * first)).float()
            inner = first.float()
            for n in range(1, LAYERS):
                name = f"location_encoder.layers.{n}"
                inner = (linear(x, t[f"{name}.weight"], t[f"{name}.bias"]) + inner) / 2
                x = torch.sin(inner)
            name = "location_encoder.last_layer"
            out = linear(x, t[f"{name}.weight"], t[f"{name}.bias"])
        embedding: NDArray[np.float32] = out.cpu().numpy()
        return embedding


class DatedClimplicit(TimedEncoder, Climplicit):
    """Climplicit with its released weights, and the month of each point.

    Args:
        weights: weights file of the released layout; by default the one in the cache.
    """

    def __init__(self, weights: str | Path | None = None) -> None:
        super().__init__(f"month-{UNDATED}", weights)
        undated = self.card
        self.card = undated.model_copy(
            update={
                "name": f"climplicit.{DATED}",
                "title": f"Climplicit ({DATED})",
                "description": undated.description.replace(
                    f"Embeddings of month {UNDATED}, concatenated.",
                    f"Embedding of the month of each point, of month {UNDATED} without a date.",
                ),
                "time": {"month": UNDATED},
                "parameters": {"months": f"of each point, {UNDATED} without a date"},
            }
        )

    @override
    def forward_at(self, lonlat: NDArray[np.float64], times: Times) -> NDArray[np.float32]:
        return self._embed(month_features(lonlat, times["month"]))


def network_shapes() -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors that the embedding needs, by name."""
    shapes: dict[str, tuple[int, ...]] = {}
    inputs = INPUTS
    for n in range(LAYERS):
        shapes |= linear_shapes(f"location_encoder.layers.{n}", inputs, WIDTH)
        inputs = WIDTH
    return shapes | linear_shapes("location_encoder.last_layer", inputs, OUTPUTS)


def from_variant(variant: str, **options: Any) -> Climplicit:
    """Make the encoder `climplicit.<variant>`: `seasons`, `dated`, or `month-1` to `month-12`.

    Raises:
        UnknownNameError: there is no such variant.
    """
    require_variant("climplicit", variant, VARIANTS)
    if variant == DATED:
        return DatedClimplicit(**options)
    return Climplicit(variant, **options)
