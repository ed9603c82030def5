"""SINR, compared with its released code, and point by point with its equations in float64.

The released networks have not been at hand: the cards say `verified: false`.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from satclip_bench.core.errors import EncoderError, UnknownNameError
from satclip_bench.encoders import check_encoder
from satclip_bench.encoders.sinr import CLASSES, VARIANTS, from_variant, network_shapes
from tests.encoders.tensor_files import LONLAT, Bomb, reckoned_tensors, same_as_released, spread

PARAMS = {
    "model": "ResidualFCNet",
    "input_enc": "sin_cos",
    "depth": 4,
    "num_filts": 256,
    "input_dim": 4,
    "num_classes": 7,
    "class_to_taxa": [3, 1, 4, 15, 9, 2, 6],
    "device": "cuda",
    "lr": 0.0005,
}


def checkpoint(
    folder: Path,
    params: dict[str, Any] | None = None,
    tensors: dict[str, torch.Tensor] | None = None,
    **more: object,
) -> Path:
    """Write a checkpoint as the released training code saves it."""
    state = reckoned_tensors(network_shapes() | {CLASSES: (7, 256)})
    content = {"state_dict": state | (tensors or {}), "params": PARAMS | (params or {})}
    path = folder / "model.pt"
    torch.save(content | more, path)
    return path


def naive(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Features point by point, as described in the paper."""
    t = {
        name: tensor.double().numpy() for name, tensor in reckoned_tensors(network_shapes()).items()
    }
    rows = []
    for lon, lat in lonlat:
        a, b = math.pi * lon / 180, math.pi * lat / 90
        x = np.array([math.sin(a), math.sin(b), math.cos(a), math.cos(b)])
        x = np.maximum(t["feats.0.weight"] @ x + t["feats.0.bias"], 0)
        for n in (2, 3, 4, 5):
            y = np.maximum(t[f"feats.{n}.w1.weight"] @ x + t[f"feats.{n}.w1.bias"], 0)
            x = x + np.maximum(t[f"feats.{n}.w2.weight"] @ y + t[f"feats.{n}.w2.bias"], 0)
        rows.append(x)
    return np.array(rows)


def test_equal_to_the_released_code(tmp_path: Path) -> None:
    result = from_variant("an-full-1000", weights=checkpoint(tmp_path)).encode(LONLAT)
    same_as_released(result, "sinr", tolerance=1e-5)


def test_equal_to_its_equations(tmp_path: Path) -> None:
    lonlat = spread(100)
    result = from_variant("an-full-10", weights=checkpoint(tmp_path)).encode(lonlat)
    assert np.abs(result - naive(lonlat)).max() < 1e-5


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_obeys_the_contract(tmp_path: Path, variant: str) -> None:
    encoder = from_variant(variant, weights=checkpoint(tmp_path))
    assert encoder.card.name == f"sinr.{variant}"
    assert "inaturalist" in encoder.card.contaminates
    check_encoder(encoder)


def test_it_closes_at_the_antimeridian_and_confuses_the_poles(tmp_path: Path) -> None:
    encoder = from_variant("distilled-env", weights=checkpoint(tmp_path))
    west, east, north, south, near = encoder.encode(
        [[-180, 10], [180, 10], [20, 90], [20, -90], [20, 80]]
    )
    assert west == pytest.approx(east, abs=1e-5)
    assert north == pytest.approx(south, abs=1e-5)
    assert np.abs(north - near).max() > 0.1


def test_unknown_variants() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean 'sinr\.an-full-1000'"):
        from_variant("an-full-10000")


def test_missing_weights_say_where_they_are() -> None:
    with pytest.raises(EncoderError) as caught:
        from_variant("an-full-100").encode([[0, 0]])
    for part in (
        "sinr-an-full-100.pt",
        "download sinr.an-full-100`",
        "hard_cap_num_per_class_100.pt",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"input_enc": "sin_cos_env"}, "input_enc='sin_cos_env'; sinr.an-full-10 needs 'sin_cos'"),
        ({"depth": 3}, "depth=3"),
        ({"num_filts": 512}, "num_filts=512"),
    ],
)
def test_another_network_is_refused(tmp_path: Path, params: dict[str, Any], words: str) -> None:
    with pytest.raises(EncoderError, match=words):
        from_variant("an-full-10", weights=checkpoint(tmp_path, params)).encode([[0, 0]])


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"feats.0.weight": torch.zeros(256, 24)}, r"'feats\.0\.weight': \(256, 24\)"),
        ({"feats.6.w1.bias": torch.zeros(256)}, r"unknown tensors \['feats\.6\.w1\.bias'\]"),
    ],
)
def test_tensors_that_do_not_fit_are_named(
    tmp_path: Path, tensors: dict[str, torch.Tensor], words: str
) -> None:
    path = checkpoint(tmp_path, tensors=tensors)
    with pytest.raises(EncoderError, match=words):
        from_variant("an-full-10", weights=path).encode([[0, 0]])


def test_a_missing_tensor_and_a_missing_part_are_named(tmp_path: Path) -> None:
    path = checkpoint(tmp_path)
    content = torch.load(path, weights_only=True)
    del content["state_dict"]["feats.3.w2.bias"]
    torch.save(content, path)
    with pytest.raises(EncoderError, match=r"model\.pt has no tensors .*'feats\.3\.w2\.bias'"):
        from_variant("an-full-10", weights=path).encode([[0, 0]])
    torch.save(content["state_dict"], path)
    with pytest.raises(EncoderError, match="state_dict or params is missing"):
        from_variant("an-full-10", weights=path).encode([[0, 0]])


def test_code_in_a_checkpoint_is_not_executed(tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    path = checkpoint(tmp_path, {"device": Bomb(mark)})
    with pytest.raises(EncoderError, match=r"io\.open|open"):
        from_variant("an-full-10", weights=path).encode([[0, 0]])
    assert not mark.exists()


def test_a_truncated_checkpoint_is_an_error(tmp_path: Path) -> None:
    path = checkpoint(tmp_path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(EncoderError, match="damaged"):
        from_variant("an-full-10", weights=path).encode([[0, 0]])
