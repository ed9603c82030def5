"""Tensors by name: read from a safetensors file, and compared with what a network needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from satclip_bench.core.errors import EncoderError
from satclip_bench.core.extras import missing_package
from satclip_bench.encoders.weights.files import first_line
from satclip_bench.encoders.weights.formats import require_format

if TYPE_CHECKING:
    import torch

Shapes = Mapping[str, tuple[int, ...]]


def load_safetensors(path: Path) -> dict[str, torch.Tensor]:
    """Read the tensors of a safetensors file, by name, on the CPU. The format contains no code.

    Raises:
        EncoderError: the file is damaged or another kind of file, or the package that reads it
            is not installed.
    """
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise missing_package("safetensors", f"to read {path}") from error
    require_format(path, "a safetensors file")
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise EncoderError(
            f"{path} is truncated or damaged, or not a safetensors file: {first_line(error)}"
        ) from error


def require_tensors(
    tensors: Mapping[str, torch.Tensor], shapes: Shapes, where: str, spare: Collection[str] = ()
) -> dict[str, torch.Tensor]:
    """Select the tensors that a network needs, in float32, and check their shapes.

    Args:
        tensors: tensors of a checkpoint, by name.
        shapes: shapes of the required tensors, by name.
        where: name of the checkpoint in messages.
        spare: names of tensors that the checkpoint may also have; they are not used.

    Raises:
        EncoderError: tensors are missing, unknown, complex or of another shape; the message names
            them.
    """
    absent = sorted(shapes.keys() - tensors.keys())
    unknown = sorted(tensors.keys() - shapes.keys() - set(spare))
    if absent or unknown:
        differences = [f"has no tensors {absent}"] if absent else []
        differences += [f"has unknown tensors {unknown}"] if unknown else []
        raise EncoderError(f"{where} {' and '.join(differences)}")
    wrong = {
        name: tuple(tensors[name].shape)
        for name, shape in shapes.items()
        if tuple(tensors[name].shape) != shape
    }
    if wrong:
        expected = {name: shapes[name] for name in wrong}
        raise EncoderError(f"{where} has tensors of shapes {wrong}; they should have {expected}")
    if numbers := sorted(name for name in shapes if tensors[name].is_complex()):
        raise EncoderError(f"{where} has complex numbers in {numbers}; weights should be real")
    return {name: tensors[name].float() for name in shapes}


def linear_shapes(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    """Shapes of a linear layer's tensors: `<name>.weight` and `<name>.bias`.

    >>> linear_shapes("head", 4, 2)
    {'head.weight': (2, 4), 'head.bias': (2,)}
    """
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}
