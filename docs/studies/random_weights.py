"""Encoders with random weights in the released shapes, whose speed does not depend on values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.benchmarks.speed.released_code import random_satclip
from satclip_bench.core.errors import EncoderError
from satclip_bench.encoders import Encoder, EncoderCard, LocationEncoder, climplicit, get_encoder
from satclip_bench.encoders import csp as csp_module
from satclip_bench.encoders import sinr as sinr_module
from satclip_bench.encoders.geoclip import SCALES, branch_shapes, branches_from_tensors

Float = NDArray[np.float64]


def random_tensors(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """Tensors of layers with uniform weights within sqrt(3 / inputs), by name."""
    generator = torch.Generator().manual_seed(0)
    return {
        name: (2 * torch.rand(shape, generator=generator) - 1) * (3 / shape[-1]) ** 0.5
        for name, shape in shapes.items()
    }


class RandomGeoCLIP(Encoder):
    """GeoCLIP's network with random weights, and Fourier features of its frequencies."""

    card = EncoderCard(name="geoclip-random", title="GeoCLIP with random weights", dimension=512)

    def __init__(self) -> None:
        tensors = random_tensors(branch_shapes(SCALES, 512))
        generator = torch.Generator().manual_seed(1)
        for i, sigma in enumerate((2**0, 2**4, 2**8)):
            shape = tensors[f"LocEnc{i}.capsule.0.b"].shape
            tensors[f"LocEnc{i}.capsule.0.b"] = sigma * torch.randn(shape, generator=generator)
        self._network = branches_from_tensors(tensors, SCALES, 512, "random weights")

    @override
    def forward(self, lonlat: Float) -> NDArray[np.float32]:
        return self._network(lonlat)


def geoclip(_: Path) -> LocationEncoder:
    """GeoCLIP with its released weights, or random ones if these are not in the cache."""
    encoder = get_encoder("geoclip")
    try:
        encoder.encode([[0.0, 0.0]])
    except EncoderError:
        return RandomGeoCLIP()
    return encoder


def satclip(folder: Path) -> LocationEncoder:
    """SatCLIP at L=40 with random weights, in float32."""
    path = random_satclip(folder / "satclip.ckpt", 40)
    return get_encoder("satclip.vit16-l40", weights=path)


def sinr(folder: Path) -> LocationEncoder:
    """SINR with random weights."""
    settings = {"input_enc": "sin_cos", "depth": 4, "num_filts": 256}
    state = random_tensors(sinr_module.network_shapes())
    torch.save({"state_dict": state, "params": settings}, folder / "sinr.pt")
    return get_encoder("sinr.an-full-1000", weights=folder / "sinr.pt")


def csp(folder: Path) -> LocationEncoder:
    """CSP with random weights: Space2Vec grid at 32 scales, one hidden layer of 512."""
    settings = {
        "spa_enc_type": "gridcell",
        "frequency_num": 32,
        "min_radius": 0.1,
        "max_radius": 360,
        "freq_init": "geometric",
        "spa_f_act": "gelu",
        "skip_connection": True,
        "use_layn": True,
    }
    layers = {
        "layers.0.linear.weight": (512, 128),
        "layers.0.linear.bias": (512,),
        "layers.0.layernorm.weight": (512,),
        "layers.0.layernorm.bias": (512,),
        "layers.1.linear.weight": (256, 512),
        "layers.1.linear.bias": (256,),
    }
    state = random_tensors({csp_module.PREFIX + name: shape for name, shape in layers.items()})
    torch.save({"state_dict": state, "params": settings}, folder / "csp.pth.tar")
    return get_encoder("csp.fmow", weights=folder / "csp.pth.tar")


def climplicit_seasons(folder: Path) -> LocationEncoder:
    """Climplicit with random weights, for four months."""
    from safetensors.torch import save_file

    save_file(random_tensors(climplicit.network_shapes()), folder / "climplicit.safetensors")
    return get_encoder("climplicit.seasons", weights=folder / "climplicit.safetensors")


ENCODERS: dict[str, tuple[str, Callable[[Path], LocationEncoder]]] = {
    "satclip-bluemarble.l10": ("float64", lambda _: get_encoder("satclip-bluemarble.l10")),
    "satclip-bluemarble.l40": ("float64", lambda _: get_encoder("satclip-bluemarble.l40")),
    "satclip.vit16-l40": ("float32", satclip),
    "geoclip": ("float32", geoclip),
    "sinr.an-full-1000": ("float32", sinr),
    "csp.fmow": ("float32", csp),
    "climplicit.seasons": ("float32", climplicit_seasons),
}
"""Precision of the network, and function of a folder that makes the encoder."""
