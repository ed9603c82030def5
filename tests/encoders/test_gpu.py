"""Encoders with networks on a GPU: compared with the CPU where there is a GPU.

Without one, torch's device `meta` stands for it, whose tensors have no content: an operation on
tensors of both devices fails there as it would on a GPU.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from satclip_bench.core import device
from satclip_bench.encoders import LocationEncoder, encoder_card, get_encoder
from satclip_bench.encoders.weights import files
from tests.encoders.tensor_files import spread
from tests.rehearsal import write_content

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
"""Largest difference of an embedding, relative to its largest value."""


@pytest.fixture(autouse=True)
def _made_up_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accept weights files that are not the published ones."""
    monkeypatch.setattr(files, "require_sha256", lambda *_: None)


def make(name: str, folder: Path) -> LocationEncoder:
    """The encoder, with made-up weights unless its weights ship with the package."""
    weights = encoder_card(name).weights
    if weights is None or name.startswith("satclip-bluemarble"):
        return get_encoder(name)
    write_content(weights.file, folder / weights.file, folder)
    return get_encoder(name, weights=folder / weights.file)


@pytest.mark.parametrize("name", TOLERANCES)
def test_all_of_a_network_is_computed_on_one_device(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = make(name, tmp_path)
    encoder.encode(POINTS[:2])
    monkeypatch.setattr(device, "existing_device", lambda name: torch.device("meta"))
    # Only copying the result back fails, after all operations have run.
    with (
        device.use_device("cuda"),
        pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"),
    ):
        encoder.encode(POINTS[:2])


@pytest.mark.skipif(not device.gpu_available(), reason="there is no GPU")
@pytest.mark.parametrize(("name", "tolerance"), TOLERANCES.items())
def test_embeddings_of_both_devices_agree(name: str, tolerance: float, tmp_path: Path) -> None:
    encoder = make(name, tmp_path)
    with device.use_device("cpu"):
        expected = encoder.encode(POINTS)
    with device.use_device("cuda"):
        result = encoder.encode(POINTS)
        in_batches = encoder.encode(POINTS, batch_size=77)
    bound = tolerance * float(np.abs(expected).max())
    assert np.abs(result - expected).max() <= bound
    assert np.abs(in_batches - result).max() <= bound
