"""Pseudo-random tensors that are the same everywhere, and the released code's results on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from satclip_bench.encoders.check import CORNERS


def reckoned_tensors(
    shapes: Mapping[str, tuple[int, ...]], seed: int = 0
) -> dict[str, torch.Tensor]:
    """Float32 tensors, uniform like a SIREN's initial weights: within 1/n for layers over
    coordinates, within sqrt(6/n) for others, n the layer's inputs; biases within 0.1.

    The raw numbers of a bit generator stay the same between NumPy's versions.
    """
    generator = np.random.PCG64(seed)
    tensors = {}
    for name, shape in shapes.items():
        columns = shape[-1]
        bound = 0.1 if len(shape) < 2 else 1 / columns if columns <= 4 else np.sqrt(6 / columns)
        raw = np.asarray(generator.random_raw(int(np.prod(shape))))
        uniform = (raw >> np.uint64(11)).astype(np.float64) / 2**52 - 1
        tensors[name] = torch.from_numpy((uniform * bound).astype(np.float32).reshape(shape))
    return tensors


def moments(rows: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """One number per row that depends on all of its columns."""
    product: NDArray[np.float64] = rows.astype(np.float64) @ np.sin(np.arange(rows.shape[1]))
    return product


ORACLE: dict[str, Any] = json.loads(
    (Path(__file__).parent / "oracles" / "learned.json").read_text()
)
"""Results of the released code on these tensors; the header of the file says how it was made."""

LONLAT: NDArray[np.float64] = np.array(ORACLE["lonlat"])


def same_as_released(result: NDArray[np.float32], name: str, tolerance: float) -> None:
    """Assert that an embedding of `LONLAT` equals the oracle's, each value to `tolerance`."""
    expected = ORACLE[name]
    assert result[:, :3] == pytest.approx(np.array([w["first"] for w in expected]), abs=tolerance)
    assert result.max(axis=1) == pytest.approx([w["largest"] for w in expected], abs=tolerance)
    assert result.argmax(axis=1).tolist() == [w["at"] for w in expected]
    # Each moment is a sum of as many errors of either sign as there are columns.
    reach = tolerance * np.sqrt(result.shape[1])
    assert moments(result) == pytest.approx([w["moment"] for w in expected], abs=reach)
    assert np.ptp(moments(result)) > 1000 * reach


def spread(n: int) -> NDArray[np.float64]:
    """Points spread over the sphere, and the poles, the antimeridian and the origin."""
    rng = np.random.default_rng(0)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    return np.concatenate([CORNERS, np.stack([rng.uniform(-180, 180, n), lat], axis=1)])


def plane(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Equal Earth coordinates from PROJ, times GeoCLIP's factor."""
    from pyproj import Proj

    projected = np.stack(Proj("+proj=eqearth +R=1")(*lonlat.T), axis=1)
    scaled: NDArray[np.float64] = projected * 66.50336 / 180
    return scaled


class Bomb:
    """An object that creates a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.mark), "w")
