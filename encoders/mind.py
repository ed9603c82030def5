"""MIND: a residual SIREN over Equal Earth coordinates, distilled from four other embeddings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.device import torch_device
from satclip_bench.core.download.cards import HubOrigin
from satclip_bench.core.errors import EncoderError
from satclip_bench.encoders.alphaearth import CONTAMINATES as ALPHAEARTH_TASKS
from satclip_bench.encoders.base import EncoderCard, WeightsCard, require_variant
from satclip_bench.encoders.climplicit import CONTAMINATES as CLIMPLICIT_TASKS
from satclip_bench.encoders.geoclip import equal_earth
from satclip_bench.encoders.layers.per_device import Tensors, tensors_per_device
from satclip_bench.encoders.weights.files import PretrainedEncoder
from satclip_bench.encoders.weights.tensors import linear_shapes, load_safetensors, require_tensors

WIDTHS = (64, 128, 256, 512, 1024, 2048, 3072)
"""Numbers of leading columns that were trained to be embeddings by themselves."""

FIRST_FREQUENCY = 30.0
"""w0 of the first layer; the other layers have 1."""

HUB = "taylor-geospatial/MIND"

WEIGHTS = WeightsCard(
    file="mind.safetensors",
    sha256=None,
    bytes=226_980_656,
    licence="MIT",
    by_hand="github.com/taylor-geospatial/mind links the file.",
    origins=(HubOrigin(repository=HUB, path="mind.safetensors"),),
)

FIRST = "first.linear"

# Not used: the layer that predicts AlphaEarth's embedding, and frequencies for years.
_SPARE = ("head.weight", "head.bias", "year_freqs")

VARIANTS = tuple(str(width) for width in WIDTHS)


class MIND(PretrainedEncoder):
    """Leading columns of the output of MIND's trunk.

    Args:
        variant: number of columns as a string, one of `VARIANTS`.
        weights: weights file of the released layout; by default the one in the cache.
    """

    def __init__(self, variant: str, weights: str | Path | None = None) -> None:
        super().__init__(weights)
        self.card = EncoderCard(
            name=f"mind.{variant}",
            title=f"MIND ({variant})",
            dimension=int(variant),
            description="Equal Earth projection and a SIREN with residual connections; the first "
            f"{variant} of its 3072 columns, which were trained to be an embedding by themselves.",
            citation="Corley et al. 2026, MIND the Gap: A Geographic Implicit Neural "
            "Representation with Adjustable Spatial Scale, arXiv 2609.25454",
            licence="MIT",
            training_data="MINDSET: embeddings of AlphaEarth, Climplicit, GeoCLIP and SINR",
            # The data of its teachers, as listed on their cards.
            contaminates=tuple(dict.fromkeys((*ALPHAEARTH_TASKS, *CLIMPLICIT_TASKS))),
            native_order="lat, lon",
            weights=WEIGHTS,
            parameters={"columns": int(variant)},
            verified=False,
        )

    @cached_property
    def _tensors(self) -> Tensors:
        path = self._weights_file
        tensors = load_safetensors(path)
        width = len(tensors[f"{FIRST}.bias"]) if f"{FIRST}.bias" in tensors else WIDTHS[-1]
        if width < self.card.dimension:
            raise EncoderError(
                f"{path} has {width} columns; {self.card.name} needs {self.card.dimension}"
            )
        shapes = network_shapes(width, _depth(tensors))
        checked = require_tensors(tensors, shapes, str(path), spare=_SPARE)
        # In float64, because the layers amplify rounding errors hundreds of times: in float32 the
        # result would depend on the batch.
        return tensors_per_device({name: tensor.double() for name, tensor in checked.items()})

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        import torch
        from torch.nn.functional import linear

        device = torch_device()
        t = self._tensors.on(device)
        with torch.inference_mode():
            x = equal_earth(torch.from_numpy(lonlat).to(device))
            x = torch.sin(FIRST_FREQUENCY * linear(x, t[f"{FIRST}.weight"], t[f"{FIRST}.bias"]))
            for name in _blocks(_depth(t)):
                x += torch.sin(linear(x, t[f"{name}.weight"], t[f"{name}.bias"]))
        embedding: NDArray[np.float64] = x[:, : self.card.dimension].cpu().numpy()
        return embedding


def network_shapes(width: int, depth: int) -> dict[str, tuple[int, ...]]:
    """Shapes of the trunk's tensors, by name.

    Args:
        width: number of columns of the trunk.
        depth: number of residual layers.
    """
    shapes = linear_shapes(FIRST, 2, width)
    for name in _blocks(depth):
        shapes |= linear_shapes(name, width, width)
    return shapes


def _depth(tensors: Mapping[str, object]) -> int:
    return sum(re.fullmatch(r"blocks\.\d+\.linear\.weight", name) is not None for name in tensors)


def _blocks(depth: int) -> list[str]:
    return [f"blocks.{n}.linear" for n in range(depth)]


def from_variant(variant: str, **options: Any) -> MIND:
    """Make the encoder `mind.<columns>`, such as `mind.64`.

    Raises:
        UnknownNameError: there is no such variant.
    """
    require_variant("mind", variant, VARIANTS)
    return MIND(variant, **options)
