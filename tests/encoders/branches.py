"""Reference implementation of GeoCLIP's architecture in float64, and files of such networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from satclip_bench.encoders.geoclip import branch_shapes
from tests.encoders.tensor_files import plane, reckoned_tensors


def write_branches(path: Path, scales: int, width: int) -> Path:
    """Write a safetensors file of the released layout."""
    save_file = pytest.importorskip("safetensors.torch").save_file
    save_file(reckoned_tensors(branch_shapes(scales, width)), path)
    return path


def naive_branches(
    lonlat: NDArray[np.float64], scales: int, width: int, outputs: int | None = None
) -> NDArray[np.float64]:
    """The sum of the MLPs over the Fourier features of PROJ's Equal Earth plane."""
    tensors = reckoned_tensors(branch_shapes(scales, width, outputs))
    t = {name: tensor.double().numpy() for name, tensor in tensors.items()}
    rows = []
    for point in plane(lonlat):
        total = np.zeros(width if outputs is None else outputs)
        for i in range(scales):
            turns = 2 * np.pi * t[f"LocEnc{i}.capsule.0.b"] @ point
            x = np.concatenate([np.cos(turns), np.sin(turns)])
            for n in (1, 3, 5):
                name = f"LocEnc{i}.capsule.{n}"
                x = np.maximum(t[f"{name}.weight"] @ x + t[f"{name}.bias"], 0)
            total += t[f"LocEnc{i}.head.0.weight"] @ x + t[f"LocEnc{i}.head.0.bias"]
        rows.append(total)
    return np.array(rows)
