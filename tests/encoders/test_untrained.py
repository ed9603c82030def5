"""Random Fourier features, sines, noise and the untrained SIREN."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_info, threadpool_limits

from satclip_bench.core.errors import EncoderError, UnknownNameError
from satclip_bench.core.sphere import EARTH_RADIUS_KM, unit_vectors
from satclip_bench.encoders import check_encoder, get_encoder
from satclip_bench.encoders.layers.harmonics_siren import satclip_basis
from satclip_bench.encoders.layers.siren import random_siren
from satclip_bench.encoders.untrained import mix_bits


def spread(n: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    return np.stack([rng.uniform(-180, 180, n), lat], axis=1)


def test_fourier_features_approximate_their_kernel() -> None:
    lonlat = spread(100)
    encoder = get_encoder("fourier", dimension=20_000, length_km=2000.0)
    result = encoder.encode(lonlat).astype(np.float64)
    distance = np.linalg.norm(unit_vectors(lonlat)[:, None] - unit_vectors(lonlat)[None], axis=2)
    kernel = np.exp(-((distance * EARTH_RADIUS_KM / 2000.0) ** 2) / 2)
    # The error of a mean of 10,000 cosines: four standard deviations of sqrt(1/2 / 10,000).
    assert np.abs(result @ result.T - kernel).max() < 4 * np.sqrt(0.5 / 10_000) + 0.005


def test_fourier_features_follow_their_seed() -> None:
    a, b = (get_encoder("fourier", seed=s).encode(spread(5)) for s in (0, 1))
    assert not np.allclose(a, b)
    assert np.array_equal(a, get_encoder("fourier").encode(spread(5)))


def test_sines_close_on_themselves() -> None:
    encoder = get_encoder("sines", scales=3)
    result = encoder.encode([[-180, 30], [180, 30], [40, 30]])
    assert np.abs(result[0] - result[1]).max() < 1e-5
    angles = np.radians([40, 80, 160, 30, 60, 120])
    assert np.abs(result[2] - np.concatenate([np.sin(angles), np.cos(angles)])).max() < 1e-6


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("fourier", {"dimension": 3}),
        ("fourier", {"length_km": 0.0}),
        ("sines", {"scales": 0}),
        ("sines", {"scales": 25}),
        ("random", {"dimension": 0}),
        ("random", {"seed": -1}),
    ],
)
def test_settings_that_cannot_be(name: str, options: dict[str, float]) -> None:
    with pytest.raises(EncoderError, match="need"):
        get_encoder(name, **options)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("fourier", {}),
        ("fourier", {"dimension": 64, "length_km": 50.0, "seed": 3}),
        ("sines", {}),
        ("sines", {"scales": 20}),
        ("random", {}),
        ("random", {"dimension": 1, "seed": 2**64 - 1}),
        ("siren.l3", {}),
        ("siren.l40", {"seed": 7}),
    ],
)
def test_all_obey_the_contract(name: str, options: dict[str, float]) -> None:
    check_encoder(get_encoder(name, **options))


def test_noise_is_uniform_and_knows_no_neighbours() -> None:
    result = get_encoder("random").encode(spread(2000))
    assert np.abs(result).max() <= 1
    assert abs(result.mean()) < 0.005
    assert abs(result.var() - 1 / 3) < 0.005
    near = get_encoder("random").encode([[10.0, 10.0], [10 + 1e-6, 10.0]])
    assert abs(float((near[0] * near[1]).mean())) < 0.1
    correlation = np.abs(np.corrcoef(result, rowvar=False) - np.eye(256))
    assert float(np.max(correlation)) < 6 / np.sqrt(2000)


def test_noise_is_of_the_place_and_not_of_how_it_is_written() -> None:
    encoder = get_encoder("random")
    result = encoder.encode([[0.0, 0.0], [-0.0, 0.0], [0.0, -0.0], [360.0, 0.0]])
    assert (result == result[0]).all()
    meridian = encoder.encode([[180, 5], [-180, 5]])
    assert np.array_equal(meridian[0], meridian[1])
    assert not np.array_equal(encoder.encode([[5, 7]]), encoder.encode([[7, 5]]))
    assert not np.array_equal(
        encoder.encode([[5, 7]]), get_encoder("random", seed=1).encode([[5, 7]])
    )


def test_the_mixing_function_is_splitmix64() -> None:
    """The first outputs for the state 1234567, as published with Java's SplittableRandom."""
    states = np.uint64(1234567) + np.uint64(0x9E3779B97F4A7C15) * np.arange(1, 6, dtype=np.uint64)
    assert mix_bits(states).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_the_untrained_siren_is_a_siren_over_satclips_harmonics() -> None:
    lonlat = spread(50)
    network = random_siren((100, 512, 512, 256), seed=4)
    x = satclip_basis(lonlat, 10)
    weights = [w.numpy() for w in network.weights]
    biases = [b.numpy() for b in network.biases]
    x = np.sin(30 * (x @ weights[0].T + biases[0]))
    x = np.sin(x @ weights[1].T + biases[1])
    expected = x @ weights[2].T + biases[2]
    result = get_encoder("siren.l10", seed=4).encode(lonlat)
    assert np.abs(result - expected).max() < 1e-5
    assert np.abs(result - get_encoder("siren.l10").encode(lonlat)).max() > 0.1


def test_calls_at_once_leave_the_process_as_it_was() -> None:
    encoder, lonlat = get_encoder("siren.l10"), spread(3000)
    expected = encoder.encode(lonlat)
    with ThreadPoolExecutor(4) as pool:
        result = list(pool.map(encoder.encode, [lonlat] * 8))
        assert all(np.array_equal(one, expected) for one in result)
        with threadpool_limits(2, user_api="blas"):
            before = [lib["num_threads"] for lib in threadpool_info()]
            list(pool.map(encoder.encode, [lonlat] * 8))
            assert [lib["num_threads"] for lib in threadpool_info()] == before


def test_initial_weights_are_those_of_the_paper() -> None:
    network = random_siren((100, 512, 512, 256), seed=0)
    for i, bound in enumerate((1 / 100, (6 / 512) ** 0.5, (6 / 512) ** 0.5)):
        weight = network.weights[i]
        assert weight.dtype == torch.float64
        assert 0.99 * bound < float(weight.abs().max()) <= bound
        assert abs(float(weight.mean())) < 0.01 * bound


@pytest.mark.parametrize("name", ["siren.l0", "siren.l201", "siren.x", "siren.l010"])
def test_unknown_sizes(name: str) -> None:
    with pytest.raises(UnknownNameError, match="number of degrees, 1 to 200"):
        get_encoder(name)
