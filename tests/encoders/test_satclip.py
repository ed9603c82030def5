"""SatCLIP on random weights, compared with the released code in `rangegeo`.

The released checkpoints have not been at hand: the cards say `verified: false`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from rangegeo.satclip.load import load_satclip_location_encoder
from rangegeo.satclip.location_encoder import get_neural_network
from rangegeo.satclip.positional_encoding.spherical_harmonics import (
    SphericalHarmonics as HarmonicsOracle,
)
from scipy.special import sph_legendre_p_all

from satclip_bench.core.errors import EncoderError, UnknownNameError
from satclip_bench.core.files import sha256_file
from satclip_bench.encoders import check_encoder, get_encoder
from satclip_bench.encoders.layers.harmonics_siren import satclip_basis
from satclip_bench.encoders.layers.satclip_polynomials import released_basis
from satclip_bench.encoders.satclip import VARIANTS, Numerics, SatCLIP


def checkpoint(
    folder: Path,
    degrees: int,
    change: dict[str, Any] | None = None,
    extra: object = None,
    capacity: int = 64,
) -> Path:
    """Write a file in the released layout with random weights."""
    torch.manual_seed(degrees)
    net = get_neural_network("siren", degrees**2, 256, capacity, 2).double()
    state = OrderedDict(
        (f"model.location.nnet.{name}", tensor.detach().clone())
        for name, tensor in net.state_dict().items()
    )
    state["model.visual.conv1.weight"] = torch.zeros(3, 3)
    state["model.logit_scale"] = torch.zeros(())
    settings = {
        "le_type": "sphericalharmonics",
        "pe_type": "siren",
        "legendre_polys": degrees,
        "harmonics_calculation": "analytic",
        "min_radius": 1,
        "max_radius": 360,
        "frequency_num": 16,
        "embed_dim": 256,
        "capacity": capacity,
        "num_hidden_layers": 2,
        "vision_layers": "moco_vit16",
    } | (change or {})
    path = folder / f"l{degrees}.ckpt"
    content = {"state_dict": state, "hyper_parameters": settings, "epoch": 3}
    torch.save(content if extra is None else content | {"extra": extra}, path)
    return path


def spread(n: int, reach: float = 90) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    top = np.sin(np.radians(reach))
    lat = np.degrees(np.arcsin(rng.uniform(-top, top, n)))
    return np.stack([rng.uniform(-180, 180, n), lat], axis=1)


CORNERS = np.array([[0, 0], [180, 0], [-180, 0], [33, 90], [0, -90], [10, 89.999], [-180, -45.5]])


def oracle_embedding(path: Path, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Embedding by the released code in `rangegeo`, in float64."""
    with torch.no_grad():
        found: NDArray[np.float64] = (
            load_satclip_location_encoder(path)(torch.from_numpy(lonlat)).double().numpy()
        )
    return found


def float64_embedding(path: Path, lonlat: NDArray[np.float64], degrees: int) -> Any:
    """Embedding by scipy's harmonics and NumPy's products, in float64."""
    tensors = torch.load(path, weights_only=True)["state_dict"]
    nnet = {k.removeprefix("model.location.nnet."): v.numpy() for k, v in tensors.items()}
    x = scipy_basis(lonlat, degrees)
    x = np.sin(30 * (x @ nnet["layers.0.weight"].T + nnet["layers.0.bias"]))
    x = np.sin(x @ nnet["layers.1.weight"].T + nnet["layers.1.bias"])
    return x @ nnet["last_layer.weight"].T + nnet["last_layer.bias"]


def scipy_basis(lonlat: NDArray[np.float64], degrees: int) -> NDArray[np.float64]:
    """Y_lm at phi = lon + 180, theta = lat + 90 degrees, no phase, order 0 times pi."""
    phi, theta = np.radians(lonlat[:, 0] + 180), np.radians(lonlat[:, 1] + 90)
    legendre = sph_legendre_p_all(degrees - 1, degrees - 1, theta)[0]
    columns = []
    for degree in range(degrees):
        for m in range(-degree, degree + 1):
            wave = np.pi if m == 0 else np.sqrt(2) * (-1) ** abs(m)
            wave = wave * (np.cos(m * phi) if m >= 0 else np.sin(-m * phi))
            columns.append(wave * legendre[degree, abs(m)])
    return np.stack(columns, axis=1)


