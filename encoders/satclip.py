"""SatCLIP's location encoder from released checkpoints: spherical harmonics, then a SIREN."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import override

from satclip_bench.core.device import on_gpu
from satclip_bench.core.download.cards import HubOrigin
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


class _Pin(NamedTuple):
    revision: str
    sha256: str
    bytes: int | None


# Commits and hashes from github.com/bradleylab/ml-containers, satclip/Dockerfile at 90740a5; hashes
# and sizes of all but vit16-l40 also from the LFS pointers on the hub's commit pages, which agree.
_PINS = {
    "resnet18-l10": _Pin(
        "5263ff2455427581783c399808bdaa6c83857578",
        "c4af9559afb43d9c8be2781d4f70ce3f8a1087ea5a3773906c7c50ed05479ebd",
        57_201_927,
    ),
    "resnet18-l40": _Pin(
        "983a9d9d1f2f933f9a6a6225a214917fb58659d8",
        "6e2ed15146566170829bae8dd506d8274cd6fe4534c0ef407668dc3ccb04d2f1",
        75_633_927,
    ),
    "resnet50-l10": _Pin(
        "f41ed774863f2b0297e6f096eb3e3490888c03c2",
        "87ad5e8ca152e9564896f48de033e8d4278665bce049d36b3794847a430e69b1",
        111_491_067,
    ),
    "resnet50-l40": _Pin(
        "b66714c7308a55d12849d1ea43f892440d78e41a",
        "50df6453c20ce82b51ceba89811dcf1a21e7fa9d625cbc630f4cdcc4fc0de53a",
        129_923_067,
    ),
    "vit16-l10": _Pin(
        "829a79064fade0233c68bf01b7a3155be1b8778b",
        "c7596a5f7aacf72a7c49587a2a5a80f23cf61000a36b46e471c1422b273ca9c0",
        102_550_795,
    ),
    "vit16-l40": _Pin(
        "0ef2acc0b91d3c8cfdf4a0cc03207095989287ab",
        "c54c794cb8f95d4a141506656581240008570194b309c91217d86a6d4da5399f",
        None,
    ),
}

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

    accepts_other_weights = True
    _returns_new_arrays = True

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
        pin = _PINS[variant]
        self.numerics = numerics
        suffix = "" if numerics == "float32" else f"-{numerics}"
        self.card = EncoderCard(
            name=f"satclip.{variant}{suffix}",
            version=3 if numerics == "float32" else 1,
            title=f"SatCLIP {_VISION[vision]} L={degrees}" + (f" ({numerics})" if suffix else ""),
            dimension=256,
            description=f"{self.degrees**2} spherical harmonics and a SIREN, trained to match "
            f"Sentinel-2 images under a {_VISION[vision]} image encoder. {_NUMERICS[numerics]}",
            citation=CITATION,
            licence="MIT",
            training_data="S2-100K: 100,000 Sentinel-2 images, uniform over land",
            weights=WeightsCard(
                file=file,
                sha256=pin.sha256,
                bytes=pin.bytes,
                licence="MIT",
                origins=(HubOrigin(repository=hub, path=file, revision=pin.revision),),
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

    @cached_property
    def _exact(self) -> HarmonicsSiren:
        return HarmonicsSiren(self._network, self.degrees, "float64")

    @override
    def encode(self, lonlat: ArrayLike, batch_size: int = BATCH_SIZE) -> Embedding:
        return super().encode(lonlat, batch_size)

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.floating[Any]]:
        if self.numerics == "float32":
            return self._fast(lonlat)
        if self.numerics == "float64" and on_gpu():
            return self._exact(lonlat)
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
