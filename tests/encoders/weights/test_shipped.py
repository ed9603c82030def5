"""Weights of our own pretraining that come with the package."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from satclip_bench.core.errors import IntegrityError
from satclip_bench.core.files import sha256_file
from satclip_bench.encoders import encoder_card, get_encoder, list_encoders
from satclip_bench.encoders.pretraining import load_config
from satclip_bench.encoders.pretraining.config import parse_config
from satclip_bench.encoders.satclip_retrained import TrainedSatCLIP, read_about
from satclip_bench.encoders.weights.shipped import SHIPPED, SUMS, published_sha256, shipped

FILES = tuple(sorted(SHIPPED.glob("*.safetensors")))
CONFIGS = {"l10": "small", "l40": "small-l40"}


def test_they_are_registered_small_and_what_the_sums_say() -> None:
    names = {f"satclip-bluemarble.{variant}" for variant in CONFIGS}
    assert set(shipped()) == names
    assert names <= set(list_encoders())
    assert sum(path.stat().st_size for path in FILES) < 8_000_000
    assert len((SHIPPED / SUMS).read_text().splitlines()) == len(FILES) == len(names)
    for path in FILES:
        assert sha256_file(path) == published_sha256(path)


@pytest.mark.parametrize("variant", CONFIGS)
def test_they_are_of_the_configs_that_ship(variant: str) -> None:
    about = read_about(SHIPPED / f"satclip-bluemarble-{variant}.safetensors")
    assert parse_config(about["config"], variant) == load_config(CONFIGS[variant])


@pytest.mark.parametrize("variant", CONFIGS)
def test_their_cards_say_which_labels_chose_the_recipe(variant: str) -> None:
    card = encoder_card(f"satclip-bluemarble.{variant}")
    assert set(card.recipe_tasks) == {
        "air_temperature",
        "elevation",
        "population_density",
        "biomes",
    }
    assert card.contaminates == ()


def test_encoders_of_users_have_no_such_mark() -> None:
    assert TrainedSatCLIP("own.mine", FILES[0]).card.recipe_tasks == ()


@pytest.mark.parametrize("variant", CONFIGS)
def test_they_know_what_land_looks_like(variant: str) -> None:
    """Deserts of two continents are more alike than a desert and a forest of one."""
    encoder = get_encoder(f"satclip-bluemarble.{variant}")
    sahara, rub_al_khali, congo, amazon = encoder.encode(
        np.array([[10.0, 23.0], [50.0, 20.0], [23.0, 0.0], [-64.0, -4.0]])
    ).astype(np.float64)

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    assert cosine(sahara, rub_al_khali) > cosine(sahara, congo) + 0.3
    assert cosine(congo, amazon) > cosine(congo, sahara) + 0.3


def test_another_file_in_its_place_is_refused(tmp_path: Path) -> None:
    for path in (*FILES, SHIPPED / SUMS):
        shutil.copy(path, tmp_path)
    card = encoder_card("satclip-bluemarble.l10")
    assert card.weights is not None
    path = tmp_path / card.weights.file
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="sha256"):
        TrainedSatCLIP("satclip-bluemarble.l10", path).encode([[0.0, 0.0]])