@pytest.mark.parametrize(("degrees", "reach"), [(10, 90.0), (40, 30.0)])
def test_equal_to_the_released_code_where_that_keeps_its_digits(
    tmp_path: Path, degrees: int, reach: float
) -> None:
    path = checkpoint(tmp_path, degrees)
    lonlat = spread(300, reach)
    expected = oracle_embedding(path, lonlat)
    exact = get_encoder(f"satclip.vit16-l{degrees}-float64", weights=path).encode(lonlat)
    assert np.abs(exact - expected).max() < 1e-6
    fast = get_encoder(f"satclip.vit16-l{degrees}", weights=path).encode(lonlat)
    assert np.abs(fast - expected).max() < 1e-5


@pytest.mark.parametrize("degrees", [10, 40])
def test_the_released_digits_can_be_had_everywhere(tmp_path: Path, degrees: int) -> None:
    lonlat = np.concatenate([CORNERS, spread(320 - len(CORNERS))])
    oracle = HarmonicsOracle(degrees)
    with torch.no_grad():
        expected = oracle(torch.from_numpy(lonlat)).numpy()
    assert np.array_equal(released_basis(lonlat, degrees), expected), "the same bits"
    path = checkpoint(tmp_path, degrees)
    encoder = SatCLIP(f"vit16-l{degrees}", path, numerics="released")
    assert np.abs(encoder.forward(lonlat) - oracle_embedding(path, lonlat)).max() < 1e-10
    if degrees == 40:
        lost = np.abs(expected - satclip_basis(lonlat, degrees)).max(axis=1)
        assert lost[np.abs(lonlat[:, 1]) > 60].max() > 0.1, "what the note says of the poles"


@pytest.mark.parametrize("degrees", [10, 40])
def test_the_embedding_against_an_evaluation_in_float64(tmp_path: Path, degrees: int) -> None:
    path = checkpoint(tmp_path, degrees, capacity=512)
    lonlat = np.concatenate([CORNERS, spread(300)])
    expected = float64_embedding(path, lonlat, degrees)
    exact = SatCLIP(f"resnet18-l{degrees}", path, numerics="float64").forward(lonlat)
    assert exact.dtype == np.float64
    assert np.abs(exact - expected).max() < 1e-10
    fast = SatCLIP(f"resnet18-l{degrees}", path).forward(lonlat)
    assert fast.dtype == np.float32
    assert np.abs(fast - expected).max() < 1e-5


def test_the_basis_against_fifty_digits() -> None:
    """At and near the poles and at the antimeridian, compared with mpmath's spherical harmonics."""
    rng = np.random.default_rng(0)
    found = satclip_basis(CORNERS, 40)
    with mpmath.workdps(50):
        for degree, m in [(39, 0), (39, 39), (39, 1), *random_orders(rng, 60)]:
            for row, (lon, lat) in enumerate(CORNERS):
                phi, theta = mpmath.radians(lon + 180), mpmath.radians(lat + 90)
                y = mpmath.spherharm(degree, abs(m), theta, phi)
                part = mpmath.re(y) if m >= 0 else mpmath.im(y)
                factor = mpmath.pi if m == 0 else mpmath.sqrt(2) * (-1) ** m
                off = found[row, degree * degree + degree + m] - float(factor * part)
                assert abs(off) < 1e-10, (degree, m, lon, lat)


def random_orders(rng: np.random.Generator, n: int) -> list[tuple[int, int]]:
    degrees = rng.integers(1, 40, n)
    return [(int(k), int(rng.integers(-k, k + 1))) for k in degrees]


@pytest.mark.parametrize("degrees", [1, 2, 10, 40, 100])
def test_the_basis_against_scipy_at_the_released_angles(degrees: int) -> None:
    lonlat = np.concatenate([CORNERS, spread(50)])
    found = satclip_basis(lonlat, degrees)
    assert np.abs(found - scipy_basis(lonlat, degrees)).max() < 1e-10
    assert found[0, 0] == pytest.approx(0.886226925452758)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_obeys_the_contract_on_random_weights(tmp_path: Path, variant: str) -> None:
    path = checkpoint(tmp_path, int(variant.rpartition("-l")[2]))
    encoder = get_encoder(f"satclip.{variant}", weights=path)
    assert encoder.card.verified is False
    check_encoder(encoder)


@pytest.mark.parametrize("numerics", ["float64", "released"])
def test_every_precision_obeys_the_contract(tmp_path: Path, numerics: Numerics) -> None:
    encoder = get_encoder("satclip.vit16-l40", weights=checkpoint(tmp_path, 40), numerics=numerics)
    assert encoder.card.parameters["numerics"] == numerics
    check_encoder(encoder, points=20)


def test_the_hash_is_of_the_checkpoint_that_is_used(tmp_path: Path) -> None:
    from satclip_bench.benchmarks.runs.embeddings import weights_sha256

    path = checkpoint(tmp_path, 10)
    assert weights_sha256(get_encoder("satclip.vit16-l10", weights=path)) == sha256_file(path)
    published = get_encoder("satclip.vit16-l10")
    assert published.card.weights is not None
    assert weights_sha256(published) == published.card.weights.sha256


