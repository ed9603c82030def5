"""Tensors that look random and are the same everywhere, and what released code makes of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pyproj import Proj

from satclip_bench.encoders.check import CORNERS


def reckoned_tensors(
    shapes: Mapping[str, tuple[int, ...]], seed: int = 0
) -> dict[str, torch.Tensor]:
    """Float32 tensors, uniform as a SIREN begins: within 1/n for layers over coordinates, within
    sqrt(6/n) for others, n the layer's inputs; biases within 0.1.

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
    """A number for each row that any of its columns changes."""
    product: NDArray[np.float64] = rows.astype(np.float64) @ np.sin(np.arange(rows.shape[1]))
    return product


ORACLE: dict[str, Any] = json.loads(
    (Path(__file__).parent / "oracles" / "learned.json").read_text()
)
"""What released code gives on such tensors; its header says how it was made."""

LONLAT: NDArray[np.float64] = np.array(ORACLE["lonlat"])


def same_as_released(found: NDArray[np.float32], name: str, tolerance: float) -> None:
    """Assert that an embedding of `LONLAT` is the oracle's, each value to `tolerance`."""
    wanted = ORACLE[name]
    assert found[:, :3] == pytest.approx(np.array([w["first"] for w in wanted]), abs=tolerance)
    assert found.max(axis=1) == pytest.approx([w["largest"] for w in wanted], abs=tolerance)
    assert found.argmax(axis=1).tolist() == [w["at"] for w in wanted]
    # Sums of as many errors, of either sign.
    reach = tolerance * np.sqrt(found.shape[1])
    assert moments(found) == pytest.approx([w["moment"] for w in wanted], abs=reach)
    assert np.ptp(moments(found)) > 1000 * reach


def spread(n: int) -> NDArray[np.float64]:
    """Points all over the sphere, and poles, the antimeridian and the origin."""
    rng = np.random.default_rng(0)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    return np.concatenate([CORNERS, np.stack([rng.uniform(-180, 180, n), lat], axis=1)])


def plane(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Equal Earth by PROJ, times GeoCLIP's factor."""
    projected = np.stack(Proj("+proj=eqearth +R=1")(*lonlat.T), axis=1)
    scaled: NDArray[np.float64] = projected * 66.50336 / 180
    return scaled


class Bomb:
    """Unpickling this makes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.mark), "w")
