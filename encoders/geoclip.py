"""GeoCLIP's location encoder: random Fourier features of the Equal Earth plane at three scales."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from core.errors import EncoderError
from encoders.base import EncoderCard, WeightsCard
from encoders.weights import PretrainedEncoder, load_state_dict

if TYPE_CHECKING:
    import torch

WEIGHTS = WeightsCard(
    file="geoclip-1.3.0-location_encoder_weights.pth",
    sha256="94b80ae3af89fca78539e129dd2929d321247f5ceeeb0a31bc2c31041a253394",
    bytes=37806041,
    licence="MIT",
    origin="Vivanco Cepeda et al., github.com/VicenteVivan/geo-clip",
    distribution="geoclip==1.3.0",
    member="geoclip/model/weights/location_encoder_weights.pth",
)

# Šavrič, Patterson and Jenny 2018, The Equal Earth map projection, IJGIS 33(3), eq. 7 to 10.
_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796

_DEGREES = 66.50336
"""GeoCLIP's factor from the projected plane to something like degrees; 180 makes about one."""

_SCALES = 3
_LAYERS = (1, 3, 5)
"""Positions of the hidden linear layers in the checkpoint's sequence; ReLU follows each."""


class GeoCLIP(PretrainedEncoder):
    """GeoCLIP with its released weights.

    Args:
        weights: a local copy of the released file; by default the one that set-up placed.
    """

    card = EncoderCard(
        name="geoclip",
        title="GeoCLIP",
        dimension=512,
        description="Equal Earth projection, random Fourier features at three scales, three MLPs "
        "whose outputs are added; trained to match CLIP embeddings of geotagged photographs.",
        citation="Vivanco Cepeda, Nayak and Shah 2023, GeoCLIP: Clip-Inspired Alignment between "
        "Locations and Images for Effective Worldwide Geo-localization, NeurIPS, arXiv 2309.16020",
        licence="MIT",
        training_data="MediaEval Placing Tasks 2016 (MP-16): 4.72 million geotagged Flickr photos",
        native_order="lat, lon",
        weights=WEIGHTS,
    )

    @cached_property
    def _tensors(self) -> dict[str, torch.Tensor]:
        tensors = load_state_dict(self._weights_file)
        wanted = {f"LocEnc{i}.capsule.0.b" for i in range(_SCALES)} | {
            f"LocEnc{i}.{layer}.{part}"
            for i in range(_SCALES)
            for layer in (*(f"capsule.{n}" for n in _LAYERS), "head.0")
            for part in ("weight", "bias")
        }
        if wanted != tensors.keys():
            lacking, unknown = sorted(wanted - tensors.keys()), sorted(tensors.keys() - wanted)
            raise EncoderError(f"GeoCLIP's weights lack {lacking} and have unknown {unknown}")
        return tensors

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
        import torch

        # The network was trained and released in float32, and its highest frequencies turn the
        # rounding of that precision into visible digits: the same operations in the same order.
        with torch.inference_mode():
            plane = equal_earth(torch.from_numpy(lonlat.astype(np.float32)))
            total = torch.zeros(len(lonlat), self.card.dimension)
            for i in range(_SCALES):
                total += self._branch(f"LocEnc{i}", plane)
        embedding: NDArray[np.float32] = total.numpy()
        return embedding

    def _branch(self, name: str, plane: torch.Tensor) -> torch.Tensor:
        import torch
        from torch.nn.functional import linear

        t = self._tensors
        turns = 2 * torch.pi * plane @ t[f"{name}.capsule.0.b"].T
        x = torch.cat((torch.cos(turns), torch.sin(turns)), dim=1)
        for n in _LAYERS:
            x = linear(x, t[f"{name}.capsule.{n}.weight"], t[f"{name}.capsule.{n}.bias"]).relu_()
        return linear(x, t[f"{name}.head.0.weight"], t[f"{name}.head.0.bias"])


def equal_earth(lonlat: torch.Tensor) -> torch.Tensor:
    """Equal Earth plane coordinates in GeoCLIP's scale, `(N, 2)` degrees to `(N, 2)` of (x, y)."""
    import torch

    lon, lat = torch.deg2rad(lonlat[:, 0]), torch.deg2rad(lonlat[:, 1])
    root3 = torch.sqrt(torch.tensor(3.0))
    theta = torch.asin(root3 / 2 * torch.sin(lat))
    # A1 + 3 A2 theta^2 + 7 A3 theta^6 + 9 A4 theta^8 is the derivative of y by theta.
    slope = 9 * _A4 * theta**8 + 7 * _A3 * theta**6 + 3 * _A2 * theta**2 + _A1
    x = 2 * root3 * lon * torch.cos(theta) / (3 * slope)
    y = _A4 * theta**9 + _A3 * theta**7 + _A2 * theta**3 + _A1 * theta
    return torch.stack((x, y), dim=1) * _DEGREES / 180