def test_missing_weights_say_where_they_are_and_go() -> None:
    with pytest.raises(EncoderError) as caught:
        get_encoder("satclip.vit16-l40").encode([[0, 0]])
    for part in ("satclip-vit16-l40.ckpt", "huggingface.co/microsoft/SatCLIP-ViT16-L40", "by hand"):
        assert part in str(caught.value)


def test_memory_is_bounded_by_the_batch(tmp_path: Path) -> None:
    """Only the result grows with the points: 1 KB per point, not 6.4 KB of harmonics."""
    path = checkpoint(tmp_path, 40)
    code = (
        "import resource, sys, numpy as np\n"
        "from satclip_bench.encoders import get_encoder\n"
        "encoder = get_encoder('satclip.vit16-l40', weights=sys.argv[1])\n"
        "encoder.encode(np.zeros((1000, 2)))\n"
        "encoder.encode(np.zeros((int(sys.argv[2]), 2)))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    root = Path(__file__).parents[2]
    peak = {
        n: int(
            subprocess.run(
                [sys.executable, "-c", code, str(path), str(n)],
                cwd=root,
                capture_output=True,
                check=True,
            ).stdout
        )
        for n in (20_000, 120_000)
    }
    assert peak[120_000] - peak[20_000] < 2 * 100_000 * 256 * 4 / 1024


def test_unknown_numerics() -> None:
    with pytest.raises(EncoderError, match="float32, float64, released, not 'float16'"):
        get_encoder("satclip.vit16-l40", numerics="float16")
    assert get_encoder("satclip.vit16-l40-released").card.name == "satclip.vit16-l40-released"


def test_unknown_variants() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean 'satclip\.vit16-l40'"):
        get_encoder("satclip.vit16-l41")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"legendre_polys": 11}, "legendre_polys=11; satclip.vit16-l10 needs 10"),
        ({"le_type": "grid"}, "le_type='grid'"),
        ({"pe_type": "fcnet"}, "pe_type='fcnet'"),
        ({"embed_dim": 512}, "embed_dim=512"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    path = checkpoint(tmp_path, 10, change)
    with pytest.raises(EncoderError, match=words):
        get_encoder("satclip.vit16-l10", weights=path).encode([[0, 0]])


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        ("layers.0.weight", None, r"tensors \['layers\.0\.weight'\] are missing"),
        ("layers.1.bias", (3,), "nnet.layers.1 has shapes"),
        ("layers.0.weight", (64, 99), "should take 100 columns"),
        ("gate", (1,), r"\['gate'\] are unknown"),
    ],
)
def test_tensors_that_do_not_fit_are_named(
    tmp_path: Path, name: str, shape: tuple[int, ...] | None, words: str
) -> None:
    path = checkpoint(tmp_path, 10)
    content = torch.load(path, weights_only=True)
    if shape is None:
        del content["state_dict"][f"model.location.nnet.{name}"]
    else:
        content["state_dict"][f"model.location.nnet.{name}"] = torch.zeros(shape)
    torch.save(content, path)
    with pytest.raises(EncoderError, match=words):
        get_encoder("satclip.vit16-l10", weights=path).encode([[0, 0]])


def test_what_lightning_writes_besides_is_harmless(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, 10, extra=argparse.Namespace(path=Path("/x"), n=1))
    get_encoder("satclip.vit16-l10", weights=path).encode([[0, 0]])


class Bomb:
    """An object that creates a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.mark), "w")


def test_a_checkpoint_that_would_execute_code_is_refused_by_name(tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    path = checkpoint(tmp_path, 10, extra=Bomb(mark))
    with pytest.raises(EncoderError, match=r"io\.open|open"):
        get_encoder("satclip.vit16-l10", weights=path).encode([[0, 0]])
    assert not mark.exists()


def test_a_truncated_checkpoint_is_an_error(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, 10)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(EncoderError, match="damaged"):
        get_encoder("satclip.vit16-l10", weights=path).encode([[0, 0]])


def test_an_embedding_is_nobody_elses(tmp_path: Path) -> None:
    encoder = get_encoder("satclip.vit16-l10", weights=checkpoint(tmp_path, 10))
    first = encoder.encode(CORNERS)
    kept = first.copy()
    assert first.flags.c_contiguous
    first[:] = 0
    np.testing.assert_array_equal(encoder.encode(CORNERS), kept)
    np.testing.assert_allclose(encoder.encode(CORNERS, batch_size=3), kept, atol=1e-5)
