"""SatCLIP's location encoder: spherical harmonics, then a SIREN, from the released checkpoints."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from core.errors import EncoderError, UnknownNameError
from core.registry import unknown_name
from encoders.base import EncoderCard, WeightsCard
from encoders.harmonics import real_harmonics
from encoders.siren import Siren, siren_from_tensors
from encoders.weights import PretrainedEncoder, load_lightning

if TYPE_CHECKING:
    import torch

PREFIX = "model.location."

CITATION = (
    "Klemmer et al. 2023, SatCLIP: Global, General-Purpose Location Embeddings with Satellite "
    "Imagery, arXiv 2311.17179"
)

# Image encoder of the pretraining to its name on the hub.
_VISION = {"resnet18": "ResNet18", "resnet50": "ResNet50", "vit16": "ViT16"}
_DEGREES = (10, 40)

VARIANTS = tuple(f"{vision}-l{degrees}" for vision in _VISION for degrees in _DEGREES)


def satclip_basis(lonlat: NDArray[np.float64], degrees: int) -> NDArray[np.float64]:
    """The harmonics that released SatCLIP checkpoints were trained on, `(N, degrees**2)`.

    The released code evaluates them at lon + 180 and lat + 90 degrees, which by parity is
    (-1)**l times the value at (lon, lat), and multiplies the terms of order 0 by pi.

    Args:
        lonlat: `(N, 2)` degrees, longitude first.
        degrees: number of degrees L.
    """
    return real_harmonics(lonlat, degrees) * basis_factors(degrees)


def basis_factors(degrees: int) -> NDArray[np.float64]:
    """What each orthonormal harmonic is multiplied by to give SatCLIP's, `(degrees**2,)`."""
    degree = np.repeat(np.arange(degrees), 2 * np.arange(degrees) + 1)
    order = np.arange(degrees * degrees) - degree * (degree + 1)
    factors: NDArray[np.float64] = np.where(order == 0, np.pi, 1.0) * (-1.0) ** degree
    return factors


class SatCLIP(PretrainedEncoder):
    """The location branch of a SatCLIP checkpoint.

    Args:
        variant: such as `vit16-l40`.
        weights: a Lightning checkpoint on disk; by default the released one, from the cache.
    """

    def __init__(self, variant: str, weights: str | Path | None = None) -> None:
        vision, _, degrees = variant.rpartition("-l")
        hub = f"microsoft/SatCLIP-{_VISION[vision]}-L{degrees}"
        self.degrees = int(degrees)
        super().__init__(weights)
        self.card = EncoderCard(
            name=f"satclip.{variant}",
            title=f"SatCLIP {_VISION[vision]} L={degrees}",
            dimension=256,
            description=f"{self.degrees**2} spherical harmonics and a SIREN, trained to match "
            f"Sentinel-2 images under a {_VISION[vision]} image encoder.",
            citation=CITATION,
            licence="MIT",
            training_data="S2-100K: 100,000 Sentinel-2 images, uniform over land",
            weights=WeightsCard(
                file=f"satclip-{variant}.ckpt",
                sha256=None,
                licence="MIT",
                origin=f"huggingface.co/{hub}",
                hub=hub,
            ),
            verified=False,
        )

    @cached_property
    def _network(self) -> Siren:
        path = self._weights_file
        tensors, settings = load_lightning(path)
        for name, wanted in (
            ("le_type", "sphericalharmonics"),
            ("pe_type", "siren"),
            ("legendre_polys", self.degrees),
            ("embed_dim", self.card.dimension),
        ):
            if settings.get(name) != wanted:
                raise EncoderError(
                    f"{path} has {name}={settings.get(name)!r}; "
                    f"{self.card.name} needs {wanted!r}. Name a checkpoint of that variant."
                )
        net = siren_from_tensors(tensors, PREFIX + "nnet.", inputs=self.degrees**2, where=str(path))
        # The basis' factors go into the first layer, in the checkpoint's own precision.
        first = net.weights[0].double() * torch_from(basis_factors(self.degrees))
        weights = (first, *net.weights[1:])
        return Siren(tuple(w.float() for w in weights), tuple(b.float() for b in net.biases))

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
        import torch

        basis = real_harmonics(lonlat, self.degrees)
        with torch.inference_mode():
            out = self._network(torch.from_numpy(basis.astype(np.float32)))
        embedding: NDArray[np.float32] = out.numpy()
        return embedding


def torch_from(array: NDArray[np.float64]) -> torch.Tensor:
    """A tensor that shares the array's memory."""
    import torch

    return torch.from_numpy(array)


def from_variant(variant: str, **options: Any) -> SatCLIP:
    """The encoder called `satclip.<variant>`. Raises UnknownNameError for another variant."""
    if variant not in VARIANTS:
        names = [f"satclip.{v}" for v in VARIANTS]
        raise UnknownNameError(unknown_name("encoder", f"satclip.{variant}", names))
    return SatCLIP(variant, **options)
