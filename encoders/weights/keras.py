"""Dense layers of a Keras HDF5 file, read with h5py without executing anything in the file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import EncoderError
from satclip_bench.core.extras import missing_package
from satclip_bench.encoders.weights.formats import require_format

Dense = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Kernel `(in, out)` and bias `(out,)` of a layer."""


def read_dense(path: Path, shapes: Sequence[tuple[int, int]]) -> tuple[Dense, ...]:
    """Read the dense layers of a file, in the order in which the file lists them.

    Keras itself fills a model from such a file by order and shape and ignores the names. If the
    file contains a whole model, only its weights are read.

    Args:
        path: file written by `save_weights` or `save` of Keras 1 or 2.
        shapes: shapes `(in, out)` of the expected kernels, in order.

    Raises:
        EncoderError: the file is missing or damaged, has another layout, or has other layers.
    """
    try:
        import h5py
    except ImportError as error:
        raise missing_package("h5py", f"to read {path}") from error
    require_format(path, "an HDF5 file")
    expected = [[shape, shape[1:]] for shape in shapes]
    try:
        with h5py.File(path, "r") as file:
            layers = _layers(file if "layer_names" in file.attrs else file["model_weights"])
            layout = {name: [stored.shape for stored in arrays] for name, arrays in layers}
            # A small file may claim arrays of any size, which are read only if they are expected.
            if [[stored.shape for stored in arrays] for _, arrays in layers] != expected:
                raise EncoderError(
                    f"{path} has the layers {layout}; expected kernels of shapes {list(shapes)} "
                    "and their biases, in this order"
                )
            kernels = [[_float32(stored) for stored in arrays] for _, arrays in layers]
    except (OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise EncoderError(
            f"{path} is truncated or damaged, or not a file of Keras weights: "
            f"{type(error).__name__}: {error}"
        ) from error
    return tuple((kernel, bias) for kernel, bias in kernels)


def _layers(group: Any) -> list[tuple[str, list[Any]]]:
    """Names of the layers that have weights, and their stored arrays, which are not yet read."""
    layers = []
    for layer in map(_text, group.attrs["layer_names"]):
        arrays = group[layer]
        names = [_text(name) for name in arrays.attrs["weight_names"]]
        if names:
            layers.append((layer, [arrays[name] for name in names]))
    return layers


def _float32(stored: Any) -> NDArray[np.float32]:
    return np.asarray(stored, dtype=np.float32)


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name
