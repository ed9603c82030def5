"""Figures of skill against the number of training points, or against the size of blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.ranking.curves import seed_curves
from satclip_bench.benchmarks.report.board import Row
from satclip_bench.benchmarks.report.drawing import Drawing, sentences
from satclip_bench.benchmarks.report.notes import kinds_of_splits
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.report.style import (
    COLUMN,
    GREY,
    LEGEND_LINE,
    LIGHT,
    MARKERS,
    PAGE,
    QUALITATIVE,
    SMALL,
    legend_above,
    legend_columns,
    literal,
    short_title,
)
from satclip_bench.core.program import program

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Family:
    """Splits that are drawn against a number.

    Attributes:
        name: name of the family in `ranking.curves`.
        x: column of `ranking.curves` that is drawn: `n_train`, or `x`, the number of the split.
        label: label of the axis.
        what: what the number is, for the caption.
        suite: suite with such splits.
        splits: example of such splits.
    """

    name: str
    x: str
    label: str
    what: str
    suite: str
    splits: str


CURVES: Mapping[str, Family] = {
    "label-efficiency": Family(
        *("labels", "n_train", "training points", "number of training points"),
        *("open-labels", "labels.1,labels.10,random"),
    ),
    "block-size": Family(
        *("blocks", "x", "side of a block, degrees", "side of the blocks that are held out"),
        *("open-blocks", "blocks.1,blocks.10"),
    ),
}
"""Kinds of figures of curves."""

MAX_ENCODERS, MAX_BASELINES = len(QUALITATIVE), 2
"""Maximum numbers of encoders and of baselines that are drawn, best first."""
BASELINE_LOOKS = ((GREY, "s", "--"), ("black", "x", ":"))
MAX_COLUMNS = 3
"""Maximum number of panels side by side."""
PANEL = 1.6
"""Height in inches of a panel."""
FLOOR = -0.5
"""Lower end of the axis of skill at the lowest, because skill has no lower bound."""
TOP = 1.02
"""Upper end, with room for the marks of a skill of 1."""
STEP = 0.045
"""Distance between the marks of two lines, as a share of the shortest distance between two marks of
a line."""
MIN_TICKS = 0.14
"""Minimum distance between labelled marks, as a share of the axis."""


def how_to_run(family: Family) -> str:
    """The command that makes a run with such splits."""
    return (
        f"run them with `{program()} run --suite {family.suite}`, or your own with "
        f"--splits {family.splits}"
    )


@dataclass(frozen=True)
class _Line:
    """An encoder or baseline of the figure, and how it looks."""

    name: str
    title: str
    colour: str
    mark: str
    dashes: str

    def options(self) -> dict[str, Any]:
        """Options of `Axes.plot`."""
        return {"color": self.colour, "marker": self.mark, "ls": self.dashes, "ms": 2.8, "lw": 1.0}


def curves_drawing(results: Results, kind: str, probe: str, name: str) -> Drawing | str:
    """Skill on a logarithmic axis, one panel per task and one line per encoder.

    Args:
        results: results of the run.
        kind: kind of the figure, of `CURVES`.
        probe: name of the probe.
        name: name of the figure.

    Returns:
        The figure, or the reason why there is none.
    """
    family = CURVES[kind]
    of_seeds = seed_curves(results.frame)
    of_seeds = of_seeds[of_seeds["family"] == family.name]
    numbers = of_seeds.groupby("split")["x"].first().sort_values()
    splits = [str(split) for split in numbers.index if split in results.probes[probe]]
    if len(splits) < 2:
        return f"it needs several splits {family.name}.*: {how_to_run(family)}"
    points = _points(results, splits, probe, of_seeds, family)
    sizes = points.groupby("task")["at"].nunique()
    tasks = [task for task in results.cards if sizes.get(task, 0) > 1]
    if not tasks:
        return "no task has a score under two of its splits"
    rows = results.board_in_skill(splits[-1], probe).rows
    lines = _lines(rows)
    columns = 2 if len(tasks) == 4 else min(MAX_COLUMNS, len(tasks))
    panel_rows = -(-len(tasks) // columns)
    width = COLUMN if columns == 1 else PAGE
    in_legend = legend_columns([line.title for line in lines], width)
    height = panel_rows * PANEL - (-len(lines) // in_legend) * LEGEND_LINE + 0.1

    def draw(fig: Figure) -> None:
        axes = fig.subplots(panel_rows, columns, sharey=True, squeeze=False)
        for ax in axes.flat[len(tasks) :]:
            ax.set_visible(False)
        for ax, task in zip(axes.flat, tasks, strict=False):
            _panel(ax, points[points["task"] == task], lines)
            ax.set_title(literal(results.cards[task].title), fontsize=SMALL)
            ax.set_xlabel(family.label)
        for ax in axes[:, 0]:
            ax.set_ylabel("skill")
        ax = axes.flat[0]
        ax.set_ylim(max(ax.get_ylim()[0], FLOOR), TOP)
        handles = [ax.plot([], [], label=line.title, **line.options())[0] for line in lines]
        legend_above(fig, handles, in_legend)

    caption = _caption(results, (probe, splits), points, len(rows) - len(lines), kind)
    return Drawing(name, width, height, draw, caption)


def _points(
    results: Results, splits: Sequence[str], probe: str, of_seeds: pd.DataFrame, family: Family
) -> pd.DataFrame:
    """One row per task, encoder and split: `at`, `mean`, `low` and `high`, and `seeds`, a list."""
    parts = []
    for split in splits:
        ranking = results.board_in_skill(split, probe).ranking
        table = pd.DataFrame(
            {name: getattr(ranking, name).stack() for name in ("mean", "low", "high")}  # noqa: PD013
        )
        table.index.names = ["encoder", "task"]
        here = of_seeds[of_seeds["split"] == split].groupby(["encoder", "task"])
        seeds = here["skill"].agg(list).rename("seeds")
        at = here[family.x].mean().rename("at")
        parts.append(table.dropna(subset="mean").join([at, seeds]).reset_index())
    return pd.concat(parts).sort_values("at")


def _lines(rows: Sequence[Row]) -> list[_Line]:
    """The best encoders in colours, and the best baselines in grey, as far as they are drawn."""
    encoders = [row for row in rows if not row.baseline][:MAX_ENCODERS]
    baselines = [row for row in rows if row.baseline][:MAX_BASELINES]
    looks = [
        *((colour, mark, "-") for colour, mark in zip(QUALITATIVE, MARKERS, strict=True)),
    ][: len(encoders)]
    looks += BASELINE_LOOKS[: len(baselines)]
    return [
        _Line(row.name, short_title(row.title), *look)
        for row, look in zip([*encoders, *baselines], looks, strict=True)
    ]


def _panel(ax: Axes, points: pd.DataFrame, lines: Sequence[_Line]) -> None:
    """Draw the lines of a task, and their bars and dots beside each other."""
    places = np.unique(points["at"].to_numpy(dtype=np.float64))
    nearest = float(np.diff(np.log(places)).min())
    for number, line in enumerate(lines):
        shift = STEP * nearest * (number - (len(lines) - 1) / 2)
        of_line = points[points["encoder"] == line.name]
        at = of_line["at"].to_numpy(dtype=np.float64) * np.exp(shift)
        for x, low, high, seeds in zip(
            at, of_line["low"], of_line["high"], of_line["seeds"], strict=True
        ):
            if len(seeds) > 1:
                ax.scatter([x] * len(seeds), seeds, s=3, lw=0, color=line.colour, alpha=0.35)
            if not np.isnan(low):
                ax.plot([x, x], [low, high], color=line.colour, lw=0.7, alpha=0.7)
        ax.plot(at, of_line["mean"], **line.options())
    ax.axhline(0, color=GREY, lw=0.6, zorder=0)
    ax.set_xscale("log")
    ticks = spaced(places.tolist(), MIN_TICKS)
    ax.set_xticks(ticks, [f"{tick:,.4g}" if tick < 1000 else f"{tick:,.0f}" for tick in ticks])
    ax.minorticks_off()
    ax.grid(axis="y", color=LIGHT, lw=0.4)
    ax.set_axisbelow(True)


def spaced(places: Sequence[float], share: float) -> list[float]:
    """Those of some ascending places that are far enough apart on a logarithmic axis, ends first.

    >>> spaced([1, 2, 10, 90, 100], 0.2)
    [1, 10, 100]
    """
    gap = share * np.log(places[-1] / places[0])
    kept = [places[0]]
    for place in places[1:-1]:
        if min(np.log(place / kept[-1]), np.log(places[-1] / place)) >= gap:
            kept.append(place)
    return [*kept, places[-1]]


def _caption(
    results: Results,
    board: tuple[str, Sequence[str]],
    points: pd.DataFrame,
    not_drawn: int,
    kind: str,
) -> str:
    probe, splits = board
    frame = results.frame
    seeds = frame[frame["split"].isin(splits)].groupby("split")["seed"].nunique()
    number = " to ".join(map(str, sorted({int(seeds.min()), int(seeds.max())})))
    baselines = any(map(is_baseline, points["encoder"].unique()))
    several = bool(points["seeds"].map(len).max() > 1)
    intervals = ""
    if points["low"].notna().any():
        kinds = kinds_of_splits(frame[frame["split"].isin(splits)], splits)
        intervals = f"Bars: 95 % intervals with these training sets: {kinds}."
    return sentences(
        [
            f"Skill over the training mean or majority against the {CURVES[kind].what}, with the "
            f"{probe} probe, pooled over folds; mean over {number} "
            f"{'seed' if number == '1' else 'seeds'} (splits {', '.join(splits)}).",
            intervals,
            "Small dots: single seeds, each with other training sets." if several else "",
            "Grey and black: the best baselines." if baselines else "",
            f"The axis of skill ends at {FLOOR:g}." if (points["mean"] < FLOOR).any() else "",
            f"Not drawn: {not_drawn} more, which --encoders can choose." if not_drawn else "",
            results.board(splits[-1], probe).edition_note,
        ]
    )
