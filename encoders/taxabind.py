"""TaxaBind's location encoder: GeoCLIP's network, trained further to match images of species."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.download.cards import HubOrigin
from satclip_bench.encoders.base import EncoderCard, WeightsCard
from satclip_bench.encoders.geoclip import SCALES, Branches, branches_from_tensors
from satclip_bench.encoders.weights.files import PretrainedEncoder
from satclip_bench.encoders.weights.tensors import load_safetensors

HUB = "MVRL/ecogeo"

WEIGHTS = WeightsCard(
    file="taxabind-ecogeo.safetensors",
    # Hash and commit from the file's page on the hub; the known digits of the commit.
    sha256="be64e353458b5fa453d91a9b1908acb7fbefad5bd276238cd02321799e8bc2f5",
    licence="none stated for the weights; the code is under Apache-2.0",
    by_hand="huggingface.co/MVRL/taxabind-config names the repository.",
    origins=tuple(
        HubOrigin(repository=HUB, path="model.safetensors", revision=revision)
        for revision in ("2de5dd3", "main")
    ),
)


class TaxaBind(PretrainedEncoder):
    """TaxaBind's location encoder with its released weights.

    The paper scales embeddings to length 1 before it compares them; this encoder does not.

    Args:
        weights: local copy of the released file; by default the one in the cache.
    """

    accepts_other_weights = True

    card = EncoderCard(
        name="taxabind",
        title="TaxaBind",
        dimension=512,
        description="GeoCLIP's network (Equal Earth projection, random Fourier features at three "
        "scales, three MLPs whose outputs are added), initialised with GeoCLIP's weights and "
        "trained to match BioCLIP embeddings of species' images. Not scaled to length 1.",
        citation="Sastry et al. 2025, TaxaBind: A Unified Embedding Space for Ecological "
        "Applications, WACV, arXiv 2411.00683",
        licence="Apache-2.0",
        training_data="iNaturalist 2021 images and where they were taken; before that GeoCLIP's "
        "MP-16: 4.72 million geotagged Flickr photos",
        contaminates=("inaturalist",),
        native_order="lat, lon",
        weights=WEIGHTS,
        verified=False,
    )

    @cached_property
    def _network(self) -> Branches:
        path = self._weights_file
        return branches_from_tensors(
            load_safetensors(path), SCALES, self.card.dimension, where=str(path)
        )

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
        return self._network(lonlat)
