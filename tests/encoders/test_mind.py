"""MIND, compared with its released code, and point by point with its equations.

The released weights have not been at hand: the cards say `verified: false`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from satclip_bench.core.errors import EncoderError, UnknownNameError
from satclip_bench.encoders import check_encoder
from satclip_bench.encoders.mind import VARIANTS, from_variant, network_shapes
from tests.encoders.damage import changed, truncated
from tests.encoders.tensor_files import LONLAT, plane, reckoned_tensors, same_as_released, spread

save_file = pytest.importorskip("safetensors.torch").save_file

WIDTH, DEPTH = 256, 12
"""Width of the tests' network; the released one has 3072 columns and as many layers."""


def shapes(width: int = WIDTH, depth: int = DEPTH) -> dict[str, tuple[int, ...]]:
    trunk = network_shapes(width, depth)
    return {"year_freqs": (8,)} | trunk | {"head.weight": (64, width), "head.bias": (64,)}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mind") / "mind.safetensors"
    save_file(reckoned_tensors(shapes()), path)
    return path


def naive(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Embedding point by point over PROJ's Equal Earth plane; each layer's sine is added."""
    t = {name: tensor.double().numpy() for name, tensor in reckoned_tensors(shapes()).items()}
    rows = []
    for point in plane(lonlat):
        x = np.sin(30 * (t["first.linear.weight"] @ point + t["first.linear.bias"]))
        for n in range(DEPTH):
            x = x + np.sin(t[f"blocks.{n}.linear.weight"] @ x + t[f"blocks.{n}.linear.bias"])
        rows.append(x)
    return np.array(rows)


def test_equal_to_the_released_code(weights: Path) -> None:
    # The released code works in float32, and twelve such layers leave about four digits.
    same_as_released(from_variant("256", weights=weights).encode(LONLAT), "mind", tolerance=5e-4)


def test_equal_to_its_equations(weights: Path) -> None:
    lonlat = spread(100)
    result = from_variant("256", weights=weights).encode(lonlat)
    assert np.abs(result - naive(lonlat)).max() < 1e-5


def test_narrow_ones_are_the_first_columns(weights: Path) -> None:
    whole = from_variant("256", weights=weights).encode(LONLAT)
    for variant in ("64", "128"):
        narrow = from_variant(variant, weights=weights).encode(LONLAT)
        assert np.array_equal(narrow, whole[:, : int(variant)])


def test_it_obeys_the_contract(weights: Path) -> None:
    encoder = from_variant("64", weights=weights)
    assert encoder.card.native_order == "lat, lon"
    assert encoder.card.verified is False
    check_encoder(encoder)


def test_the_released_width_in_half_precision(tmp_path: Path) -> None:
    halves = {k: v.half() for k, v in reckoned_tensors(shapes(3072, 1)).items()}
    path = tmp_path / "mind.safetensors"
    save_file(halves, path)
    result = from_variant("3072", weights=path).encode(LONLAT)
    assert result.shape == (len(LONLAT), 3072)
    assert result.dtype == np.float32
    assert np.ptp(result, axis=0).min() > 0


def test_it_is_torn_at_the_antimeridian_and_at_the_poles(weights: Path) -> None:
    west, east, north, turned = from_variant("64", weights=weights).encode(
        [[-180, 10], [180, 10], [0, 90], [120, 90]]
    )
    assert np.abs(west - east).max() > 0.1
    assert np.abs(north - turned).max() > 0.1


def test_names() -> None:
    assert [from_variant(v).card.dimension for v in VARIANTS] == [int(v) for v in VARIANTS]
    for bad in ("65", "064", "small", ""):
        with pytest.raises(UnknownNameError, match="mind"):
            from_variant(bad)


def test_missing_weights_say_where_they_are() -> None:
    with pytest.raises(EncoderError, match=r"mind\.safetensors.*taylor-geospatial/MIND"):
        from_variant("64").encode([[0, 0]])


def test_a_network_that_is_too_narrow_is_refused(weights: Path) -> None:
    with pytest.raises(EncoderError, match=r"has 256 columns; mind\.512 needs 512"):
        from_variant("512", weights=weights).encode([[0, 0]])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        # A network with the year as a further input.
        ({"first.linear.weight": (WIDTH, 18)}, r"'first\.linear\.weight': \(256, 18\)"),
        ({"blocks.12.linear.bias": (WIDTH,)}, r"unknown tensors \['blocks\.12\.linear\.bias'\]"),
        ({"blocks.4.linear.weight": None}, r"has no tensors .*'blocks\.4\.linear\.weight'"),
        ({"blocks.4.linear.bias": None}, r"has no tensors \['blocks\.4\.linear\.bias'\]"),
        ({"first.linear.bias": None}, r"'first\.linear\.bias'"),
    ],
)
def test_tensors_that_do_not_fit_are_named(
    tmp_path: Path, change: dict[str, tuple[int, ...] | None], words: str
) -> None:
    path = changed(shapes(), change, tmp_path)
    with pytest.raises(EncoderError, match=words):
        from_variant("64", weights=path).encode([[0, 0]])


def test_a_truncated_file_is_an_error(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="damaged"):
        from_variant("64", weights=truncated(weights, tmp_path)).encode([[0, 0]])
