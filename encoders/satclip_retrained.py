"""SatCLIP's architecture with weights from this package's pretraining, shipped or a user's."""

from __future__ import annotations

import json
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import override

from satclip_bench.core.errors import EncoderError, UnknownNameError
from satclip_bench.core.files import cache_dir
from satclip_bench.core.program import program
from satclip_bench.core.registry import unknown_name
from satclip_bench.encoders.base import Embedding, EncoderCard, WeightsCard
from satclip_bench.encoders.layers.harmonics_siren import BATCH_SIZE, HarmonicsSiren
from satclip_bench.encoders.layers.siren import siren_from_tensors
from satclip_bench.encoders.satclip import CITATION, PREFIX
from satclip_bench.encoders.weights.files import PretrainedEncoder, first_line
from satclip_bench.encoders.weights.shipped import BLUE_MARBLE, SHIPPED, published_sha256, shipped
from satclip_bench.encoders.weights.tensors import load_safetensors

METADATA_KEY = "satclip_bench"
"""Metadata key of a safetensors file under which the description of the encoder is stored."""

MAX_HEADER_BYTES = 2**24

RECIPE_TASKS = ("air_temperature", "elevation", "population_density", "biomes")
"""Tasks with whose labels the recipe of the shipped weights was chosen (docs/pretraining.md)."""


class TrainedSatCLIP(PretrainedEncoder):
    """Harmonics and a SIREN from a file written by `satclip_bench.encoders.pretraining`.

    The network is evaluated in float64, so that embeddings agree between processors.

    Args:
        name: name of the encoder.
        weights: path of the safetensors file.

    Raises:
        EncoderError: the file does not exist, or has no description of the encoder.
    """

    def __init__(self, name: str, weights: str | Path) -> None:
        super().__init__(weights)
        path = Path(weights).expanduser()
        about = read_about(path)
        settings = about["settings"]
        self.degrees = int(settings["legendre_polys"])
        self.normalise = about["normalise"]
        unit = " Embeddings have length 1." if self.normalise == "unit" else ""
        self.card = EncoderCard(
            name=name,
            version=3,
            title=f"SatCLIP {'Blue Marble' if name.startswith(BLUE_MARBLE) else about['name']} "
            f"L={self.degrees}",
            dimension=int(settings["embed_dim"]),
            description=f"{self.degrees**2} spherical harmonics and a SIREN, trained by "
            f"satclip_bench.encoders.pretraining to match images under the image encoder "
            f"{settings['vision_layers']}.{unit}",
            citation=CITATION,
            licence="MIT",
            training_data=about["seen"],
            recipe_tasks=RECIPE_TASKS if name.startswith(BLUE_MARBLE) else (),
            weights=WeightsCard(
                file=path.name,
                sha256=published_sha256(path),
                folder=path.parent,
                licence="MIT",
                by_hand=f"The file is made by satclip_bench.encoders.pretraining, config "
                f"{about['name']!r}; images: {about['licence']}.",
            ),
            parameters={"degrees": self.degrees, "normalise": self.normalise},
        )

    @cached_property
    def _network(self) -> HarmonicsSiren:
        path = self._weights_file
        tensors = load_safetensors(path)
        net = siren_from_tensors(tensors, PREFIX + "nnet.", self.degrees**2, str(path))
        if net.outputs != self.card.dimension:
            raise EncoderError(
                f"{path} has {net.outputs} outputs, but its header says {self.card.dimension}"
            )
        import torch

        return HarmonicsSiren(net.to(torch.float64), self.degrees, "float64")

    @override
    def encode(self, lonlat: ArrayLike, batch_size: int = BATCH_SIZE) -> Embedding:
        return super().encode(lonlat, batch_size)

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.floating[Any]]:
        embedding = self._network(lonlat)
        if self.normalise == "unit":
            embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
        return embedding


def read_about(path: Path) -> dict[str, Any]:
    """Description of an encoder in a file of this package's pretraining, read from its header.

    Raises:
        EncoderError: the file does not exist, or was not written by the pretraining.
    """
    if not path.is_file():
        raise EncoderError(f"there are no weights at {path}")
    try:
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if length > MAX_HEADER_BYTES:
                raise ValueError("it has no header of a safetensors file")
            header = json.loads(stream.read(length))
        about: dict[str, Any] = json.loads(header["__metadata__"][METADATA_KEY])
        settings, normalise = about["settings"], about["normalise"]
        known = (settings["le_type"], settings["pe_type"]) == ("sphericalharmonics", "siren")
        complete = {"name", "seen", "licence"} <= about.keys()
        if not (known and complete and normalise in ("none", "unit")):
            raise ValueError("it is another kind of encoder")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EncoderError(
            f"{path} is not a location encoder written by satclip_bench.encoders.pretraining: "
            f"{first_line(error)}"
        ) from error
    return about


def blue_marble(variant: str, weights: str | Path | None = None) -> TrainedSatCLIP:
    """Make the encoder `satclip-bluemarble.<variant>`, such as `l10`.

    Args:
        variant: `l` and the number of degrees.
        weights: file to use instead of the shipped one.

    Raises:
        UnknownNameError: no weights of that variant are shipped, and none are given.
    """
    name = f"{BLUE_MARBLE}.{variant}"
    path = SHIPPED / f"{BLUE_MARBLE}-{variant}.safetensors"
    if weights is None and (not re.fullmatch(r"l[0-9]+", variant) or not path.is_file()):
        raise UnknownNameError(
            f"{unknown_name('encoder', name, shipped())} To train your own weights: "
            f"{program()} pretrain --config small --register NAME, then own.NAME"
        )
    return TrainedSatCLIP(name, path if weights is None else weights)


def registered_dir() -> Path:
    """Folder in which `pretrain --register` stores encoders."""
    return cache_dir() / "pretrained"


def registered() -> tuple[str, ...]:
    """Names of the encoders that the user has registered, such as `own.mine`."""
    return tuple(f"own.{path.stem}" for path in sorted(registered_dir().glob("*.safetensors")))


def own(variant: str, weights: str | Path | None = None) -> TrainedSatCLIP:
    """Make the encoder `own.<variant>`, which `pretrain --register <variant>` stored.

    Raises:
        UnknownNameError: no encoder of that name is registered, and no weights are given.
    """
    name = f"own.{variant}"
    if weights is None and name not in registered():
        raise UnknownNameError(
            f"{unknown_name('encoder', name, registered())} Registered encoders are stored in "
            f"{registered_dir()}; {program()} pretrain --register {variant} adds one."
        )
    path = registered_dir() / f"{variant}.safetensors"
    return TrainedSatCLIP(name, path if weights is None else weights)
