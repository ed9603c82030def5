"""SLED: GeoCLIP's architecture, wider and at two scales, distilled from image encoders."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.download.cards import HubOrigin
from satclip_bench.core.errors import EncoderError, UnknownNameError
from satclip_bench.core.registry import unknown_name
from satclip_bench.encoders.base import EncoderCard, WeightsCard
from satclip_bench.encoders.geoclip import Branches, branches_from_tensors
from satclip_bench.encoders.weights.files import PretrainedEncoder
from satclip_bench.encoders.weights.tensors import load_safetensors

Order = Literal["lat, lon", "lon, lat"]

DIMENSION = 768
SCALES = 2

LICENCE = "none stated for the weights; the code is under Apache-2.0"

_OPTICAL = (
    "40,000 Sentinel-2 images of S2-100K under Terra-FM, 40,000 Landsat images of SSL4EO under a "
    "MoCo of TorchGeo"
)
_VARIANTS = {
    "s2-ls": _OPTICAL,
    "s1-s2-ls": f"{_OPTICAL}, 20,000 Sentinel-1 images under FG-MAE",
}

VARIANTS = tuple(_VARIANTS)

_DOCUMENTED = "-lonlat"
"""Suffix of variants that pass longitude where the released code projects latitude."""


class SLED(PretrainedEncoder):
    """A released SLED location encoder.

    The projection in the released code takes its first column as latitude, while its documentation
    passes longitude first. If that column is longitude, lon and 180 - lon have the same embedding.
    It is not known with which order the weights were trained.

    Args:
        variant: `s2-ls` or `s1-s2-ls`.
        weights: weights file of the released layout; by default the one in the cache.
        order: order of the columns passed to the network: `lat, lon`, as in its projection, or
            `lon, lat`, as in its documentation.
    """

    def __init__(
        self, variant: str, weights: str | Path | None = None, order: Order = "lat, lon"
    ) -> None:
        super().__init__(weights)
        if order not in get_args(Order):
            names = " or ".join(repr(name) for name in get_args(Order))
            raise EncoderError(f"order must be {names}, not {order!r}")
        self.order = order
        hub = f"geohai/sled-{variant}"
        documented = order == "lon, lat"
        self.card = EncoderCard(
            name=f"sled.{variant}" + (_DOCUMENTED if documented else ""),
            title=f"SLED ({variant})" + (", longitude as latitude" if documented else ""),
            dimension=DIMENSION,
            description="Equal Earth projection, random Fourier features at two scales, two MLPs "
            "whose outputs are added; distilled from encoders of satellite images. The released "
            "code projects its first column as latitude but documents longitude first; this "
            f"encoder passes ({order}).",
            citation="Lane et al. 2026, SLED: Scalable Location Encoding via Distillation, "
            "arXiv 2608.06612",
            licence="Apache-2.0",
            training_data=_VARIANTS[variant],
            native_order=order,
            weights=WeightsCard(
                file=f"sled-{variant}.safetensors",
                sha256=None,
                licence=LICENCE,
                origins=(HubOrigin(repository=hub, path="model.safetensors"),),
            ),
            parameters={"order": order},
            verified=False,
        )

    @cached_property
    def _network(self) -> Branches:
        path = self._weights_file
        return branches_from_tensors(load_safetensors(path), SCALES, DIMENSION, where=str(path))

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
        return self._network(lonlat if self.order == "lat, lon" else lonlat[:, ::-1])


def from_variant(variant: str, **options: Any) -> SLED:
    """Make the encoder `sled.<variant>`: `s2-ls`, `s1-s2-ls`, or one of them with `-lonlat`.

    Raises:
        UnknownNameError: there is no such variant.
    """
    name = variant.removesuffix(_DOCUMENTED)
    if name not in VARIANTS:
        names = [f"sled.{v}{ending}" for v in VARIANTS for ending in ("", _DOCUMENTED)]
        raise UnknownNameError(unknown_name("encoder", f"sled.{variant}", names))
    order: dict[str, Any] = {} if name == variant else {"order": "lon, lat"}
    return SLED(name, **(order | options))
