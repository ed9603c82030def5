from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from satclip_bench.benchmarks.report.maps import class_colours, degrees, draw_map
from satclip_bench.tasks import get_task


def test_sides_of_the_globe() -> None:
    assert [degrees(v, "SN") for v in (-30.0, 0.0, 60.0)] == ["30°S", "0°", "60°N"]


@pytest.mark.parametrize("count", [2, 14, 20, 21, 700])
def test_every_class_has_another_colour(count: int) -> None:
    colours = class_colours(count)
    assert colours.shape == (count, 3)
    assert len(np.unique(colours.round(6), axis=0)) == count
    assert ((colours >= 0) & (colours <= 1)).all()


@pytest.mark.parametrize("task", ["california_housing", "ecoregions"])
def test_maps_of_regression_and_classification(tmp_path: Path, task: str) -> None:
    table = get_task(task).load()
    if task == "ecoregions":
        table = replace(table, card=table.card.model_copy(update={"title": "$ecoregions_{"}))
    picture = imread(draw_map(table, tmp_path / "map.png"))
    assert picture[..., :3].std() > 0.05


def test_a_map_of_points_without_regions(tmp_path: Path) -> None:
    table = get_task("median_income").load()
    assert draw_map(replace(table, region=None), tmp_path / "map.png").stat().st_size > 10_000
