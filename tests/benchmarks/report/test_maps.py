from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from scipy.spatial.distance import pdist

from satclip_bench.benchmarks.report.map_axes import degrees
from satclip_bench.benchmarks.report.maps import class_colours, draw_map
from satclip_bench.tasks import get_task


def test_sides_of_the_globe() -> None:
    assert [degrees(v, "SN") for v in (-30.0, 0.0, 60.0)] == ["30°S", "0°", "60°N"]


@pytest.mark.parametrize(("count", "different"), [(2, 2), (10, 10), (14, 10), (20, 10), (21, 21)])
def test_classes_have_different_colours_and_the_less_frequent_of_many_are_grey(
    count: int, different: int
) -> None:
    counts = np.random.default_rng(0).permutation(count) + 1
    colours = class_colours(counts)
    assert colours.shape == (count, 3)
    assert ((colours >= 0) & (colours <= 1)).all()
    assert len(np.unique(colours.round(6), axis=0)) == different
    if count > different:
        grey = (colours.round(6) == colours[counts.argmin()].round(6)).all(axis=1)
        assert counts[grey].max() < counts[~grey].min()


VISION = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
"""What eyes see of linear RGB, by Machado et al. (2009)."""


def cielab(linear: np.ndarray) -> np.ndarray:
    to_xyz = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
    xyz = linear @ np.transpose(to_xyz) / [0.95047, 1, 1.08883]
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1
    )


@pytest.mark.parametrize("vision", list(VISION))
def test_colours_of_classes_differ_under_every_kind_of_colour_vision(vision: str) -> None:
    colours = class_colours(np.ones(10, dtype=np.int64))
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    seen = cielab(np.clip(linear @ np.array(VISION[vision]).T, 0, 1))
    # tab20, with pairs 1 to 3 apart, would fail.
    assert pdist(seen).min() > 15


@pytest.mark.parametrize("task", ["air_temperature", "biomes", "ecoregions"])
def test_maps_of_regression_and_classification(tmp_path: Path, task: str) -> None:
    table = get_task(task).load()
    if task == "ecoregions":
        table = replace(table, card=table.card.model_copy(update={"title": "$ecoregions_{"}))
    picture = imread(draw_map(table, tmp_path / "map.png"))
    assert picture[..., :3].std() > 0.05


def test_a_map_of_points_without_regions(tmp_path: Path) -> None:
    table = get_task("median_income").load()
    assert draw_map(replace(table, region=None), tmp_path / "map.png").stat().st_size > 10_000
