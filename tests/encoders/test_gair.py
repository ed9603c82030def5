"""GAIR, compared with its equations, from checkpoints of the layout that MIND's code reads.

The released checkpoint has not been available: the card says `verified: false`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch

from satclip_bench.core.errors import EncoderError
from satclip_bench.encoders import check_encoder
from satclip_bench.encoders.gair import DIMENSION, FEATURES, GAIR, SCALES
from satclip_bench.encoders.geoclip import branch_shapes
from tests.encoders.branches import naive_branches
from tests.encoders.tensor_files import Bomb, reckoned_tensors, spread

SHAPES = branch_shapes(SCALES, FEATURES, DIMENSION)


def checkpoint(path: Path, prefix: str = "module.loc_encoder.", key: str | None = "model") -> Path:
    """A checkpoint with the location encoder among other tensors and settings."""
    tensors = {prefix + name: tensor for name, tensor in reckoned_tensors(SHAPES).items()}
    tensors["image_encoder.head.weight"] = torch.zeros(2, 3)
    content = {"epoch": 3, "args": argparse.Namespace(lr=0.1), key: tensors} if key else tensors
    torch.save(content, path)
    return path


def test_the_layout() -> None:
    assert SHAPES["LocEnc2.capsule.0.b"] == (256, 2)
    assert SHAPES["LocEnc2.capsule.1.weight"] == (1024, 512)
    assert SHAPES["LocEnc2.head.0.weight"] == (768, 1024)


@pytest.mark.parametrize(
    ("prefix", "key"), [("module.loc_encoder.", "model"), ("", "state_dict"), ("location.", None)]
)
def test_equal_to_its_equations(prefix: str, key: str | None, tmp_path: Path) -> None:
    lonlat = spread(20)
    result = GAIR(checkpoint(tmp_path / "c.pth", prefix, key)).encode(lonlat)
    assert np.abs(result - naive_branches(lonlat, SCALES, FEATURES, DIMENSION)).max() < 2e-5


def test_it_obeys_the_contract(tmp_path: Path) -> None:
    check_encoder(GAIR(checkpoint(tmp_path / "c.pth")), points=40)
    assert GAIR.card.verified is False


def test_other_checkpoints_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.pth"
    torch.save({"model": {"head.weight": torch.zeros(2)}}, path)
    with pytest.raises(EncoderError, match=r"LocEnc0\.capsule\.0\.b is missing"):
        GAIR(path).encode([[0, 0]])
    mark = tmp_path / "executed"
    torch.save({"model": {}, "args": Bomb(mark)}, path)
    with pytest.raises(EncoderError, match="could execute code"):
        GAIR(path).encode([[0, 0]])
    assert not mark.exists()
    with pytest.raises(EncoderError, match=r"gair-checkpoint\.pth.*PingL/GAIR"):
        GAIR().encode([[0, 0]])
