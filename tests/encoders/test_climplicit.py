"""Climplicit, compared with its released code, and point by point with its equations in float64.

The released weights have not been at hand: the cards say `verified: false`.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from satclip_bench.core.errors import EncoderError, UnknownNameError
from satclip_bench.encoders import check_encoder
from satclip_bench.encoders.climplicit import (
    VARIANTS,
    DatedClimplicit,
    from_variant,
    network_shapes,
)
from tests.encoders.damage import changed, truncated
from tests.encoders.tensor_files import LONLAT, reckoned_tensors, same_as_released, spread

save_file = pytest.importorskip("safetensors.torch").save_file

REGRESSOR: dict[str, tuple[int, ...]] = {
    "chelsa_regressor.weight": (11, 256),
    "chelsa_regressor.bias": (11,),
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("climplicit") / "model.safetensors"
    save_file(reckoned_tensors(network_shapes() | REGRESSOR), path)
    return path


def naive(lonlat: NDArray[np.float64], month: int) -> NDArray[np.float64]:
    """Embedding point by point; the residual is the argument of the sine before."""
    tensors = reckoned_tensors(network_shapes())
    t = {name.removeprefix("location_encoder."): v.double().numpy() for name, v in tensors.items()}
    angle = math.pi * month / 6
    rows = []
    for lon, lat in lonlat:
        x = np.array([lon / 180, lat / 90, math.sin(angle), math.cos(angle)])
        inner = t["layers.0.weight"] @ x + t["layers.0.bias"]
        x = np.sin(30 * np.sinh(2 * inner))
        for n in range(1, 16):
            inner = (t[f"layers.{n}.weight"] @ x + t[f"layers.{n}.bias"] + inner) / 2
            x = np.sin(inner)
        rows.append(t["last_layer.weight"] @ x + t["last_layer.bias"])
    return np.array(rows)


@pytest.mark.parametrize("variant", ["seasons", "month-4"])
def test_equal_to_the_released_code(weights: Path, variant: str) -> None:
    result = from_variant(variant, weights=weights).encode(LONLAT)
    same_as_released(result, f"climplicit.{variant}", tolerance=2e-6)


def test_equal_to_its_equations(weights: Path) -> None:
    lonlat = spread(50)
    for month in (1, 12):
        result = from_variant(f"month-{month}", weights=weights).encode(lonlat)
        assert np.abs(result - naive(lonlat, month)).max() < 1e-6


def test_the_seasons_are_four_months_side_by_side(weights: Path) -> None:
    seasons = from_variant("seasons", weights=weights).encode(LONLAT)
    assert seasons.shape == (len(LONLAT), 1024)
    months = [from_variant(f"month-{m}", weights=weights).encode(LONLAT) for m in (3, 6, 9, 12)]
    assert np.array_equal(seasons, np.concatenate(months, axis=1))
    assert np.abs(months[0] - months[1]).max() > 0.01


def test_each_point_has_the_month_that_it_is_given(weights: Path) -> None:
    months = np.arange(len(LONLAT)) % 12 + 1
    dated = DatedClimplicit(weights)
    result = dated.encode(LONLAT, month=months)
    for month in (1, 6, 12):
        rows = months == month
        fixed = from_variant(f"month-{month}", weights=weights).encode(LONLAT)
        assert np.abs(result[rows] - fixed[rows]).max(initial=0) < 1e-6
    undated = from_variant("month-6", weights=weights).encode(LONLAT)
    assert np.abs(dated.encode(LONLAT) - undated).max() < 1e-6
    assert dated.card.time == {"month": 6}
    assert dated.card.parameters == {"months": "of each point, 6 without a date"}


@pytest.mark.parametrize("variant", ["seasons", "month-1", "dated"])
def test_it_obeys_the_contract(weights: Path, variant: str) -> None:
    encoder = from_variant(variant, weights=weights)
    assert encoder.card.verified is False
    check_encoder(encoder, points=60)


def test_it_is_torn_at_the_antimeridian(weights: Path) -> None:
    west, east = from_variant("month-7", weights=weights).encode([[-180, 10], [180, 10]])
    assert np.abs(west - east).max() > 0.01


def test_names() -> None:
    assert [from_variant(v).card.name for v in VARIANTS] == [f"climplicit.{v}" for v in VARIANTS]
    for bad in ("month-0", "month-13", "month-03", "march", ""):
        with pytest.raises(UnknownNameError, match="climplicit"):
            from_variant(bad)


def test_missing_weights_say_where_they_are() -> None:
    with pytest.raises(EncoderError, match=r"climplicit\.safetensors.*Jobedo/climplicit"):
        from_variant("seasons").encode([[0, 0]])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"location_encoder.layers.0.weight": (512, 2)}, r"layers\.0\.weight': \(512, 2\)"),
        (
            {"location_encoder.layers.16.bias": (512,)},
            r"unknown tensors \['location_encoder\.layers\.16",
        ),
        ({"location_encoder.last_layer.bias": None}, r"has no tensors .*last_layer\.bias"),
    ],
)
def test_tensors_that_do_not_fit_are_named(
    tmp_path: Path, change: dict[str, tuple[int, ...] | None], words: str
) -> None:
    path = changed(network_shapes(), change, tmp_path)
    with pytest.raises(EncoderError, match=words):
        from_variant("seasons", weights=path).encode([[0, 0]])


def test_a_truncated_file_is_an_error(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="damaged"):
        from_variant("seasons", weights=truncated(weights, tmp_path)).encode([[0, 0]])
