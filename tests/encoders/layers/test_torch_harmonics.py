"""Harmonics and SIREN by torch, compared with NumPy's: on the CPU here, and on a GPU if any."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from satclip_bench.core.device import gpu_available, use_device
from satclip_bench.encoders.layers import torch_harmonics
from satclip_bench.encoders.layers.harmonics_siren import HarmonicsSiren, Precision
from satclip_bench.encoders.layers.siren import random_siren
from satclip_bench.encoders.layers.spherical_harmonics import Recurrence, real_harmonics
from satclip_bench.encoders.layers.torch_harmonics import TorchHarmonics
from tests.encoders.tensor_files import spread

GPU = pytest.param("cuda", marks=pytest.mark.skipif(not gpu_available(), reason="there is no GPU"))

POINTS = spread(300)


def network(degrees: int) -> HarmonicsSiren:
    return HarmonicsSiren(random_siren((degrees**2, 64, 64, 32), 0), degrees, "float64")


@pytest.mark.parametrize("device", ["cpu", GPU])
@pytest.mark.parametrize("degrees", [1, 2, 10, 40, 200])
def test_the_harmonics_are_those_of_numpy(degrees: int, device: str) -> None:
    harmonics = TorchHarmonics(Recurrence(degrees), torch.device(device))
    result = harmonics(torch.from_numpy(POINTS), torch.float64).cpu().numpy()
    assert np.abs(result.T - real_harmonics(POINTS, degrees)).max() < 1e-12
    single = harmonics(torch.from_numpy(POINTS), torch.float32).cpu().numpy()
    assert np.array_equal(single, result.astype(np.float32))


@pytest.mark.parametrize("device", ["cpu", GPU])
@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-10), ("float32", 2e-5)])
@pytest.mark.parametrize("degrees", [3, 40])
def test_the_network_is_that_of_numpy(
    degrees: int, precision: Precision, tolerance: float, device: str
) -> None:
    siren = random_siren((degrees**2, 64, 64, 32), 0)
    ours = HarmonicsSiren(siren, degrees, precision)
    by_torch = ours.on(torch.device(device))
    result, expected = by_torch(POINTS), ours(POINTS)
    assert result.dtype == expected.dtype
    assert np.abs(result - expected).max() < tolerance * expected.std()
    assert by_torch(POINTS[:0]).shape == (0, 32)


def test_blocks_bound_the_memory_and_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def embed() -> NDArray[np.floating[Any]]:
        ours = HarmonicsSiren(random_siren((100, 16, 4), 0), 10, "float64")
        return ours.on(torch.device("cpu"))(POINTS)

    whole = embed()
    monkeypatch.setattr(torch_harmonics, "BLOCK_VALUES", 100 * 7)
    assert np.abs(embed() - whole).max() < 1e-14


@pytest.mark.skipif(not gpu_available(), reason="there is no GPU")
def test_a_gpu_gives_the_rounded_embedding_of_the_cpu() -> None:
    encoder = network(40)
    expected = encoder(POINTS).astype(np.float32)
    with use_device("cuda"):
        result = encoder(POINTS).astype(np.float32)
    assert np.mean(result != expected) < 1e-4
    np.testing.assert_allclose(result, expected, rtol=2e-7, atol=1e-12)
