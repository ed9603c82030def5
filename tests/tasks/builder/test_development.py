"""Tests of the development set: where its points are, and that no board can report on it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from satclip_bench.core.errors import IntegrityError
from satclip_bench.core.files import sha256_file
from satclip_bench.core.sphere import EARTH_RADIUS_KM
from satclip_bench.tasks import get_task, list_tasks, task_card
from satclip_bench.tasks.builder import development as builder
from satclip_bench.tasks.builder.build import SEEDS, WIDE_SEEDS
from satclip_bench.tasks.builder.points import away_from
from satclip_bench.tasks.development import DEVELOPMENT, DEVELOPMENT_TASKS, development_frame, table


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return development_frame()


def haversine_km(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distances of all pairs, `(n, m)`, written independently of `core.sphere`."""
    lon, lat = np.radians(a).T[:, :, None]
    lon2, lat2 = np.radians(b).T[:, None, :]
    s = np.sin((lat2 - lat) / 2) ** 2 + np.cos(lat) * np.cos(lat2) * np.sin((lon2 - lon) / 2) ** 2
    distance: np.ndarray = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(s))
    return distance


@pytest.mark.parametrize("task", sorted(SEEDS | WIDE_SEEDS))
def test_points_are_far_from_those_of_every_global_table(task: str, frame: pd.DataFrame) -> None:
    # A twentieth of the points: enough for a fault of the builder, which would concern all.
    ours = frame[["lon", "lat"]].to_numpy()[::20]
    assert haversine_km(ours, get_task(task).load().lonlat).min() >= 25.0


def test_points_near_others_are_left_out() -> None:
    others = np.array([[0.0, 0.0], [179.95, 10.0]])
    degree = np.degrees(25 / EARTH_RADIUS_KM)
    lonlat = np.array([[0.0, degree * 0.99], [0.0, degree * 1.01], [-179.95, 10.0], [90.0, 0.0]])
    assert away_from(lonlat, others).tolist() == [False, True, False, True]


def test_it_is_not_a_task_of_the_benchmark() -> None:
    assert not [name for name in list_tasks() if "development" in name]


def test_columns_have_the_units_of_the_tasks(frame: pd.DataFrame) -> None:
    assert len(frame) == builder.ROWS
    assert not frame.isna().any().any()
    assert builder.SEED not in SEEDS.values()
    for task in DEVELOPMENT_TASKS:
        benchmark = get_task(task).load()
        if task_card(task).task_type == "classification":
            assert set(frame[task]) <= set(benchmark.classes or ())
        else:
            # Both are samples of one map, but WWF's biomes leave out Greenland's ice.
            assert frame[task].mean() == pytest.approx(
                benchmark.target.mean(), abs=benchmark.target.std() / 10
            )


def test_regions_are_sectors_of_longitude(frame: pd.DataFrame) -> None:
    for name, points in frame.groupby("region", observed=True):
        west, east = map(int, str(name).split(" to "))
        assert east - west == 60
        assert points["lon"].between(west, east).all()


def test_a_changed_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = json.loads((DEVELOPMENT / table.PROVENANCE).read_text())["table"]
    assert sha256_file(DEVELOPMENT / table.TABLE) == entry["sha256"]
    for name in (table.TABLE, table.PROVENANCE):
        (tmp_path / name).write_bytes((DEVELOPMENT / name).read_bytes())
    with (tmp_path / table.TABLE).open("ab") as stream:
        stream.write(b" ")
    monkeypatch.setattr(table, "DEVELOPMENT", tmp_path)
    with pytest.raises(IntegrityError, match="sha256"):
        development_frame()
