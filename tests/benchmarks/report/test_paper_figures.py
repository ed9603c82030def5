"""Figures at a paper's size: what is drawn, sizes of text, hostile names, and the same bytes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.testing.compare import compare_images
from matplotlib.text import Text

from satclip_bench.benchmarks.diagnostics.distance_skill import DistanceSkill
from satclip_bench.benchmarks.report.change_figures import changes_drawing
from satclip_bench.benchmarks.report.coastlines import coastlines
from satclip_bench.benchmarks.report.cost_figures import LABEL, apart, cost_drawing
from satclip_bench.benchmarks.report.curve_figures import curves_drawing
from satclip_bench.benchmarks.report.distance_figures import distance_drawing
from satclip_bench.benchmarks.report.drawing import Drawing, read_captions
from satclip_bench.benchmarks.report.figure_kinds import FROM_RESULTS
from satclip_bench.benchmarks.report.figures import left_out, write_figures
from satclip_bench.benchmarks.report.maps import map_drawing
from satclip_bench.benchmarks.report.prediction_maps import PredictionMap, predictions_drawing
from satclip_bench.benchmarks.report.rank_figures import differences_drawing, ranks_drawing
from satclip_bench.benchmarks.report.region_figures import regions_drawing
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.report.score_figures import scores_drawing
from satclip_bench.benchmarks.report.style import PAGE, SMALL, figure, save
from satclip_bench.tasks import get_task, task_card
from tests.benchmarks.frames import METRICS, fail, frame, with_losses
from tests.benchmarks.ranking.test_ratings import replicates

CARDS = {name: task_card(name) for name in METRICS}
HOSTILE = {"wrap": "$x_{ <b>&amp; \\frac", "geoclip": "a_b^c " * 20, "direct": "100 % <script>"}
BASELINE = Path(__file__).parent / "baseline"


def noisy(noise: float = 0.05) -> Results:
    table = with_losses(frame())
    return Results(table, CARDS, HOSTILE, replicates(table, noise))


@contextmanager
def drawn(drawing: Drawing) -> Iterator[Figure]:
    with figure(drawing.width, drawing.height) as fig:
        drawing.draw(fig)
        fig.canvas.draw()
        yield fig


def thick_lines(ax: Axes, width: float) -> list[np.ndarray]:
    return [np.asarray(line.get_xydata()) for line in ax.lines if line.get_linewidth() == width]


def marked(ax: Axes, *marks: str) -> list[np.ndarray]:
    """First points of the lines of an axes with these marks."""
    return [np.asarray(line.get_xydata())[0] for line in ax.lines if line.get_marker() in marks]


def drawings() -> dict[str, Drawing]:
    results = noisy()
    table = get_task("median_income").load()
    rows = np.arange(0, len(table), 7)
    ranks = results.ranks("random", "linear")
    boards = [results.board(*name) for name in results.boards]
    bins = (DistanceSkill(0, 3.0, 9, 0.5, 0.4, 0.6), DistanceSkill(1, 70.0, 9, -3.0, -4.0, np.nan))
    shown = PredictionMap("$x_{", 0, rows, table.target[rows].astype(np.float64) + 1)
    return {
        "ranks": ranks_drawing(ranks, "ranks"),
        "differences": differences_drawing(ranks, "cd"),
        "gap": changes_drawing(results.changes["linear"], boards, "gap"),
        "regions": regions_drawing(boards[1], CARDS["elevation"], "regions"),
        "distance": distance_drawing(table, {"$x_{": bins, "b": bins}, {"b"}, "random", "d"),
        "predictions": predictions_drawing(table, shown, "random", "p"),
        "cost": cost_drawing(boards[1], {"wrap": 0.1, "geoclip": 0.1, "baseline.knn": 9.0}, "c"),
    }


@pytest.mark.parametrize("name", list(drawings()))
def test_text_is_readable_inside_of_the_page_and_the_bytes_are_the_same(
    tmp_path: Path, name: str
) -> None:
    drawing = drawings()[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with drawn(drawing) as fig:
            texts = [t for t in fig.findobj(Text) if t.get_text().strip() and t.get_visible()]
            assert min(float(t.get_fontsize()) for t in texts) >= SMALL
            drawn_box = fig.get_tightbbox()
            assert min(drawn_box.x0, drawn_box.y0) > -0.01
            assert drawn_box.x1 < drawing.width + 0.01
            assert drawn_box.y1 < drawing.height + 0.01
        assert drawing.width <= PAGE
        first = drawing.write(tmp_path / "a", ("png", "pdf", "svg"))
        second = drawings()[name].write(tmp_path / "b", ("png", "pdf", "svg"))
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes(), one
    assert b"Type3" not in first[1].read_bytes()


@pytest.mark.parametrize("noise", [0.001, 0.05, 5.0])
def test_bars_of_the_critical_difference_diagram_are_the_tie_groups(noise: float) -> None:
    table = noisy(noise).ranks("random", "linear")
    ratings = table.ratings
    with drawn(differences_drawing(table, "cd")) as fig:
        (ax,) = fig.axes
        lines = thick_lines(ax, 2.0)
        bars = {tuple(line[:, 0].round(6)) for line in lines}
        axis = thick_lines(ax, 0.8)[0][:, 0]
    ranks = ratings.values["rank"]
    expected = set()
    for group in ratings.groups:
        of_group = ranks[list(group)]
        ends = np.interp([of_group.min(), of_group.max()], [1, len(ranks)], axis)
        expected.add(tuple(np.round(ends + np.array([-0.03, 0.03]), 6)))
    assert bars == expected
    assert bars_apart(lines)


def bars_apart(lines: list[np.ndarray]) -> bool:
    """Whether bars in the same row leave a gap, so that they do not look like one."""
    for y in {line[0, 1] for line in lines}:
        row = sorted(tuple(line[:, 0]) for line in lines if line[0, 1] == y)
        if any(start - end < 0.05 for (_, end), (start, _) in pairwise(row)):
            return False
    return True


def test_bars_of_neighbouring_groups_do_not_look_like_one() -> None:
    table = noisy().ranks("random", "linear")
    names = list(map(str, table.ratings.values.index))
    # The groups share no encoder, but their bars would touch.
    groups = ((names[0], names[1]), (names[2], names[3]))
    close = table.ratings.values.assign(rank=[1.0, 2.0, 2.01, 4.0, 5.0])
    ratings = replace(table.ratings, groups=groups, values=close)
    with drawn(differences_drawing(replace(table, ratings=ratings), "cd")) as fig:
        lines = thick_lines(fig.axes[0], 2.0)
    assert len(lines) == 2
    assert bars_apart(lines)
    assert not bars_apart([line * [1, 0] for line in lines])


def test_ranks_are_drawn_at_the_mean_ranks_with_their_intervals() -> None:
    table = noisy().ranks("random", "linear")
    with drawn(ranks_drawing(table, "ranks")) as fig:
        (ax,) = fig.axes
        points = marked(ax, "o", "s")
        intervals = [line[:, 0] for line in thick_lines(ax, 1.2)]
    assert np.array(points)[:, 0] == pytest.approx(table.ratings.values["rank"].to_numpy())
    ends = np.stack([table.ratings.low["rank"], table.ratings.high["rank"]], axis=1)
    assert np.array(intervals) == pytest.approx(ends)


def test_regions_show_the_means_over_seeds_of_each_region() -> None:
    table = with_losses(frame())
    board = Results(table, CARDS).board("held-out-region", "linear")
    with drawn(regions_drawing(board, CARDS["elevation"], "r")) as fig:
        (ax,) = fig.axes
        shown = np.asarray(ax.images[0].get_array(), dtype=np.float64)
        heads = [label.get_text() for label in ax.get_xticklabels()]
    here = table[
        (table["split"] == "held-out-region")
        & (table["task"] == "elevation")
        & (table["metric"] == "r2")
    ]
    means = here.pivot_table(index="encoder", columns="fold", values="value", aggfunc="mean")
    rows = [row.name for row in board.rows]
    assert heads == [*means.columns, "all"]
    assert shown[:, :-1] == pytest.approx(means.loc[rows].to_numpy())
    # All regions have equally many points and equal references.
    assert shown[:, -1] == pytest.approx(means.loc[rows].mean(axis=1).to_numpy())


def test_every_kind_is_drawn_or_named_for_one_encoder_one_task_and_failed_cells(
    tmp_path: Path,
) -> None:
    one = frame(tasks=["biomes"], encoders=["wrap"], seeds=[0])
    missing = one.copy()
    missing["value"] = np.nan
    cards = {"biomes": CARDS["biomes"]}
    for number, table in enumerate((one, missing, fail(one, "wrap", "biomes"))):
        results = Results(table, cards, HOSTILE)
        folder = tmp_path / str(number)
        drawn_names = {
            str(path.relative_to(folder).with_suffix(""))
            for path in write_figures(results, {}, folder, tuple(FROM_RESULTS))
        } - {"captions"}
        named = {sentence.split(" is left out")[0] for sentence in left_out(results, FROM_RESULTS)}
        assert not drawn_names & named
        for expected in ("scores", "ranks.random", "critical-difference.random"):
            assert f"{expected}.linear" in drawn_names | named


def test_captions_of_other_figures_stay(tmp_path: Path) -> None:
    earlier = "# Captions of the figures\n\n## mine\n\nKept, $x$.\n\n## gap.linear\n\nOld.\n"
    write_figures(noisy(), {}, tmp_path, ("gap",), ("svg",), earlier)
    captions = read_captions((tmp_path / "captions.md").read_text())
    assert set(captions) == {"mine", "gap.linear"}
    assert captions["mine"] == "Kept, $x$."
    assert captions["gap.linear"].startswith("Mean rank under each split")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["captions.md", "gap.linear.svg"]


def test_lines_of_skill_by_distance_are_the_bins() -> None:
    table = get_task("median_income").load()
    bins = {
        title: tuple(DistanceSkill(b, 10.0**b, 5, skill + b / 10, np.nan, np.nan) for b in range(3))
        for title, skill in (("a", 0.1), ("b", 0.4))
    }
    with drawn(distance_drawing(table, bins, {"b"}, "random", "d")) as fig:
        (ax,) = fig.axes
        lines = [line for line in ax.lines if line.get_marker() not in ("None", None, "")]
        shown = [np.asarray(line.get_ydata()) for line in lines]
        styles = [line.get_linestyle() for line in lines]
        ticks = [label.get_text() for label in ax.get_xticklabels()]
    assert np.array(shown) == pytest.approx(np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]))
    assert styles == ["-", "--"]
    assert ticks == ["1", "10", "100"]


def test_costs_are_drawn_at_the_mean_over_tasks() -> None:
    board = noisy().board("held-out-region", "linear")
    with drawn(cost_drawing(board, {"wrap": 0.5, "geoclip": 20.0}, "c")) as fig:
        points = marked(fig.axes[0], "o")
    means = {row.name: np.mean([s.mean for s in row.scores]) for row in board.rows}
    assert np.array(points) == pytest.approx(
        np.array([[20.0, means["geoclip"]], [0.5, means["wrap"]]])
    )


def test_labels_beside_points_do_not_overlap() -> None:
    points = np.random.default_rng(0).uniform(0, 0.5, (30, 2))
    places = apart(points)
    gaps = np.abs(places[:, None] - places[None])
    clear = np.any(gaps >= np.array(LABEL) - 1e-6, axis=-1)
    assert np.all(clear | np.eye(len(points), dtype=bool))


def test_coastlines_are_closed_and_hold_the_land_of_the_tasks() -> None:
    from shapely import Polygon, contains_xy, union_all

    lonlat = get_task("elevation").load().lonlat[::20]
    for lines, share in ((coastlines("world"), 0.93), (coastlines("region"), 0.98)):
        assert all((line[0] == line[-1]).all() and len(line) >= 4 for line in lines)
        assert np.abs(np.concatenate(lines)).max(axis=0) == pytest.approx([180, 90], abs=1)
        land = union_all([Polygon(line).buffer(0) for line in lines])
        assert contains_xy(land, *lonlat.T).mean() > share


def curves() -> Drawing:
    """Label efficiency of the synthetic run, whose split `random` becomes several sizes."""
    parts = []
    for percent in (1, 10, 100):
        part = with_losses(frame(tasks=["elevation"]))
        part = part[part["split"] == "random"].copy()
        worse = part["metric"].eq("rmse")
        part.loc[worse, "value"] *= (100 / percent) ** 0.05
        parts.append(part.assign(split=f"labels.{percent}", n_train=30 * percent))
    results = Results(pd.concat(parts), {"elevation": CARDS["elevation"]})
    drawing = curves_drawing(results, "label-efficiency", "linear", "label-efficiency")
    assert isinstance(drawing, Drawing)
    return drawing


def stable_drawings() -> dict[str, Drawing]:
    """Figures whose pictures are compared; those of maps show points of a task that ships."""
    table = with_losses(frame())
    results = Results(table, CARDS, {}, replicates(table, 0.05))
    ranks = results.ranks("random", "linear")
    boards = {split: results.board_in_skill(split, "linear") for split, _ in results.boards}
    made = (
        differences_drawing(ranks, "critical-difference"),
        regions_drawing(results.board("held-out-region", "linear"), CARDS["biomes"], "regions"),
        ranks_drawing(ranks, "ranks"),
        changes_drawing(results.changes["linear"], list(boards.values()), "gap"),
        scores_drawing(boards, "linear", "scores"),
        curves(),
        map_drawing(get_task("median_income").load(), "map"),
    )
    others = {name: drawings()[name] for name in ("cost", "distance", "predictions")}
    return {drawing.name: drawing for drawing in made} | {
        name: replace(drawing, name=name) for name, drawing in others.items()
    }


def small_picture(drawing: Drawing, folder: Path) -> Path:
    """A figure as PNG of 75 dots per inch."""
    path = folder / f"{drawing.name}.png"
    with figure(drawing.width, drawing.height) as fig:
        drawing.draw(fig)
        save(fig, path, 75)
    return path


def test_pictures_are_those_that_were_looked_at(tmp_path: Path) -> None:
    """Compared with a tolerance, because another version of FreeType draws letters otherwise."""
    made = stable_drawings()
    assert set(made) == {path.stem for path in BASELINE.iterdir()}
    for name, drawing in made.items():
        path = small_picture(drawing, tmp_path)
        assert compare_images(str(BASELINE / path.name), str(path), tol=12) is None, name


def test_the_comparison_of_pictures_sees_a_change(tmp_path: Path) -> None:
    table = with_losses(frame())
    results = Results(table, CARDS, {}, replicates(table, 5.0))
    drawing = differences_drawing(results.ranks("random", "linear"), "critical-difference")
    path = small_picture(drawing, tmp_path)
    assert compare_images(str(BASELINE / path.name), str(path), tol=12) is not None
