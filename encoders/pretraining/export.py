"""Files that a pretraining writes: the encoder in two formats, metrics and their curves."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from satclip_bench.core.files import atomic_write
from satclip_bench.encoders.pretraining.checkpoints import Row
from satclip_bench.encoders.pretraining.config import Location, PretrainConfig, as_json
from satclip_bench.encoders.pretraining.curves import draw_curves
from satclip_bench.encoders.pretraining.location_encoder import LocationNet, released_tensors
from satclip_bench.encoders.pretraining.sources import Pairs
from satclip_bench.encoders.satclip import PREFIX
from satclip_bench.encoders.satclip_retrained import METADATA_KEY

ENCODER = "encoder.safetensors"
CHECKPOINT = "encoder.ckpt"
METRICS = "metrics.jsonl"
CURVES = "curves.png"
CONFIG = "config.json"

_VISION = {"resnet18": "moco_resnet18", "resnet50": "moco_resnet50", "vit16": "moco_vit16"}


@dataclass(frozen=True)
class Trained:
    """A finished pretraining.

    Attributes:
        folder: folder with all its files.
        history: one row of metrics per epoch.
    """

    folder: Path
    history: tuple[Row, ...]

    @property
    def encoder(self) -> Path:
        """Path of the location encoder's safetensors file."""
        return self.folder / ENCODER


def released_settings(config: Location, vision: str = "") -> dict[str, Any]:
    """Hyper-parameters as in a released SatCLIP checkpoint of this architecture."""
    return {
        "le_type": "sphericalharmonics",
        "pe_type": "siren",
        "legendre_polys": config.degrees,
        "harmonics_calculation": "analytic",
        "min_radius": 1,
        "max_radius": 360,
        "frequency_num": 16,
        "sh_embedding_dims": 32,
        "embed_dim": config.dimension,
        "capacity": config.width,
        "num_hidden_layers": config.layers,
        "vision_layers": vision,
    }


def write_encoder(
    trained: Trained,
    config: PretrainConfig,
    pairs: Pairs,
    places: LocationNet,
    images: nn.Module,
    log_scale: torch.Tensor,
) -> None:
    """Write the location encoder, a Lightning checkpoint of both encoders, and the metrics.

    The safetensors file has only the location encoder, in float32, and the texts of its card. The
    checkpoint has the layout of SatCLIP's, so that SatCLIP's code and this package's `satclip` can
    load it.

    Raises:
        BenchError: a file cannot be written.
    """
    tensors = released_tensors(places.nnet, config.location)
    settings = released_settings(config.location, _VISION.get(config.image.kind, config.image.kind))
    about = {
        "name": config.name,
        "settings": settings,
        "normalise": config.location.normalise,
        "seen": pairs.training_data,
        "licence": pairs.licence,
        "config": json.loads(as_json(config)),
        "data_sha256": pairs.sha256,
        "metrics": _reproducible(trained.history[-1]),
    }
    write_safetensors(trained.encoder, tensors, about)
    state = {f"{PREFIX}nnet.{name}": value for name, value in tensors.items()}
    state |= {f"model.nnet.{name}": value for name, value in tensors.items()}
    state |= {f"model.visual.{k}": v.detach().cpu() for k, v in images.state_dict().items()}
    state["model.logit_scale"] = log_scale.detach().cpu()
    buffer = io.BytesIO()
    content = {
        "epoch": len(trained.history),
        "state_dict": state,
        "hyper_parameters": settings,
    }
    torch.save(content, buffer)
    _write(trained.folder / CHECKPOINT, buffer.getvalue())
    _write(trained.folder / CONFIG, (json.dumps(about["config"], indent=1) + "\n").encode())
    write_history(trained.folder, trained.history)
    draw_curves(trained.history, config.name, trained.folder / CURVES)


def write_safetensors(path: Path, tensors: dict[str, torch.Tensor], about: dict[str, Any]) -> None:
    """Write a location encoder in the format that `satclip_bench.encoders.satclip_retrained` reads.

    Args:
        path: file to write.
        tensors: tensors of the SIREN, in the released code's convention.
        about: settings of the network and texts of the card.
    """
    from safetensors.torch import save

    # Only one key, since the order of several keys is not reproducible.
    metadata = {METADATA_KEY: json.dumps(about, sort_keys=True)}
    named = {f"{PREFIX}nnet.{k}": v.to(torch.float32).contiguous() for k, v in tensors.items()}
    _write(path, save(named, metadata))


def write_history(folder: Path, history: Sequence[Row]) -> None:
    """Write the metrics, one line of JSON per epoch."""
    _write(folder / METRICS, "".join(json.dumps(row) + "\n" for row in history).encode())


def _reproducible(row: Row) -> Row:
    """The metrics that do not depend on the machine's speed."""
    return {k: v for k, v in row.items() if k not in ("seconds", "images_per_second")}


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path) as stream:
        stream.write(content)
