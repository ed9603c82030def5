"""GeoCLIP's location encoder: random Fourier features of Equal Earth coordinates, and MLPs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.device import torch_device
from satclip_bench.core.download.cards import PackageOrigin, on_github
from satclip_bench.encoders.base import EncoderCard, WeightsCard
from satclip_bench.encoders.layers.per_device import Tensors, tensors_per_device
from satclip_bench.encoders.weights.files import PretrainedEncoder, load_state_dict
from satclip_bench.encoders.weights.tensors import linear_shapes, require_tensors

if TYPE_CHECKING:
    import torch

_MEMBER = "geoclip/model/weights/location_encoder_weights.pth"

WEIGHTS = WeightsCard(
    file="geoclip-1.3.0-location_encoder_weights.pth",
    sha256="94b80ae3af89fca78539e129dd2929d321247f5ceeeb0a31bc2c31041a253394",
    bytes=37806041,
    licence="MIT",
    by_hand="Vivanco Cepeda et al. publish the file in github.com/VicenteVivan/geo-clip.",
    origins=(
        PackageOrigin(package="geoclip", version="1.3.0", member=_MEMBER),
        # The hash on this card pins the content of the branch.
        *on_github("VicenteVivan/geo-clip", "main", _MEMBER),
    ),
)

# Šavrič, Patterson and Jenny 2018, The Equal Earth map projection, IJGIS 33(3), eq. 7 to 10.
_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796

_DEGREES = 66.50336
"""GeoCLIP's factor from the projected plane to roughly degrees; dividing by 180 gives about one."""

SCALES = 3

_LAYERS = (1, 3, 5)
"""Positions of the hidden linear layers in the checkpoint's sequence; each is followed by ReLU."""


class GeoCLIP(PretrainedEncoder):
    """GeoCLIP with its released weights.

    Args:
        weights: local copy of the released file; by default the one in the cache.
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
    def _network(self) -> Branches:
        path = self._weights_file
        return branches_from_tensors(
            load_state_dict(path), SCALES, self.card.dimension, where=str(path)
        )

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
        return self._network(lonlat)


@dataclass(frozen=True)
class Branches:
    """Sum of MLPs over random Fourier features, one MLP for each scale.

    Attributes:
        tensors: tensors of all branches, by their names in GeoCLIP's checkpoint, per device.
        scales: number of branches.
        outputs: number of columns of the output.
    """

    tensors: Tensors
    scales: int
    outputs: int

    def __call__(self, lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
        """Embed `(n, 2)` degrees, longitude first, as `(n, outputs)`."""
        import torch

        # These networks are trained and released in float32, and their highest frequencies amplify
        # its rounding errors. Hence the same operations in the same order as in the released code.
        device = torch_device()
        with torch.inference_mode():
            # Projected on the CPU also for a GPU, which would round the coordinates differently.
            plane = equal_earth(torch.from_numpy(lonlat.astype(np.float32))).to(device)
            total = torch.zeros(len(lonlat), self.outputs, device=device)
            for i in range(self.scales):
                total += self._branch(f"LocEnc{i}", plane)
        embedding: NDArray[np.float32] = total.cpu().numpy()
        return embedding

    def _branch(self, name: str, plane: torch.Tensor) -> torch.Tensor:
        import torch
        from torch.nn.functional import linear

        t = self.tensors.on(plane.device)
        turns = 2 * torch.pi * plane @ t[f"{name}.capsule.0.b"].T
        x = torch.cat((torch.cos(turns), torch.sin(turns)), dim=1)
        for n in _LAYERS:
            x = linear(x, t[f"{name}.capsule.{n}.weight"], t[f"{name}.capsule.{n}.bias"]).relu_()
        return linear(x, t[f"{name}.head.0.weight"], t[f"{name}.head.0.bias"])


def branches_from_tensors(
    tensors: Mapping[str, torch.Tensor],
    scales: int,
    width: int,
    where: str,
    outputs: int | None = None,
) -> Branches:
    """Make the network from the tensors `LocEnc<i>.capsule.0.b`, ..., `LocEnc<i>.head.0.bias`.

    Args:
        tensors: tensors of a checkpoint, by name.
        scales: number of branches.
        width: number of Fourier features of a branch.
        where: name of the checkpoint in messages.
        outputs: number of columns of the output; by default as many as Fourier features.

    Raises:
        EncoderError: some tensors are missing, unknown or of another shape.
    """
    outputs = width if outputs is None else outputs
    checked = require_tensors(tensors, branch_shapes(scales, width, outputs), where)
    return Branches(tensors_per_device(checked), scales, outputs)


def branch_shapes(
    scales: int, width: int, outputs: int | None = None
) -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors of a network with these branches, by name.

    Args:
        scales: number of branches.
        width: number of Fourier features of a branch.
        outputs: number of columns of the output; by default as many as Fourier features.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for name in (f"LocEnc{i}" for i in range(scales)):
        shapes[f"{name}.capsule.0.b"] = (width // 2, 2)
        inputs = width
        for n in _LAYERS:
            shapes |= linear_shapes(f"{name}.capsule.{n}", inputs, 2 * width)
            inputs = 2 * width
        shapes |= linear_shapes(f"{name}.head.0", inputs, width if outputs is None else outputs)
    return shapes


def equal_earth(lonlat: torch.Tensor) -> torch.Tensor:
    """Equal Earth coordinates in GeoCLIP's scale: `(N, 2)` lonlat degrees to `(N, 2)` of (x, y)."""
    import torch

    lon, lat = torch.deg2rad(lonlat[:, 0]), torch.deg2rad(lonlat[:, 1])
    root3 = torch.sqrt(torch.tensor(3.0, dtype=lonlat.dtype))
    theta = torch.asin(root3 / 2 * torch.sin(lat))
    # A1 + 3 A2 theta^2 + 7 A3 theta^6 + 9 A4 theta^8 is the derivative of y by theta.
    slope = 9 * _A4 * theta**8 + 7 * _A3 * theta**6 + 3 * _A2 * theta**2 + _A1
    x = 2 * root3 * lon * torch.cos(theta) / (3 * slope)
    y = _A4 * theta**9 + _A3 * theta**7 + _A2 * theta**3 + _A1 * theta
    return torch.stack((x, y), dim=1) * _DEGREES / 180
