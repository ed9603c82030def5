"""SatCLIP's location encoder from released checkpoints: spherical harmonics, then a SIREN."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import override

from satclip_bench.core.errors import EncoderError, UnknownNameError
from satclip_bench.core.registry import unknown_name
from satclip_bench.encoders.base import Embedding, EncoderCard, WeightsCard
from satclip_bench.encoders.layers.harmonics_siren import BATCH_SIZE, HarmonicsSiren, satclip_basis
from satclip_bench.encoders.layers.satclip_polynomials import released_basis
from satclip_bench.encoders.layers.siren import Siren, siren_from_tensors
from satclip_bench.encoders.layers.tiles import over_tiles
from satclip_bench.encoders.weights.files import PretrainedEncoder, load_lightning

Numerics = Literal["float32", "float64", "released"]

PREFIX = "model.location."

CITATION = (
    "Klemmer et al. 2023, SatCLIP: Global, General-Purpose Location Embeddings with Satellite "
    "Imagery, arXiv 2311.17179"
)

# Image encoders of the pretraining, and their names on the hub.
_VISION = {"resnet18": "ResNet18", "resnet50": "ResNet50", "vit16": "ViT16"}
_DEGREES = (10, 40)

# Known commits of the hub's repositories; for the others only the branch is known.
_REVISIONS = {"vit16-l40": "0ef2acc0b91d3c8cfdf4a0cc03207095989287ab"}

VARIANTS = tuple(f"{vision}-l{degrees}" for vision in _VISION for degrees in _DEGREES)

_NUMERICS = {
    "float32": "Harmonics in float64, network in float32.",
    "float64": "Harmonics and network in float64.",
    "released": "Harmonics with the rounding errors of the released code, network in float64.",
}


class SatCLIP(PretrainedEncoder):
    """Location encoder of a SatCLIP checkpoint.

    Args:
        variant: name of the checkpoint, such as `vit16-l40`.
        weights: Lightning checkpoint on disk; by default the released one, from the cache.
        numerics: `float32`, the fast default, within 1e-5 of `float64`; `float64`; or `released`,
            which reproduces the rounding errors of the released code, large near the poles
            (docs/satclip-numerics.md).
    """

    def __init__(
        self, variant: str, weights: str | Path | None = None, numerics: Numerics = "float32"
    ) -> None:
        super().__init__(weights)
        if numerics not in get_args(Numerics):
            raise EncoderError(f"numerics must be one of {', '.join(_NUMERICS)}, not {numerics!r}")
        vision, _, degrees = variant.rpartition("-l")
        hub = f"microsoft/SatCLIP-{_VISION[vision]}-L{degrees}"
        file = f"satclip-{variant}.ckpt"
        self.degrees = int(degrees)
        self.numerics = numerics
        suffix = "" if numerics == "float32" else f"-{numerics}"
        self.card = EncoderCard(
            name=f"satclip.{variant}{suffix}",
            title=f"SatCLIP {_VISION[vision]} L={degrees}" + (f" ({numerics})" if suffix else ""),
            dimension=256,
            description=f"{self.degrees**2} spherical harmonics and a SIREN, trained to match "
            f"Sentinel-2 images under a {_VISION[vision]} image encoder. {_NUMERICS[numerics]}",
            citation=CITATION,
            licence="MIT",
            training_data="S2-100K: 100,000 Sentinel-2 images, uniform over land",
            weights=WeightsCard(
                file=file,
                sha256=None,
                licence="MIT",
                origin=f"huggingface.co/{hub}",
                hub=hub,
                member=file,
                revision=_REVISIONS.get(variant, "main"),
            ),
            parameters={"degrees": self.degrees, "numerics": numerics},
            verified=False,
        )

    @cached_property
    def _network(self) -> Siren:
        """Network of the checkpoint, in float64."""
        import torch

        path = self._weights_file
        tensors, settings = load_lightning(path)
        for name, expected in (
            ("le_type", "sphericalharmonics"),
            ("pe_type", "siren"),
            ("legendre_polys", self.degrees),
            ("embed_dim", self.card.dimension),
        ):
            if settings.get(name) != expected:
                raise EncoderError(
                    f"{path} has {name}={settings.get(name)!r}; "
                    f"{self.card.name} needs {expected!r}. Give a checkpoint of that variant."
                )
        net = siren_from_tensors(tensors, PREFIX + "nnet.", inputs=self.degrees**2, where=str(path))
        return net.to(torch.float64)

    @cached_property
    def _fast(self) -> HarmonicsSiren:
        return HarmonicsSiren(self._network, self.degrees)

    @override
    def encode(self, lonlat: ArrayLike, batch_size: int = BATCH_SIZE) -> Embedding:
        return super().encode(lonlat, batch_size)

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.floating[Any]]:
        if self.numerics == "float32":
            return self._fast(lonlat)
        basis = satclip_basis if self.numerics == "float64" else released_basis
        out = np.empty((len(lonlat), self.card.dimension))
        # Loaded before the threads start, so that it is loaded only once.
        network = self._network

        def embed_tile(start: int, stop: int) -> NDArray[np.floating[Any]]:
            return network.of_columns(basis(lonlat[start:stop], self.degrees).T)

        over_tiles(embed_tile, out)
        return out


def from_variant(variant: str, **options: Any) -> SatCLIP:
    """Make the encoder `satclip.<variant>`, such as `vit16-l40` or `vit16-l40-released`.

    Raises:
        UnknownNameError: there is no such variant.
    """
    name, numerics = variant, "float32"
    if match := re.fullmatch(r"(.+)-(float64|released)", variant):
        name, numerics = match[1], match[2]
    if name not in VARIANTS:
        names = [f"satclip.{v}" for v in VARIANTS]
        raise UnknownNameError(unknown_name("encoder", f"satclip.{variant}", names))
    return SatCLIP(name, **({"numerics": numerics} | options))
