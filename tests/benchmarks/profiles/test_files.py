"""Profiles as JSON: written and read, and those that ship."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from satclip_bench.benchmarks.profiles.files import as_dict, read_profiles
from satclip_bench.benchmarks.profiles.profile import Profile, profile
from satclip_bench.core.errors import BenchError
from satclip_bench.encoders import encoder_card, get_encoder
from tests.benchmarks.profiles.small import SMALL


def written(path: Path, *profiles: Profile) -> Path:
    content = {"profiles": [as_dict(one) for one in profiles], "linear_cka": {}}
    path.write_text(json.dumps(content))
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    made = profile(get_encoder("wrap"), sizes=SMALL)
    area = dataclasses.replace(made.areas["land"], half_degree=math.inf)
    made = dataclasses.replace(made, areas=made.areas | {"land": area})
    again = read_profiles([written(tmp_path / "a.json", made)])["wrap"]
    assert as_dict(again) == as_dict(made)
    assert math.isinf(again.areas["land"].half_degree)
    np.testing.assert_array_equal(
        again.areas["land"].variogram.value, made.areas["land"].variogram.value
    )


def test_profiles_that_ship_are_those_of_the_encoders() -> None:
    shipped = read_profiles()
    for name, one in shipped.items():
        card = encoder_card(name)
        assert (one.title, one.dimension, one.version) == (card.title, card.dimension, card.version)
        assert one.weights_sha256 == ((card.weights.sha256 if card.weights else "") or "")
    made = profile(get_encoder("cartesian3d")).areas["sphere"]
    known = shipped["cartesian3d"].areas["sphere"]
    assert known.half_sill_km == pytest.approx(made.half_sill_km, rel=1e-3)
    assert known.effective_rank == pytest.approx(made.effective_rank, rel=1e-3)


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"profiles": [{"encoder": "wrap"}], "linear_cka": {}}')
    with pytest.raises(BenchError, match=r"a\.json is not what .*--profile --json"):
        read_profiles([tmp_path / "a.json"])
    with pytest.raises(BenchError, match=r"none\.json cannot be read"):
        read_profiles([tmp_path / "none.json"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"areas": {}}, "areas"),
        ({"coverage": 1.5}, "coverage"),
        ({"expressed": {"1": 0.5}}, "must have the degrees 1, 2, 3"),
        ({"variogram": {"km": [1.0], "value": [], "pairs": []}}, "one entry for each distance"),
    ],
)
def test_profiles_that_cannot_be_drawn_are_refused(
    change: dict[str, object], message: str, tmp_path: Path
) -> None:
    content = as_dict(read_profiles()["wrap"])
    areas = content["areas"]
    assert isinstance(areas, dict)
    (content if "areas" in change else areas["sphere"]).update(change)
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"profiles": [content], "linear_cka": {}}))
    with pytest.raises(BenchError, match=message):
        read_profiles([path])
