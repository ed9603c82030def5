"""TaxaBind, compared with the code that loads it and with its equations in float64.

The released weights have not been at hand: the card says `verified: false`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from satclip_bench.core.errors import EncoderError
from satclip_bench.encoders import check_encoder
from satclip_bench.encoders.geoclip import branch_shapes
from satclip_bench.encoders.taxabind import TaxaBind
from tests.encoders.branches import naive_branches, write_branches
from tests.encoders.damage import truncated
from tests.encoders.tensor_files import LONLAT, reckoned_tensors, same_as_released, spread

save_file = pytest.importorskip("safetensors.torch").save_file


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_branches(tmp_path_factory.mktemp("taxabind") / "model.safetensors", 3, 512)


def test_equal_to_the_released_code(weights: Path) -> None:
    same_as_released(TaxaBind(weights=weights).encode(LONLAT), "taxabind", tolerance=1e-5)


def test_equal_to_its_equations(weights: Path) -> None:
    lonlat = spread(40)
    result = TaxaBind(weights=weights).encode(lonlat)
    assert np.abs(result - naive_branches(lonlat, 3, 512)).max() < 2e-5


def test_it_obeys_the_contract(weights: Path) -> None:
    encoder = TaxaBind(weights=weights)
    assert encoder.card.native_order == "lat, lon"
    assert "inaturalist" in encoder.card.contaminates
    assert encoder.card.verified is False
    check_encoder(encoder, points=60)


def test_it_is_torn_at_the_antimeridian_and_at_the_poles(weights: Path) -> None:
    west, east, north, turned = TaxaBind(weights=weights).encode(
        [[-180, 10], [180, 10], [0, 90], [120, 90]]
    )
    assert np.abs(west - east).max() > 0.1
    assert np.abs(north - turned).max() > 0.1


def test_missing_weights_say_where_they_are() -> None:
    with pytest.raises(EncoderError, match=r"taxabind-ecogeo\.safetensors.*MVRL/ecogeo"):
        TaxaBind().encode([[0, 0]])


def test_tensors_that_do_not_fit_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    whole = reckoned_tensors(branch_shapes(3, 512))
    save_file({k: v for k, v in whole.items() if k != "LocEnc1.head.0.bias"}, path)
    with pytest.raises(EncoderError, match=r"has no tensors \['LocEnc1\.head\.0\.bias'\]"):
        TaxaBind(weights=path).encode([[0, 0]])
    save_file(whole | {"LocEnc0.capsule.0.b": whole["LocEnc0.capsule.0.b"][:7].clone()}, path)
    with pytest.raises(EncoderError, match=r"'LocEnc0\.capsule\.0\.b': \(7, 2\)"):
        TaxaBind(weights=path).encode([[0, 0]])
    write_branches(path, 4, 512)
    with pytest.raises(EncoderError, match=r"unknown tensors \['LocEnc3"):
        TaxaBind(weights=path).encode([[0, 0]])


def test_a_truncated_file_is_an_error(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="damaged"):
        TaxaBind(weights=truncated(weights, tmp_path)).encode([[0, 0]])
