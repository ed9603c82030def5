"""Features of local photographs: in order, resumed, refused where an image is damaged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import satclip_bench.benchmarks.species.extract as module
from satclip_bench.benchmarks.species.extract import extract, main
from satclip_bench.benchmarks.species.features import read_features
from satclip_bench.core.errors import BenchError
from satclip_bench.tasks.inaturalist.competition import image_files
from tests.tasks.inaturalist.competition_files import write_competition


def colours(images: Sequence[Any]) -> NDArray[np.floating[Any]]:
    return np.stack([np.asarray(image, dtype=np.float32).mean(axis=(0, 1)) for image in images])


@pytest.fixture
def photographs(tmp_path: Path) -> tuple[Path, list[tuple[int, str]]]:
    """A competition whose photographs are small images of one colour each."""
    write_competition(tmp_path, rows=(30, 10))
    files = image_files(tmp_path / "inaturalist/train2018.json")
    for i, (_, name) in enumerate(files):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB" if i % 2 else "L", (8, 6), (i, 2 * i, 9) if i % 2 else i).save(path, "png")
    return tmp_path, files


def test_features_are_of_the_right_photographs(
    photographs: tuple[Path, list[tuple[int, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, files = photographs
    monkeypatch.setattr(module, "PART", 7)
    monkeypatch.setattr(module, "BATCH", 3)
    out = folder / "train.parquet"
    mine = folder / "train.parquet.parts" / "notes.txt"
    mine.parent.mkdir()
    mine.write_text("")
    counted: list[int] = []
    extract(files, folder / "images", colours, {"backbone": "colours"}, out, counted.append)
    assert sum(counted) == len(files) == 30
    ids = np.array([i for i, _ in files])
    found = read_features([out], [ids[::-1]])[::-1]
    assert found.dtype == np.float16
    for i, row in enumerate(found):
        assert row.tolist() == ([i, 2 * i, 9] if i % 2 else [i, i, i])
    assert [*mine.parent.iterdir()] == [mine]


def test_it_goes_on_where_it_was(
    photographs: tuple[Path, list[tuple[int, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, files = photographs
    monkeypatch.setattr(module, "PART", 7)
    whole, out = folder / "a.parquet", folder / "b.parquet"
    extract(files, folder / "images", colours, {"backbone": "colours"}, whole)
    damaged = folder / "images" / files[20][1]
    content = damaged.read_bytes()
    damaged.write_bytes(content[:50])
    with pytest.raises(BenchError, match=f"image .*{damaged.name} cannot be read"):
        extract(files, folder / "images", colours, {"backbone": "colours"}, out)
    damaged.write_bytes(content)
    with pytest.raises(BenchError, match="parts of other features"):
        extract(files, folder / "images", colours, {"backbone": "other"}, out)
    with pytest.raises(BenchError, match="parts of other features or photographs"):
        extract(files[::-1], folder / "images", colours, {"backbone": "colours"}, out)
    seen: list[int] = []

    def counting(images: Sequence[Any]) -> NDArray[np.floating[Any]]:
        seen.append(len(images))
        return colours(images)

    extract(files, folder / "images", counting, {"backbone": "colours"}, out)
    assert sum(seen) == 30 - 14, "two parts were finished before"
    assert out.read_bytes() == whole.read_bytes()
    assert not out.with_name("b.parquet.parts").exists()


def test_what_does_not_fit_is_refused(photographs: tuple[Path, list[tuple[int, str]]]) -> None:
    folder, files = photographs
    large = lambda images: colours(images) * 1e6  # noqa: E731
    with pytest.raises(BenchError, match="do not fit float16"):
        extract(files, folder / "images", large, {}, folder / "a.parquet")
    with pytest.raises(BenchError, match="no photographs"):
        extract([], folder, colours, {}, folder / "a.parquet")
    with pytest.raises(BenchError, match="cannot be read"):
        extract([(1, "none.jpg")], folder, colours, {}, folder / "a.parquet")


def test_without_timm_or_the_device_it_says_what_to_do(
    photographs: tuple[Path, list[tuple[int, str]]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, _ = photographs
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    command = ["--annotations", str(folder / "inaturalist/train2018.json")]
    assert main([*command, "--images", str(folder), "--out", str(folder / "x.parquet")]) == 2
    assert "pip install timm" in capsys.readouterr().err
    assert main([*command, "--images", str(folder), "--out", command[1]]) == 2
    assert "would overwrite a file of --annotations" in capsys.readouterr().err
    options = ["--images", str(folder), "--out", str(folder / "x.parquet"), "--device", "gpu"]
    assert main([*command, *options]) == 2
    assert "a device is auto, cpu, cuda or cuda:N, not 'gpu'" in capsys.readouterr().err


def test_a_backbone_of_timm(photographs: tuple[Path, list[tuple[int, str]]]) -> None:
    timm = pytest.importorskip("timm", reason="timm is not installed")
    import torch

    folder, files = photographs
    torch.manual_seed(0)
    model = timm.create_model("resnet18", pretrained=False, num_classes=7)
    torch.save(model.state_dict(), folder / "weights.pth")
    found = module.timm_backbone("resnet18", folder / "weights.pth", "cpu")
    assert found([Image.open(folder / "images" / files[1][1]).convert("RGB")]).shape == (1, 512)
