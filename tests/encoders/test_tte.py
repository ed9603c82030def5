"""TTE, compared with the released code and with its equations, point by point.

The released weights have not been available: the card says `verified: false`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from satclip_bench.core.errors import EncoderError
from satclip_bench.encoders import check_encoder
from satclip_bench.encoders.tte import TTE, network_shapes
from tests.encoders.damage import truncated
from tests.encoders.tensor_files import LONLAT, reckoned_tensors, same_as_released, spread

save_file = pytest.importorskip("safetensors.torch").save_file

TOKENS = "location.semantic_registers"


def tensors(sites: int = 4096) -> dict[str, torch.Tensor]:
    """Tensors of the released layout; sites with temperatures around 45, as at the beginning."""
    shapes = network_shapes(sites) | {
        f"{TOKENS}._img_temperature": (),
        f"{TOKENS}.img_to_logits.weight": (64, 512),
        f"{TOKENS}.img_to_logits.bias": (64,),
    }
    made = reckoned_tensors({name: shape or (1,) for name, shape in shapes.items()})
    made["location._log_tau"] += float(np.log(45))
    made["location._directions"] *= 5
    return {name: tensor.reshape(shapes[name]) for name, tensor in made.items()}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tte") / "model.safetensors"
    save_file(tensors(), path)
    return path


def test_equal_to_the_released_code(weights: Path) -> None:
    same_as_released(TTE(weights).encode(LONLAT), "tte", tolerance=1e-6)


def naive(lonlat: NDArray[np.float64], sites: int) -> NDArray[np.float64]:
    """The equations of the paper for one point after the other."""
    t = {name: tensor.double().numpy() for name, tensor in tensors(sites).items()}

    def linear(name: str, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(t[f"{name}.weight"] @ x + t[f"{name}.bias"])

    def weights_of(logits: NDArray[np.float64]) -> NDArray[np.float64]:
        powers = np.exp(logits - logits.max())
        return np.asarray(powers / powers.sum())

    rows = []
    for lon, lat in np.radians(lonlat):
        point = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
        directions = t["location._directions"]
        cosine = directions @ point / np.linalg.norm(directions, axis=1)
        place = weights_of(np.exp(t["location._log_tau"]) * cosine) @ t["location._embeddings"]
        temperature = np.exp(t[f"{TOKENS}.log_temperature"])
        tokens = weights_of(linear(f"{TOKENS}.loc_to_logits", place) / temperature)
        x = 0.5 * linear(f"{TOKENS}.site_to_out", place) + 0.5 * (tokens @ t[f"{TOKENS}.registers"])
        x = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
        x = x * t[f"{TOKENS}.norm.weight"] + t[f"{TOKENS}.norm.bias"]
        x = np.maximum(linear("location.mlp.0", x), 0)
        for n in (2, 3):
            hidden = np.maximum(linear(f"location.mlp.{n}.w1", x), 0)
            x = x + np.maximum(linear(f"location.mlp.{n}.w2", hidden), 0)
        x = t["location.mlp.4.weight"] @ x
        rows.append(x / np.linalg.norm(x))
    return np.array(rows)


def test_equal_to_its_equations(tmp_path: Path) -> None:
    save_file(tensors(sites=70), tmp_path / "few.safetensors")
    lonlat = spread(600)
    result = TTE(tmp_path / "few.safetensors").encode(lonlat)
    assert np.abs(result - naive(lonlat, 70)).max() < 1e-6


def test_it_obeys_the_contract(tmp_path: Path) -> None:
    save_file(tensors(sites=90), tmp_path / "few.safetensors")
    check_encoder(TTE(tmp_path / "few.safetensors"), points=40)
    assert TTE.card.verified is False


def test_tensors_that_do_not_fit_are_named(weights: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    whole = tensors(sites=20)
    save_file({k: v for k, v in whole.items() if not k.startswith(f"{TOKENS}.site")}, path)
    with pytest.raises(EncoderError, match=r"has no tensors \['location.semantic_registers.site"):
        TTE(path).encode([[0, 0]])
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(EncoderError, match=r"does not have the tensors of TTE"):
        TTE(path).encode([[0, 0]])
    with pytest.raises(EncoderError, match="damaged"):
        TTE(truncated(weights, tmp_path)).encode([[0, 0]])
    with pytest.raises(EncoderError, match=r"tte\.safetensors.*MVRL/TTE"):
        TTE().encode([[0, 0]])
