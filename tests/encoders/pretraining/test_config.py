from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from satclip_bench.core.errors import BenchError
from satclip_bench.encoders.pretraining import load_config, shipped_configs
from satclip_bench.encoders.pretraining.config import as_json, differences, parse_config


def test_shipped_configs_are_whole() -> None:
    assert set(shipped_configs()) >= {"small", "paper"}
    for name in shipped_configs():
        config = load_config(name)
        assert parse_config(json.loads(as_json(config)), "again") == config


def test_the_papers_settings() -> None:
    """Klemmer et al. 2023 and microsoft/satclip: configs/default.yaml, main.py, transforms.py."""
    config = load_config("paper")
    training = config.training
    assert (training.epochs, training.batch_size) == (500, 512 * 16)
    assert (training.learning_rate, training.weight_decay) == (1e-4, 0.01)
    assert (training.temperature, training.schedule) == (0.07, "constant")
    location = config.location
    assert (location.dimension, location.width, location.layers) == (256, 512, 2)
    assert (location.first_frequency, location.dropout) == (30, 0.5)
    assert config.held_out.fraction == 0.1
    assert (config.augment.jitter, config.augment.jitter_degrees) == ("released", 0.01)
    assert config.augment.flips
    assert config.augment.blur


def test_values_are_changed_by_their_names(tmp_path: Path) -> None:
    config = load_config(
        "small", ["training.epochs=2", "data.scales=[1, 2, 4]", "image.weights=null", "name=x"]
    )
    assert config.training.epochs == 2
    assert config.name == "x"
    told = differences(json.loads(as_json(load_config("small"))), json.loads(as_json(config)))
    assert told == (
        "data.scales was [1, 4], is [1, 2, 4]",
        'name was "bluemarble-l10", is "x"',
        "training.epochs was 6, is 2",
    )
    path = tmp_path / "mine.json"
    path.write_text(as_json(config))
    assert load_config(path) == config


def test_configs_in_the_docs_are_whole(repository: Path) -> None:
    text = (repository / "docs" / "pretraining.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        parse_config(yaml.safe_load(block), "docs/pretraining.md")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("training.epoch=3", r"training\.epoch: Extra inputs"),
        ("training.epochs=0", r"training\.epochs: Input should be greater"),
        ("data.source=landsat", "data: Input tag 'landsat'"),
        ("data.scales=[7]", "do not divide the image's 2700 rows"),
        ("image.kind=linear", "linear and mlp are for embeddings"),
        ("augment.crop=64", "no larger than data.pixels"),
        ("training.epochs", "changes nothing"),
        ("seed.x=1", "changes nothing"),
        ("name=A b", "name: String should match"),
    ],
)
def test_bad_values_are_named(change: str, words: str) -> None:
    with pytest.raises(BenchError, match=words):
        load_config("small", [change])


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="Did you mean 'small'"):
        load_config("smal")
    with pytest.raises(BenchError, match="cannot be read"):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "x.yaml").write_text("a: [")
    with pytest.raises(BenchError, match="cannot be read"):
        load_config(tmp_path / "x.yaml")
    (tmp_path / "x.yaml").write_text("- 1")
    with pytest.raises(BenchError, match="is not a config of a pretraining"):
        load_config(tmp_path / "x.yaml")
