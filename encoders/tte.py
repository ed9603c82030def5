"""TTE: learned sites on the sphere that divide it softly, and an MLP on what the sites hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.device import torch_device
from satclip_bench.core.download.cards import HubOrigin
from satclip_bench.core.errors import EncoderError
from satclip_bench.core.sphere import unit_vectors
from satclip_bench.encoders.base import EncoderCard, WeightsCard
from satclip_bench.encoders.layers.per_device import Tensors, tensors_per_device
from satclip_bench.encoders.weights.files import PretrainedEncoder
from satclip_bench.encoders.weights.tensors import linear_shapes, load_safetensors, require_tensors

if TYPE_CHECKING:
    import torch

DIMENSION = 512

GATE = 0.5
"""Share of the tokens beside the sites, which is fixed and not among the weights."""

TEMPERATURES = (0.01, 10.0)
"""Range that the temperature of the tokens is clipped to."""

TILE = 512
"""Number of points processed at a time: the rows of a matrix of points and sites."""

WEIGHTS = WeightsCard(
    file="tte.safetensors",
    sha256=None,
    licence="MIT",
    origins=(
        HubOrigin(
            repository="MVRL/TTE",
            path="model.safetensors",
        ),
    ),
)

_TOKENS = "location.semantic_registers"

# The image's side of the tokens, which only training uses.
_SPARE = (
    f"{_TOKENS}._img_temperature",
    f"{_TOKENS}.img_to_logits.weight",
    f"{_TOKENS}.img_to_logits.bias",
)


class TTE(PretrainedEncoder):
    """Tessellating the Earth, with its released weights.

    Args:
        weights: weights file of the released layout; by default the one in the cache.
    """

    card = EncoderCard(
        name="tte",
        title="TTE",
        dimension=DIMENSION,
        description="Softmax over 4096 learned sites on the sphere, each with a temperature and a "
        "vector; attention of their mean vector to 64 learned tokens, a residual MLP, and "
        "normalisation to length 1; trained to match embeddings of satellite images.",
        citation="Cher, Iqbal, Xing, Wei and Jacobs 2026, Tessellating the Earth: Learnable "
        "Spherical Voronoi Partitions for Location Encoding, ECCV, arXiv 2606.27514",
        licence="MIT",
        training_data="SatCLIP's S2-100K: 100,000 Sentinel-2 images, seen through a frozen MAE of "
        "SSL4EO-S12",
        native_order="lat, lon",
        weights=WEIGHTS,
        verified=False,
    )

    @cached_property
    def _tensors(self) -> Tensors:
        path = self._weights_file
        tensors = load_safetensors(path)
        checked = require_tensors(tensors, _shapes(tensors, str(path)), str(path), spare=_SPARE)
        # In float64, because a temperature of up to 500 amplifies rounding errors: in float32 the
        # result would depend on the batch.
        return tensors_per_device({name: tensor.double() for name, tensor in checked.items()})

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        import torch

        device = torch_device()
        tensors = self._tensors.on(device)
        vectors = torch.from_numpy(unit_vectors(lonlat)).to(device)
        with torch.inference_mode():
            starts = range(0, len(vectors), TILE)
            tiles = [embed(vectors[start : start + TILE], tensors) for start in starts]
            embedding: NDArray[np.float64] = torch.cat(tiles).cpu().numpy()
        return embedding


def embed(vectors: torch.Tensor, t: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Embeddings of length 1, `(n, 512)`.

    Args:
        vectors: `(n, 3)` unit vectors of points.
        t: tensors of the network by their released names.
    """
    import torch
    from torch.nn.functional import layer_norm, linear, normalize, softmax

    sites = normalize(t["location._directions"], dim=1) * t["location._log_tau"].exp()[:, None]
    place = softmax(vectors @ sites.T, dim=1) @ t["location._embeddings"]
    temperature = t[f"{_TOKENS}.log_temperature"].exp().clamp(*TEMPERATURES)
    logits = _linear(place, t, f"{_TOKENS}.loc_to_logits") / temperature
    tokens = softmax(logits, dim=1) @ t[f"{_TOKENS}.registers"]
    mixed = (1 - GATE) * _linear(place, t, f"{_TOKENS}.site_to_out") + GATE * tokens
    weight, bias = t[f"{_TOKENS}.norm.weight"], t[f"{_TOKENS}.norm.bias"]
    x = torch.relu(_linear(layer_norm(mixed, (len(weight),), weight, bias), t, "location.mlp.0"))
    depth = _depth(t)
    for n in range(2, 2 + depth):
        hidden = torch.relu(_linear(x, t, f"location.mlp.{n}.w1"))
        x = x + torch.relu(_linear(hidden, t, f"location.mlp.{n}.w2"))
    return normalize(linear(x, t[f"location.mlp.{2 + depth}.weight"]), dim=1)


def _linear(x: torch.Tensor, t: Mapping[str, torch.Tensor], name: str) -> torch.Tensor:
    from torch.nn.functional import linear

    return linear(x, t[f"{name}.weight"], t[f"{name}.bias"])


def network_shapes(
    sites: int = 4096, vector: int = 384, tokens: int = 64, hidden: int = 512, depth: int = 2
) -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors of a network, by name.

    Args:
        sites: number of sites.
        vector: length of a site's vector.
        tokens: number of tokens.
        hidden: width of the MLP.
        depth: number of residual layers.
    """
    shapes: dict[str, tuple[int, ...]] = {
        "location._directions": (sites, 3),
        "location._log_tau": (sites,),
        "location._embeddings": (sites, vector),
        f"{_TOKENS}.registers": (tokens, DIMENSION),
        f"{_TOKENS}.log_temperature": (),
        f"{_TOKENS}.norm.weight": (DIMENSION,),
        f"{_TOKENS}.norm.bias": (DIMENSION,),
    }
    shapes |= linear_shapes(f"{_TOKENS}.loc_to_logits", vector, tokens)
    shapes |= linear_shapes(f"{_TOKENS}.site_to_out", vector, DIMENSION)
    shapes |= linear_shapes("location.mlp.0", DIMENSION, hidden)
    for n in range(2, 2 + depth):
        shapes |= linear_shapes(f"location.mlp.{n}.w1", hidden, hidden)
        shapes |= linear_shapes(f"location.mlp.{n}.w2", hidden, hidden)
    return shapes | {f"location.mlp.{2 + depth}.weight": (DIMENSION, hidden)}


def _shapes(tensors: Mapping[str, torch.Tensor], where: str) -> dict[str, tuple[int, ...]]:
    """Shapes of a network whose sizes are those of a checkpoint's tensors."""
    try:
        sites, vector = tensors["location._embeddings"].shape
        return network_shapes(
            sites=sites,
            vector=vector,
            tokens=len(tensors[f"{_TOKENS}.registers"]),
            hidden=len(tensors["location.mlp.0.bias"]),
            depth=_depth(tensors),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise EncoderError(f"{where} does not have the tensors of TTE: {error}") from error


def _depth(tensors: Mapping[str, object]) -> int:
    return sum(
        re.fullmatch(r"location\.mlp\.\d+\.w1\.weight", name) is not None for name in tensors
    )
