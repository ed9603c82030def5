from __future__ import annotations

import pickle
import sys
from pathlib import Path

import pytest
import torch

from satclip_bench.core.errors import EncoderError
from satclip_bench.encoders.weights.tensors import linear_shapes, load_safetensors, require_tensors
from tests.encoders.tensor_files import Bomb

save_file = pytest.importorskip("safetensors.torch").save_file

SHAPES = linear_shapes("a", 3, 2)


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    return {"a.weight": torch.ones(2, 3, dtype=torch.float16), "a.bias": torch.zeros(2)}


def test_half_precision_becomes_float32(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    save_file(tensors, tmp_path / "x.safetensors")
    loaded = load_safetensors(tmp_path / "x.safetensors")
    assert loaded["a.weight"].dtype == torch.float16
    selected = require_tensors(loaded | {"b": torch.ones(1)}, SHAPES, "x", spare=("b", "c"))
    assert {name: tuple(tensor.shape) for name, tensor in selected.items()} == SHAPES
    assert {tensor.dtype for tensor in selected.values()} == {torch.float32}


def test_what_is_wrong_is_named(tensors: dict[str, torch.Tensor]) -> None:
    with pytest.raises(EncoderError, match=r"^x has no tensors \['a.bias'\]$"):
        require_tensors({"a.weight": tensors["a.weight"]}, SHAPES, "x")
    with pytest.raises(EncoderError, match=r"^x has unknown tensors \['b'\]$"):
        require_tensors(tensors | {"b": torch.ones(1)}, SHAPES, "x")
    with pytest.raises(EncoderError, match=r"\{'a.bias': \(3,\)\}; .* \{'a.bias': \(2,\)\}"):
        require_tensors(tensors | {"a.bias": torch.ones(3)}, SHAPES, "x")
    with pytest.raises(EncoderError, match=r"^x has complex numbers in \['a.bias'\]"):
        require_tensors(tensors | {"a.bias": torch.ones(2) * 1j}, SHAPES, "x")


def test_damaged_files_are_errors(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "x.safetensors"
    save_file(tensors, path)
    whole = path.read_bytes()
    contents = {b"": "empty", whole[:5]: "damaged, or", whole[:40]: "truncated or damaged"}
    for content, message in (contents | {whole[:-1]: "truncated or damaged"}).items():
        path.write_bytes(content)
        with pytest.raises(EncoderError, match=rf"x\.safetensors is {message}"):
            load_safetensors(path)


def test_code_under_that_name_is_not_executed(tmp_path: Path) -> None:
    path, mark = tmp_path / "x.safetensors", tmp_path / "executed"
    path.write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(EncoderError, match="not a safetensors file"):
        load_safetensors(path)
    torch.save({"a": Bomb(mark)}, path)
    with pytest.raises(EncoderError, match="not a safetensors file"):
        load_safetensors(path)
    assert not mark.exists()


def test_without_the_package_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(EncoderError, match="pip install safetensors"):
        load_safetensors(Path("x"))
