"""Random files in the layouts of RANGE: SatCLIP's checkpoint and the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from satclip_bench.encoders.satclip import SatCLIP
from tests.encoders.test_satclip import checkpoint, spread

ROWS = 150


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("satclip"), 40)


@pytest.fixture(scope="session")
def arrays(weights: Path) -> dict[str, NDArray[np.float64]]:
    """Arrays as generate_db.py writes them: float64, of any length, longitude first."""
    rng = np.random.default_rng(3)
    locs = spread(ROWS)
    # Close to SatCLIP's embeddings of the places, so that some are much more similar than others.
    keys = SatCLIP("vit16-l40", weights).forward(locs).astype(np.float64)
    keys += rng.normal(scale=0.3 * keys.std(), size=keys.shape)
    keys *= rng.uniform(0.5, 20, (ROWS, 1))
    return {
        "locs": locs,
        "image_embeddings": rng.normal(scale=0.5, size=(ROWS, 1024)),
        "satclip_embeddings": keys,
    }


@pytest.fixture(scope="session")
def database(arrays: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(arrays, tmp_path_factory.mktemp("database"))


def written(arrays: dict[str, Any], folder: Path) -> Path:
    path = folder / "range_db.npz"
    np.savez(path, allow_pickle=True, **arrays)
    return path


def apart(a: NDArray[Any], b: NDArray[Any]) -> float:
    assert a.shape == b.shape
    return float(np.abs(a - b).max())
