"""SatCLIP's architecture with weights of our own pretraining: shipped ones, and a user's."""

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
"""Under which a safetensors file tells what it is."""

LONGEST_HEADER = 2**24


class TrainedSatCLIP(PretrainedEncoder):
    """Harmonics and a SIREN from a file that `satclip_bench.encoders.pretraining` wrote.

    Args:
        name: of the encoder.
        weights: the safetensors file.

    Raises:
        EncoderError: there is no such file, or it does not tell what it is.
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
            title=f"SatCLIP {'Blue Marble' if name.startswith(BLUE_MARBLE) else about['name']} "
            f"L={self.degrees}",
            dimension=int(settings["embed_dim"]),
            description=f"{self.degrees**2} spherical harmonics and a SIREN, trained by "
            f"satclip_bench.encoders.pretraining to match images under the image encoder "
            f"{settings['vision_layers']}.{unit}",
            citation=CITATION,
            licence="MIT",
            training_data=about["seen"],
            weights=WeightsCard(
                file=path.name,
                sha256=published_sha256(path),
                folder=path.parent,
                licence="MIT",
                origin=f"satclip_bench.encoders.pretraining, config {about['name']!r}; images: "
                f"{about['licence']}",
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
                f"{path} has {net.outputs} outputs, and says it has {self.card.dimension}"
            )
        import torch

        return HarmonicsSiren(net.to(torch.float64), self.degrees)

    @override
    def encode(self, lonlat: ArrayLike, batch_size: int = BATCH_SIZE) -> Embedding:
        return super().encode(lonlat, batch_size)

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
        found = self._network(lonlat)
        if self.normalise == "unit":
            found /= np.linalg.norm(found, axis=1, keepdims=True)
        return found


def read_about(path: Path) -> dict[str, Any]:
    """What a file of our pretraining tells of itself, from its header alone.

    Raises:
        EncoderError: there is no such file, or it is not of that kind.
    """
    if not path.is_file():
        raise EncoderError(f"there are no weights at {path}")
    try:
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if length > LONGEST_HEADER:
                raise ValueError("no header of a safetensors file")
            header = json.loads(stream.read(length))
        about: dict[str, Any] = json.loads(header["__metadata__"][METADATA_KEY])
        settings, normalise = about["settings"], about["normalise"]
        known = (settings["le_type"], settings["pe_type"]) == ("sphericalharmonics", "siren")
        whole = {"name", "seen", "licence"} <= about.keys()
        if not (known and whole and normalise in ("none", "unit")):
            raise ValueError("it is another kind of encoder")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EncoderError(
            f"{path} is no location encoder that satclip_bench.encoders.pretraining wrote: "
            f"{first_line(error)}"
        ) from error
    return about


def blue_marble(variant: str, weights: str | Path | None = None) -> TrainedSatCLIP:
    """The encoder called `satclip-bluemarble.<variant>`, such as `l10`.

    Args:
        variant: `l` and the number of degrees.
        weights: a file in place of the shipped one.

    Raises:
        UnknownNameError: no weights of that variant are shipped, and none are given.
    """
    name = f"{BLUE_MARBLE}.{variant}"
    path = SHIPPED / f"{BLUE_MARBLE}-{variant}.safetensors"
    if weights is None and (not re.fullmatch(r"l\d+", variant) or not path.is_file()):
        raise UnknownNameError(
            f"{unknown_name('encoder', name, shipped())} Weights of one's own: "
            f"{program()} pretrain --config small --register NAME, then own.NAME"
        )
    return TrainedSatCLIP(name, path if weights is None else weights)


def registered_dir() -> Path:
    """Where `pretrain --register` keeps encoders."""
    return cache_dir() / "pretrained"


def registered() -> tuple[str, ...]:
    """The names of the user's own encoders."""
    return tuple(f"own.{path.stem}" for path in sorted(registered_dir().glob("*.safetensors")))


def own(variant: str, weights: str | Path | None = None) -> TrainedSatCLIP:
    """The encoder called `own.<variant>`, which `pretrain --register <variant>` left.

    Raises:
        UnknownNameError: none of that name is registered, and no weights are given.
    """
    name = f"own.{variant}"
    if weights is None and name not in registered():
        raise UnknownNameError(
            f"{unknown_name('encoder', name, registered())} What is registered lies in "
            f"{registered_dir()}; {program()} pretrain --register {variant} adds one."
        )
    path = registered_dir() / f"{variant}.safetensors"
    return TrainedSatCLIP(name, path if weights is None else weights)
