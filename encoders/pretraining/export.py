"""What a pretraining leaves: the encoder in two formats, metrics and their curves."""

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
        folder: where everything is.
        history: a row of metrics for each epoch.
    """

    folder: Path
    history: tuple[Row, ...]

    @property
    def encoder(self) -> Path:
        """The safetensors file of the location encoder."""
        return self.folder / ENCODER


def released_settings(config: Location, vision: str = "") -> dict[str, Any]:
    """The hyper-parameters that a released checkpoint of this architecture has."""
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
    """Write the location encoder as safetensors, everything as a Lightning checkpoint, and metrics.

    The safetensors file holds the location encoder alone, in float32, and what its card says. The
    checkpoint has the layout of SatCLIP's: its code, and this package's `satclip`, load it.

    Raises:
        BenchError: a file cannot be written.
    """
    tensors = released_tensors(places.nnet, config.location)
    settings = released_settings(config.location, _VISION.get(config.image.kind, config.image.kind))
    about = {
        "name": config.name,
        "settings": settings,
        "normalise": config.location.normalise,
        "seen": pairs.seen,
        "licence": pairs.licence,
        "config": json.loads(as_json(config)),
        "data_sha256": pairs.sha256,
        "metrics": _lasting(trained.history[-1]),
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
    """Write a location encoder that `satclip_bench.encoders.satclip_retrained` reads.

    Args:
        path: the file.
        tensors: of the SIREN, in the released code's terms.
        about: its settings, and what its card says.
    """
    from safetensors.torch import save

    # One key: the order of several is not the same every time.
    metadata = {METADATA_KEY: json.dumps(about, sort_keys=True)}
    named = {f"{PREFIX}nnet.{k}": v.to(torch.float32).contiguous() for k, v in tensors.items()}
    _write(path, save(named, metadata))


def write_history(folder: Path, history: Sequence[Row]) -> None:
    """Write the metrics, a line of JSON for each epoch."""
    _write(folder / METRICS, "".join(json.dumps(row) + "\n" for row in history).encode())


def _lasting(row: Row) -> Row:
    """What is the same each time."""
    return {k: v for k, v in row.items() if k not in ("seconds", "images_per_second")}


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path) as stream:
        stream.write(content)
