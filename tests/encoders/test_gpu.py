"""Every encoder with a network on a GPU, compared with the CPU; skipped where there is no GPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from satclip_bench.core.device import gpu_available, use_device
from satclip_bench.encoders import encoder_card, get_encoder
from tests.encoders.tensor_files import spread
from tests.rehearsal import write_content

pytestmark = pytest.mark.skipif(not gpu_available(), reason="there is no GPU")

POINTS = spread(1000)

TOLERANCES = {
    # In float64, the difference is that of the last rounding to float32.
    "siren.l10": 2e-7,
    "satclip-bluemarble.l10": 2e-7,
    "satclip-bluemarble.l40": 2e-7,
    "satclip.vit16-l40-float64": 2e-7,
    "mind.64": 2e-7,
    # In float32, sums have another order.
    "satclip.vit16-l40": 1e-4,
    "geoclip": 1e-3,
    "taxabind": 1e-3,
    "sled.s2-ls": 1e-3,
    "sinr.an-full-1000": 1e-5,
    "csp.fmow": 1e-5,
    "torchspatial.sphere2vec-spherem-fmow": 1e-5,
    "climplicit.seasons": 1e-5,
}
"""Largest difference of an embedding, relative to the standard deviation of its values."""


@pytest.mark.parametrize(("name", "tolerance"), TOLERANCES.items())
def test_embeddings_of_both_devices_agree(name: str, tolerance: float, tmp_path: Path) -> None:
    options = {}
    weights = encoder_card(name).weights
    if weights is not None and not name.startswith("satclip-bluemarble"):
        write_content(weights.file, tmp_path / weights.file, tmp_path)
        options = {"weights": tmp_path / weights.file}
    encoder = get_encoder(name, **options)
    with use_device("cpu"):
        expected = encoder.encode(POINTS)
    with use_device("cuda"):
        result = encoder.encode(POINTS)
        in_batches = encoder.encode(POINTS, batch_size=77)
    scale = float(expected.std())
    assert np.abs(result - expected).max() <= tolerance * max(scale, float(np.abs(expected).max()))
    assert np.abs(in_batches - result).max() <= tolerance * scale
