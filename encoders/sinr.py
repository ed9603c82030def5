"""SINR: a residual network over sines and cosines, trained to predict where species occur."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.device import torch_device
from satclip_bench.core.download.cards import HubOrigin, UrlOrigin
from satclip_bench.core.errors import EncoderError
from satclip_bench.encoders.base import EncoderCard, WeightsCard, require_variant
from satclip_bench.encoders.layers.per_device import Tensors, tensors_per_device
from satclip_bench.encoders.weights.files import PretrainedEncoder, load_trainer
from satclip_bench.encoders.weights.tensors import linear_shapes, require_tensors

DIMENSION = 256
INPUTS = 4
BLOCKS = 4

CLASSES = "class_emb.weight"
"""Layer after the embedding, with one row per species; not used."""

CITATION = (
    "Cole et al. 2023, Spatial Implicit Neural Representations for Global-Scale Species Mapping, "
    "ICML, arXiv 2306.02564"
)

SPACE = "macaodha/sinr"
"""An author's demonstration on the hub, which has the files of the released archive."""

ARCHIVE = "https://data.caltech.edu/records/dk5g7-rhq64/files/pretrained_models.zip"

# End of the released file's name, training data, and the tasks that it contaminates.
_VARIANTS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    **{
        f"an-full-{cap}": (
            f"hard_cap_num_per_class_{cap}",
            f"at most {cap:,} of each species",
            ("inaturalist",),
        )
        for cap in (10, 100, 1000)
    },
    "distilled-env": (
        "distilled_from_env",
        "by way of a network with WorldClim's climate and elevation as further inputs",
        ("air_temperature", "elevation", "inaturalist"),
    ),
}

VARIANTS = tuple(_VARIANTS)


def sine_features(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sines, then cosines, of pi times longitude / 180 and latitude / 90, `(n, 2)` to `(n, 4)`.

    The encoding of Mac Aodha et al. 2019 (ICCV). It is periodic in longitude and also in latitude,
    with a period from pole to pole: at any one longitude both poles have the same features.

    >>> sine_features(np.array([[90.0, 45.0]])).round(6)
    array([[1., 1., 0., 0.]])
    """
    turns = np.pi * lonlat / (180.0, 90.0)
    return np.concatenate([np.sin(turns), np.cos(turns)], axis=1)


class SINR(PretrainedEncoder):
    """Features of a SINR network before its layer of species.

    Args:
        variant: one of `VARIANTS`; the networks of all of them take only coordinates.
        weights: checkpoint on disk; by default the released one, from the cache.
    """

    def __init__(self, variant: str, weights: str | Path | None = None) -> None:
        super().__init__(weights)
        ending, data, contaminates = _VARIANTS[variant]
        file = f"model_an_full_input_enc_sin_cos_{ending}.pt"
        self.card = EncoderCard(
            name=f"sinr.{variant}",
            title=f"SINR ({variant})",
            dimension=DIMENSION,
            description="Sines and cosines of longitude and latitude, a linear layer and four "
            "residual blocks; the 256 features, none negative, before the species' layer. "
            "At any one longitude both poles have the same features.",
            citation=CITATION,
            licence="MIT",
            training_data=f"iNaturalist observations of 47,375 species, {data}",
            contaminates=contaminates,
            weights=WeightsCard(
                file=f"sinr-{variant}.pt",
                sha256=None,
                licence="MIT",
                by_hand="github.com/elijahcole/sinr links the archive with the file.",
                origins=(
                    HubOrigin(
                        repository=SPACE, repository_type="space", path=f"pretrained_models/{file}"
                    ),
                    UrlOrigin(url=ARCHIVE, member=f"*/{file}"),
                ),
            ),
            parameters={"input_enc": "sin_cos", "depth": BLOCKS, "num_filts": DIMENSION},
            verified=False,
        )

    @cached_property
    def _tensors(self) -> Tensors:
        path = self._weights_file
        tensors, settings = load_trainer(path)
        for name, expected in self.card.parameters.items():
            if settings.get(name) != expected:
                raise EncoderError(
                    f"{path} has {name}={settings.get(name)!r}; {self.card.name} needs "
                    f"{expected!r}. Give a checkpoint of that variant."
                )
        checked = require_tensors(tensors, network_shapes(), str(path), spare=(CLASSES,))
        return tensors_per_device(checked)

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
        import torch
        from torch.nn.functional import linear, relu

        device = torch_device()
        t = self._tensors.on(device)
        with torch.inference_mode():
            x = torch.from_numpy(sine_features(lonlat).astype(np.float32)).to(device)
            x = relu(linear(x, t["feats.0.weight"], t["feats.0.bias"]))
            for block in _block_names():
                y = relu(linear(x, t[f"{block}.w1.weight"], t[f"{block}.w1.bias"]))
                x = x + relu(linear(y, t[f"{block}.w2.weight"], t[f"{block}.w2.bias"]))
        embedding: NDArray[np.float32] = x.cpu().numpy()
        return embedding


def network_shapes() -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors that the features need, by name."""
    shapes = linear_shapes("feats.0", INPUTS, DIMENSION)
    for block in _block_names():
        for part in ("w1", "w2"):
            shapes |= linear_shapes(f"{block}.{part}", DIMENSION, DIMENSION)
    return shapes


def _block_names() -> list[str]:
    # Number 1 of the sequence is a ReLU, which has no weights.
    return [f"feats.{n}" for n in range(2, 2 + BLOCKS)]


def from_variant(variant: str, **options: Any) -> SINR:
    """Make the encoder `sinr.<variant>`, such as `an-full-1000`.

    Raises:
        UnknownNameError: there is no such variant.
    """
    require_variant("sinr", variant, VARIANTS)
    return SINR(variant, **options)
