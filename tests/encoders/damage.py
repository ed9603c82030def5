"""Files of tensors that do not fit an encoder, or are damaged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from tests.encoders.tensor_files import reckoned_tensors


def changed(
    shapes: Mapping[str, tuple[int, ...]],
    change: Mapping[str, tuple[int, ...] | None],
    folder: Path,
) -> Path:
    """A file of tensors of these shapes, where `change` adds, reshapes or (None) removes some."""
    from safetensors.torch import save_file

    tensors = reckoned_tensors(shapes)
    for name, shape in change.items():
        tensors.pop(name, None)
        if shape is not None:
            tensors[name] = torch.zeros(shape)
    path = folder / "x.safetensors"
    save_file(tensors, path)
    return path


def truncated(weights: Path, folder: Path) -> Path:
    """A copy of a file of tensors in `folder`, without its last 500 bytes."""
    path = folder / "x.safetensors"
    path.write_bytes(weights.read_bytes()[:-500])
    return path
