"""The command `pretrain`: from a folder of GeoTIFFs to an encoder that all commands know."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from satclip_bench.benchmarks.cli import main
from satclip_bench.core.errors import BenchError
from satclip_bench.encoders import check_encoder, encoder_card, get_encoder, registry
from satclip_bench.encoders.pretraining.config import load_config
from satclip_bench.encoders.satclip_retrained import registered
from tests.encoders.pretraining.files import write_tiff

MINE = """\
name: mine
data: {source: geotiffs, folder: FOLDER, pixels: 8}
held_out: {fraction: 0.2}
image: {kind: cnn, widths: [8]}
location: {degrees: 3, width: 16, dimension: 12, first_frequency: 2}
training: {epochs: 2, batch_size: 16, threads: 1}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config for thirty-two tiles cut from two GeoTIFFs."""
    rng = np.random.default_rng(0)
    for name, place in (("a", (10.0, 50.0)), ("b", (-70.0, -10.0))):
        image = rng.integers(0, 255, (4, 32, 32), dtype=np.uint8)
        write_tiff(tmp_path / "tiles" / f"{name}.tif", image, place, degrees=0.01)
    path = tmp_path / "mine.yaml"
    path.write_text(MINE.replace("FOLDER", str(tmp_path / "tiles")))
    return path


def test_two_commands_from_imagery_to_a_registered_encoder(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["pretrain", "--config", str(config), "--out", str(out), "--device", "cpu"]
    assert main([*command, "--register", "mine"]) == 0
    printed = capsys.readouterr()
    assert "it is registered as own.mine" in printed.out
    assert "epoch 2/2: loss" in printed.err
    assert registered() == ("own.mine",)
    assert registry.match(["own.mine"]) == ("own.mine",)
    encoder = get_encoder("own.mine")
    check_encoder(encoder)
    assert "32 tiles of 8 pixels out of 2 GeoTIFFs" in encoder_card("own.mine").training_data
    points = tmp_path / "points.csv"
    pd.DataFrame({"lon": [10.1, -70.1], "lat": [49.9, -10.1]}).to_csv(points, index=False)
    embeddings = tmp_path / "embeddings.parquet"
    embed = ["embed", "--encoder", "own.mine", "--points", str(points)]
    assert main([*embed, "--out", str(embeddings)]) == 0
    frame = pd.read_parquet(embeddings)
    assert frame.filter(like="e").shape == (2, 12)
    # The same command again is refused; --resume finds nothing to do and leaves the same file.
    before = (out / "encoder.safetensors").read_bytes()
    assert main(command) == 2
    assert "continue it with --resume" in capsys.readouterr().err
    assert main([*command, "--resume"]) == 0
    assert (out / "encoder.safetensors").read_bytes() == before
    assert main([*command, "--resume", "--epochs", "3"]) == 2
    assert "training.epochs was 2, is 3" in capsys.readouterr().err


def test_a_config_is_shown_and_bad_words_are_refused(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pretrain", "--config", str(config), "--set", "location.degrees=5", "--show"]) == 0
    assert '"degrees": 5' in capsys.readouterr().out
    assert main(["pretrain", "--config", str(config), "--register", "A b"]) == 2
    assert "a name consists of small letters, digits and hyphens" in capsys.readouterr().err
    assert main(["pretrain", "--config", "smal"]) == 2
    assert "Did you mean 'small'" in capsys.readouterr().err
    with pytest.raises(BenchError, match=r"image\.kind"):
        load_config(config, ["image.kind=mlp"])
