"""CSP and TorchSpatial: random weights compared with NumPy, real ones with the released code."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import erf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from satclip_bench.core.errors import EncoderError, IntegrityError, UnknownNameError
from satclip_bench.core.files import sha256_bytes
from satclip_bench.encoders import EncoderCard, WeightsCard, check_encoder, get_encoder
from satclip_bench.encoders.csp import SpatialCheckpoint
from satclip_bench.encoders.positional import ENCODINGS
from satclip_bench.encoders.torchspatial import VARIANTS

LONLAT = np.array([[0, 0], [180, 0], [-180, 0], [0, 90], [120, -90], [13.4, 52.5], [-70.2, -33.5]])


def checkpoint(path: Path, change: dict[str, Any] | None = None, extra: object = None) -> Path:
    """Write a file of the released layout with random weights."""
    settings: dict[str, Any] = {
        "spa_enc_type": "gridcell",
        "frequency_num": 32,
        "min_radius": 0.1,
        "max_radius": 360,
        "freq_init": "geometric",
        "num_hidden_layer": 1,
        "hidden_dim": 512,
        "num_filts": 256,
        "spa_f_act": "gelu",
        "skip_connection": True,
        "use_layn": True,
        "dropout": 0.5,
        "device": "cuda:1",
        "map_range": (-180, 180, -90, 90),
    } | (change or {})
    columns = {
        "gridcell": 4,
        "theory": 6,
        "Sphere2Vec-sphereC": 3,
        "Sphere2Vec-sphereC+": 6,
        "Sphere2Vec-sphereM": 5,
        "NeRF": 6,
    }.get(settings["spa_enc_type"], 4) * settings["frequency_num"]
    hidden = [settings["hidden_dim"]] * settings["num_hidden_layer"]
    widths = [columns, *hidden, 256]
    torch.manual_seed(0)
    state = {}
    for i, (rows, inputs) in enumerate(zip(widths[1:], widths, strict=False)):
        state[f"spa_enc.ffn.layers.{i}.linear.weight"] = torch.randn(rows, inputs) / inputs**0.5
        state[f"spa_enc.ffn.layers.{i}.linear.bias"] = torch.randn(rows) * 0.1
        if settings["use_layn"] and i < len(widths) - 2:
            state[f"spa_enc.ffn.layers.{i}.layernorm.weight"] = 1 + torch.randn(rows) * 0.1
            state[f"spa_enc.ffn.layers.{i}.layernorm.bias"] = torch.randn(rows) * 0.1
    state["class_emb.weight"] = torch.randn(62, 256)
    content = {"epoch": 3, "state_dict": state, "optimizer": {"state": {}}, "params": settings}
    torch.save(content | ({} if extra is None else {"extra": extra}), path)
    return path


def naive(path: Path, encoding: str) -> NDArray[np.float64]:
    """Reference embedding in float64 by NumPy, from the definitions of its parts."""
    content = torch.load(path, weights_only=True)
    state = {k: v.double().numpy() for k, v in content["state_dict"].items()}
    settings = content["params"]
    radii = settings["min_radius"] * (settings["max_radius"] / settings["min_radius"]) ** (
        np.arange(settings["frequency_num"]) / (settings["frequency_num"] - 1)
    )
    x = ENCODINGS[encoding][0](LONLAT.astype(np.float32).astype(np.float64), 1 / radii)
    last = settings["num_hidden_layer"]
    acts: dict[str, Callable[[Any], Any]] = {
        "gelu": np.vectorize(lambda v: v * (1 + erf(v / 2**0.5)) / 2),
        "leakyrelu": lambda v: np.where(v > 0, v, 0.2 * v),
        "relu": lambda v: np.maximum(v, 0),
        "sigmoid": lambda v: 1 / (1 + np.exp(-v)),
        "tanh": np.tanh,
    }
    for i in range(last + 1):
        name = f"spa_enc.ffn.layers.{i}"
        y = acts[settings["spa_f_act"]](
            x @ state[f"{name}.linear.weight"].T + state[f"{name}.linear.bias"]
        )
        if i < last and settings["skip_connection"] and y.shape == x.shape:
            y = y + x
        if i < last and settings["use_layn"]:
            y = (y - y.mean(1, keepdims=True)) / np.sqrt(y.var(1, keepdims=True) + 1e-5)
            y = y * state[f"{name}.layernorm.weight"] + state[f"{name}.layernorm.bias"]
        x = y
    return x


@pytest.mark.parametrize(
    ("change", "encoding"),
    [
        ({}, "space2vec.grid"),
        ({"spa_f_act": "leakyrelu"}, "space2vec.grid"),
        ({"hidden_dim": 128, "num_hidden_layer": 3, "spa_f_act": "relu"}, "space2vec.grid"),
        ({"use_layn": False, "spa_f_act": "sigmoid"}, "space2vec.grid"),
        ({"skip_connection": False, "hidden_dim": 128, "spa_f_act": "tanh"}, "space2vec.grid"),
        ({"spa_enc_type": "theory"}, "space2vec.theory"),
        ({"spa_enc_type": "Sphere2Vec-sphereM", "max_radius": 1.0}, "sphere2vec.m"),
        ({"spa_enc_type": "Sphere2Vec-sphereC", "max_radius": 1.0}, "sphere2vec.c"),
    ],
)
def test_equal_to_a_plain_evaluation(tmp_path: Path, change: dict[str, Any], encoding: str) -> None:
    path = checkpoint(tmp_path / "w.pth.tar", change)
    weights = WeightsCard(file="w", sha256=None, licence="")
    card = EncoderCard(name="toy", title="Toy", dimension=256, weights=weights)
    encoder = SpatialCheckpoint(card, encoding, path)
    assert np.abs(encoder.encode(LONLAT) - naive(path, encoding)).max() < 1e-5
    check_encoder(encoder)


@pytest.mark.parametrize("variant", ["fmow", "inat"])
def test_csp_obeys_the_contract_on_random_weights(tmp_path: Path, variant: str) -> None:
    encoder = get_encoder(f"csp.{variant}", weights=checkpoint(tmp_path / "w.pth.tar"))
    assert encoder.card.verified is False
    assert ("inaturalist" in encoder.card.contaminates) == (variant == "inat")
    check_encoder(encoder)


@pytest.mark.parametrize("variant", VARIANTS)
def test_torchspatial_equals_the_released_code(shared_data: Path, variant: str) -> None:
    path = shared_data / "weights" / f"{variant}.pth.tar"
    if not path.is_file():
        pytest.skip(f"{path.name} is not among the shared weights")
    oracle = json.loads((Path(__file__).parent / "oracles" / "torchspatial.json").read_text())
    encoder = get_encoder(f"torchspatial.{variant}", weights=path)
    result = encoder.encode(oracle["lonlat"])[:, ::8]
    assert np.abs(result - np.array(oracle["embeddings"][variant])).max() < 5e-6
    assert encoder.card.verified is True
    check_encoder(encoder)


def test_another_file_in_place_of_a_published_one_is_refused(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "w.pth.tar")
    with pytest.raises(IntegrityError, match=sha256_bytes(path.read_bytes())):
        get_encoder("torchspatial.nerf-fmow", weights=path).encode([[0, 0]])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"spa_enc_type": "theory"}, "spa_enc_type='theory'; csp.fmow needs space2vec.grid"),
        ({"spa_enc_type": "rbf"}, "spa_enc_type='rbf'"),
        ({"spa_f_act": "swish"}, "spa_f_act='swish'; supported are leakyrelu, relu"),
        ({"freq_init": "random"}, "freq_init='random'"),
        ({"min_radius": 0}, "no frequencies can be computed"),
        ({"min_radius": "0.1"}, "no frequencies can be computed"),
    ],
)
def test_settings_that_cannot_be_are_named(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    path = checkpoint(tmp_path / "w.pth.tar", change)
    with pytest.raises(EncoderError, match=words):
        get_encoder("csp.fmow", weights=path).encode([[0, 0]])


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        ("layers.0.linear.weight", None, r"tensors \['layers\.0\.linear\.weight'\] are missing"),
        ("layers.0.layernorm.bias", None, r"tensors \['layers\.0\.layernorm\.bias'\] are missing"),
        ("layers.1.layernorm.bias", (256,), r"\['layers\.1\.layernorm\.bias'\] are unknown"),
        ("layers.0.linear.weight", (512, 99), "should take 128 columns and give 512"),
        ("layers.1.linear.bias", (3,), "should take 512 columns and give 256"),
        ("layers.0.layernorm.weight", (3,), "should take 128 columns"),
    ],
)
def test_tensors_that_do_not_fit_are_named(
    tmp_path: Path, name: str, shape: tuple[int, ...] | None, words: str
) -> None:
    path = checkpoint(tmp_path / "w.pth.tar")
    content = torch.load(path, weights_only=True)
    if shape is None:
        del content["state_dict"][f"spa_enc.ffn.{name}"]
    else:
        content["state_dict"][f"spa_enc.ffn.{name}"] = torch.zeros(shape)
    torch.save(content, path)
    with pytest.raises(EncoderError, match=words):
        get_encoder("csp.fmow", weights=path).encode([[0, 0]])


class Bomb:
    """An object that creates a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.mark), "w")


def test_a_checkpoint_that_would_execute_code_is_refused(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "w.pth.tar", extra=Bomb(tmp_path / "mark"))
    with pytest.raises(EncoderError, match="open"):
        get_encoder("csp.fmow", weights=path).encode([[0, 0]])
    assert not (tmp_path / "mark").exists()


def test_damaged_and_other_files_are_errors(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "w.pth.tar")
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(EncoderError, match="damaged"):
        get_encoder("csp.inat", weights=path).encode([[0, 0]])
    torch.save({"weights": torch.zeros(1)}, path)
    with pytest.raises(EncoderError, match="state_dict or params is missing"):
        get_encoder("csp.inat", weights=path).encode([[0, 0]])


def test_unknown_variants() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean 'csp\.fmow'"):
        get_encoder("csp.fmov")
    with pytest.raises(UnknownNameError, match=r"torchspatial\.nerf-fmow"):
        get_encoder("torchspatial.nerf-fmov")
