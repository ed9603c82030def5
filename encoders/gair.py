"""GAIR: GeoCLIP's architecture with wider outputs, trained with street views and Sentinel-2."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.download.cards import HubOrigin
from satclip_bench.core.errors import EncoderError
from satclip_bench.encoders.base import EncoderCard, WeightsCard
from satclip_bench.encoders.geoclip import Branches, branches_from_tensors
from satclip_bench.encoders.weights.files import PretrainedEncoder, load_nested

DIMENSION = 768

FEATURES = 512
"""Number of Fourier features of a branch."""

SCALES = 3

KEYS = ("state_dict", "model", "model_state_dict")
"""Entries of a checkpoint that may hold the tensors."""

WEIGHTS = WeightsCard(
    file="gair-checkpoint.pth",
    sha256=None,
    licence="unknown",
    origins=(HubOrigin(repository="PingL/GAIR", path="checkpoint.pth"),),
)


class GAIR(PretrainedEncoder):
    """The location encoder in a released checkpoint of GAIR.

    Args:
        weights: checkpoint of the released layout; by default the one in the cache.
    """

    card = EncoderCard(
        name="gair",
        title="GAIR",
        dimension=DIMENSION,
        description="Equal Earth projection, random Fourier features at three scales, three MLPs "
        "whose outputs are added; trained together with encoders of street views and of Sentinel-2 "
        "images at the same places. Where the tensors lie in the checkpoint is known from the code "
        "of MIND, which loads it.",
        citation="Liu et al. 2025, GAIR: Improving Multimodal Geo-Foundation Model with "
        "Geo-Aligned Implicit Representations, arXiv 2503.16683",
        licence=WEIGHTS.licence,
        training_data="pairs of street views and Sentinel-2 images",
        weights=WEIGHTS,
        verified=False,
    )

    @cached_property
    def _network(self) -> Branches:
        path = self._weights_file
        tensors = load_nested(path, KEYS)
        first = next((name for name in tensors if name.endswith("LocEnc0.capsule.0.b")), None)
        if first is None:
            raise EncoderError(f"{path} has no location encoder: LocEnc0.capsule.0.b is missing")
        prefix = first.removesuffix("LocEnc0.capsule.0.b")
        own = {
            name.removeprefix(prefix): tensor
            for name, tensor in tensors.items()
            if name.startswith(f"{prefix}LocEnc")
        }
        return branches_from_tensors(own, SCALES, FEATURES, where=str(path), outputs=DIMENSION)

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
        return self._network(lonlat)
