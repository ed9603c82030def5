from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from satclip_bench.core.download.cards import HubOrigin
from satclip_bench.core.download.lock import lock_file
from satclip_bench.core.errors import EncoderError, IntegrityError
from satclip_bench.core.files import sha256_bytes
from satclip_bench.encoders.base import WeightsCard
from satclip_bench.encoders.weights.files import find_weights, load_state_dict, weights_path

CONTENT = b"weights " * 1000


def card(**changes: object) -> WeightsCard:
    base = {
        "file": "toy.pth",
        "sha256": sha256_bytes(CONTENT),
        "licence": "MIT",
        "origins": (HubOrigin(repository="acme/toy", path="w/toy.pth", revision="0" * 40),),
    }
    return WeightsCard.model_validate(base | changes)


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SATCLIP_BENCH_CACHE", str(tmp_path / "cache"))


def test_absent_weights_say_how_they_are_obtained() -> None:
    with pytest.raises(EncoderError) as caught:
        find_weights(card(), encoder="toy.v1")
    for part in (
        f"not at {weights_path(card())}",
        " download toy.v1`",
        "w/toy.pth of huggingface.co/acme/toy at revision 0000",
        sha256_bytes(CONTENT),
    ):
        assert part in str(caught.value)
    with pytest.raises(EncoderError) as caught:
        find_weights(card(origins=()))
    assert "`" not in str(caught.value)


def test_another_content_than_published_is_refused(tmp_path: Path) -> None:
    weights_path(card()).parent.mkdir(parents=True)
    weights_path(card()).write_bytes(b"other")
    with pytest.raises(IntegrityError, match=r"should be .* Delete it\. Run `"):
        find_weights(card())
    given = tmp_path / "given.pth"
    given.write_bytes(b"other")
    with pytest.raises(IntegrityError, match="Name the right file"):
        find_weights(card(), given)


def test_another_content_than_it_first_had_is_refused(tmp_path: Path) -> None:
    unpublished = card(sha256=None)
    path = weights_path(unpublished)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert find_weights(unpublished) == path, "placed by hand, and never seen before"
    lock_file(path.parent, path.name, sha256_bytes(CONTENT), "the hub")
    assert find_weights(unpublished) == path
    path.write_bytes(b"other")
    with pytest.raises(IntegrityError) as caught:
        find_weights(unpublished)
    for part in (sha256_bytes(CONTENT), sha256_bytes(b"other"), "the hub"):
        assert part in str(caught.value)
    given = tmp_path / "given.pth"
    given.write_bytes(b"other")
    assert find_weights(unpublished, given) == given, "a named file is the user's own affair"


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


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty, not a PyTorch checkpoint"),
        (b"PK\x03\x04 half a zip", "is truncated or damaged"),
        (b"<html>quota</html>", "is a web page of 18 bytes"),
    ],
)
def test_a_damaged_checkpoint_is_an_error(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(EncoderError, match=message):
        load_state_dict(path)


def test_a_checkpoint_of_something_else_is_an_error(tmp_path: Path) -> None:
    torch.save([torch.zeros(1)], tmp_path / "w.pth")
    with pytest.raises(EncoderError, match="does not contain a mapping"):
        load_state_dict(tmp_path / "w.pth")
