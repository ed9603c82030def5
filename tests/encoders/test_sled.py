"""SLED, compared with its package and with its equations in float64.

The released weights have not been at hand: the cards say `verified: false`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from satclip_bench.core.errors import EncoderError, UnknownNameError
from satclip_bench.encoders import check_encoder
from satclip_bench.encoders.geoclip import branch_shapes
from satclip_bench.encoders.sled import SLED, VARIANTS, from_variant
from tests.encoders.branches import naive_branches, write_branches
from tests.encoders.damage import truncated
from tests.encoders.tensor_files import LONLAT, reckoned_tensors, same_as_released, spread

save_file = pytest.importorskip("safetensors.torch").save_file


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_branches(tmp_path_factory.mktemp("sled") / "model.safetensors", 2, 768)


@pytest.mark.parametrize(("ending", "oracle"), [("", "sled"), ("-lonlat", "sled-lonlat")])
def test_equal_to_the_released_code(weights: Path, ending: str, oracle: str) -> None:
    result = from_variant(f"s2-ls{ending}", weights=weights).encode(LONLAT)
    same_as_released(result, oracle, tolerance=1e-5)


def test_equal_to_its_equations(weights: Path) -> None:
    lonlat = spread(40)
    result = from_variant("s1-s2-ls", weights=weights).encode(lonlat)
    assert np.abs(result - naive_branches(lonlat, 2, 768)).max() < 2e-5


@pytest.mark.parametrize("variant", [*VARIANTS, "s2-ls-lonlat"])
def test_it_obeys_the_contract(weights: Path, variant: str) -> None:
    encoder = from_variant(variant, weights=weights)
    assert encoder.card.name == f"sled.{variant}"
    assert encoder.card.verified is False
    check_encoder(encoder, points=40)


def test_the_documented_order_cannot_tell_half_of_the_world_from_the_other(weights: Path) -> None:
    points = [[30, 20], [150, 20], [-30, 20], [-150, 20]]
    e30, e150, w30, w150 = from_variant("s2-ls-lonlat", weights=weights).encode(points)
    assert e30 == pytest.approx(e150, abs=1e-4)
    assert w30 == pytest.approx(w150, abs=1e-4)
    assert np.abs(e30 - w30).max() > 0.1
    e30, e150, *_ = from_variant("s2-ls", weights=weights).encode(points)
    assert np.abs(e30 - e150).max() > 0.1


def test_names_and_orders() -> None:
    assert from_variant("s2-ls").card.native_order == "lat, lon"
    assert from_variant("s2-ls-lonlat").card.native_order == "lon, lat"
    assert SLED("s2-ls", order="lon, lat").card.name == "sled.s2-ls-lonlat"
    with pytest.raises(UnknownNameError, match=r"Did you mean 'sled\.s2-ls'"):
        from_variant("s2-l")
    wrong: Any = "latlon"
    with pytest.raises(EncoderError, match="order must be 'lat, lon' or 'lon, lat', not 'latlon'"):
        SLED("s2-ls", order=wrong)


def test_missing_weights_say_where_they_are() -> None:
    with pytest.raises(EncoderError, match=r"sled-s1-s2-ls\.safetensors.*geohai/sled-s1-s2-ls"):
        from_variant("s1-s2-ls").encode([[0, 0]])


def test_tensors_that_do_not_fit_are_named(tmp_path: Path) -> None:
    path = write_branches(tmp_path / "x.safetensors", 3, 768)
    with pytest.raises(EncoderError, match=r"unknown tensors \['LocEnc2"):
        from_variant("s2-ls", weights=path).encode([[0, 0]])
    write_branches(path, 2, 512)
    with pytest.raises(EncoderError, match=r"'LocEnc0\.capsule\.0\.b': \(256, 2\)"):
        from_variant("s2-ls", weights=path).encode([[0, 0]])
    whole = reckoned_tensors(branch_shapes(2, 768))
    save_file({k: v for k, v in whole.items() if k != "LocEnc1.capsule.5.bias"}, path)
    with pytest.raises(EncoderError, match=r"has no tensors \['LocEnc1\.capsule\.5\.bias'\]"):
        from_variant("s2-ls", weights=path).encode([[0, 0]])


def test_a_truncated_file_is_an_error(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="damaged"):
        from_variant("s2-ls", weights=truncated(weights, tmp_path)).encode([[0, 0]])
