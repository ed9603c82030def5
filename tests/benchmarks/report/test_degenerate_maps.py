"""Maps and histograms of tables with one row, one place, one meridian or a constant target."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from satclip_bench.benchmarks.report.histograms import draw_histogram
from satclip_bench.benchmarks.report.map_axes import shape
from satclip_bench.benchmarks.report.maps import draw_map, map_drawing
from satclip_bench.benchmarks.report.split_maps import draw_split
from satclip_bench.benchmarks.report.style import figure
from satclip_bench.benchmarks.splits import get_split
from satclip_bench.benchmarks.splits.base import Fold
from satclip_bench.tasks import TaskTable, get_task

LON, LAT = np.linspace(-10, 10, 40), np.linspace(40, 50, 40)
PLACES = {
    "one row": np.array([[10.0, 50.0]]),
    "one place": np.tile([[10.0, 50.0]], (40, 1)),
    "one meridian": np.stack([np.full(40, 10.0), LAT], axis=1),
    "one parallel": np.stack([LON, np.full(40, 50.0)], axis=1),
    "a pole": np.stack([LON, np.full(40, 90.0)], axis=1),
    "the equator": np.stack([LON, np.zeros(40)], axis=1),
}


def table(lonlat: np.ndarray, target: np.ndarray) -> TaskTable:
    source = get_task("median_income").load()
    card = source.card.model_copy(
        update={
            "extent": "regional",
            "region": "equal-area block",
            "block_degrees": 5.0,
            "unit": "$ per $ of x_{",
        }
    )
    return replace(source, card=card, lonlat=lonlat, target=target, region=None)


@pytest.mark.parametrize(
    ("name", "constant"), [*((name, False) for name in PLACES), ("one place", True)]
)
def test_maps_and_histograms_are_drawn(tmp_path: Path, name: str, constant: bool) -> None:
    lonlat = PLACES[name]
    target = np.full(len(lonlat), 3.0) if constant else np.arange(len(lonlat), dtype=np.float64)
    degenerate = table(lonlat, target)
    rows = np.arange(len(lonlat))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_map(degenerate, tmp_path / "map.png")
        draw_histogram(degenerate, tmp_path / "histogram.png")
        # One row cannot be split.
        if len(rows) > 1:
            fold = Fold(name="0", train=rows[:1], validation=rows[1:2], test=rows[2:])
            draw_split(degenerate, get_split("random").card, [fold], tmp_path / "split.png", 0)
    assert 0.2 <= shape(degenerate) <= 5
    for path in tmp_path.glob("*.png"):
        assert path.stat().st_size > 1000


def test_the_map_of_points_on_both_sides_of_the_antimeridian_is_as_wide_as_they_are() -> None:
    """Fiji, whose map was as wide as the Earth."""
    rng = np.random.default_rng(0)
    lon, lat = rng.uniform(176, 183, 300), rng.uniform(-20, -16, 300)
    wrapped = np.stack([np.where(lon > 180, lon - 360, lon), lat], axis=1)
    fiji = replace(table(wrapped, lat), region=np.where(lon > 180, "east", "west"))
    fiji = replace(fiji, card=fiji.card.model_copy(update={"block_degrees": None}))
    with figure(6, 3) as fig:
        map_drawing(fiji, "fiji").draw(fig)
        fig.draw_without_rendering()
        main, _, small = fig.axes
        for ax in (main, small):
            west, east = ax.get_xlim()
            assert 175 < west < 176.1
            assert 182.9 < east < 184
            points = np.concatenate([np.asarray(c.get_offsets()) for c in ax.collections[1:]])
            np.testing.assert_allclose(np.sort(points[:, 0]), np.sort(lon))
        labels = [text.get_text() for text in main.get_xticklabels()]
        assert {"178°E", "180°", "178°W"} <= set(labels)
        names = {text.get_text(): text.get_position() for text in small.texts}
        assert 176 < names["west"][0] < 180 < names["east"][0] < 183
        # Two of its islands are drawn on either side.
        coast = np.concatenate([path.vertices for path in main.collections[0].get_paths()])
        assert (coast[:, 0] > 180).any()
        assert (coast[:, 0] < 180).any()
