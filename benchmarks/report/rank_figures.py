"""Figures of mean ranks: with intervals, and as a critical-difference diagram."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.ranking.ratings import Ratings
from satclip_bench.benchmarks.ranking.significance import ALPHA
from satclip_bench.benchmarks.report.drawing import Drawing, sentences
from satclip_bench.benchmarks.report.notes import interval_kinds
from satclip_bench.benchmarks.report.ranks import RankTable
from satclip_bench.benchmarks.report.style import (
    COLUMN,
    GREY,
    HELD_OUT,
    LIGHT,
    RANDOM,
    SMALL,
    short_title,
    text_width,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MIN_ENCODERS = 3
"""Minimum number of encoders for a figure of ranks."""

ROW = 0.135
"""Height in inches of a line of a figure with its label."""


TOP, SCALE, BAR = 0.22, 0.14, 0.075
"""Heights in inches in a critical-difference diagram: of the axis' labels, of the scale of the
critical difference, and of a row of bars, which is also their minimum distance in a row."""
OVER = 0.03
"""Length in inches by which a bar reaches beyond the encoders that it joins."""

PADDING, MIN_AXIS = 0.1, 0.8
"""Space beside the labels, and minimum length of the axis, in inches."""


def ranks_drawing(table: RankTable, name: str) -> Drawing:
    """Mean ranks with intervals, one row per encoder, and bars that join tied encoders.

    Args:
        table: ratings of a board, of at least `MIN_ENCODERS` encoders.
        name: name of the figure.
    """
    names = [row.name for row in table.text.rows]

    def draw(fig: Figure) -> None:
        ax = fig.subplots()
        _intervals(ax, table.ratings, names)
        ax.set_yticks(range(len(names)), [short_title(row.texts[0]) for row in table.text.rows])
        _group_bars(ax, table.ratings, names)
        ax.set_ylim(len(names) - 0.4, -0.6)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.set_xlabel("mean rank (1 is best)")

    return Drawing(name, COLUMN, ROW * len(names) + 0.4, draw, _ranks_caption(table))


def _intervals(ax: Axes, ratings: Ratings, names: list[str]) -> None:
    for y, name in enumerate(names):
        colour = GREY if is_baseline(name) else RANDOM
        low, high = ratings.low["rank"].loc[name], ratings.high["rank"].loc[name]
        if not np.isnan(low):
            ax.plot([low, high], [y, y], color=colour, lw=1.2, solid_capstyle="butt")
        mark = "s" if is_baseline(name) else "o"
        ax.plot(
            ratings.values["rank"].loc[name], y, mark, ms=3.5, color=colour, mec="white", mew=0.4
        )
        ax.axhline(y, color=LIGHT, lw=0.4, zorder=0)


def _group_bars(ax: Axes, ratings: Ratings, names: list[str]) -> None:
    """Draw a bar at the right for every group of tied encoders, in as few columns as fit."""
    left, right = ax.get_xlim()
    step = 0.03 * (right - left)
    groups = [(min(group), max(group)) for group in _places(ratings)]
    for column, (first, last) in zip(_in_columns(groups, 1), groups, strict=True):
        x = right + step * (column + 0.5)
        ax.plot([x, x], [first - 0.25, last + 0.25], color="black", lw=1.6)
    ax.set_xlim(left, None)


def _in_columns(spans: Sequence[tuple[float, float]], gap: float) -> list[int]:
    """Column of each span, the first whose spans end at least a gap before it begins.

    >>> _in_columns([(0, 4), (2, 6), (5, 9), (8, 9)], 1)
    [0, 1, 0, 1]
    """
    ends: list[float] = []
    columns = []
    for start, end in spans:
        free = [column for column, reached in enumerate(ends) if reached + gap <= start]
        column = free[0] if free else len(ends)
        ends[column : column + 1] = [end]
        columns.append(column)
    return columns


def _places(ratings: Ratings) -> list[list[int]]:
    """Places in the order of mean ranks of the encoders of every tie group."""
    names = list(map(str, ratings.values.index))
    return [[names.index(member) for member in group] for group in ratings.groups]


def _ranks_caption(table: RankTable) -> str:
    ratings, board = table.ratings, table.board
    parts = [
        f"Mean ranks of encoders (blue circles) and baselines (grey squares) under {board.split} "
        f"with the {board.probe} probe, over {ratings.tasks} tasks; 1 is best."
    ]
    if ratings.on_these_tasks is not None:
        kinds = interval_kinds(board.ranking.rows, board.tasks)
        parts.append(f"Lines: 95 % intervals for these tasks: {kinds}.")
    if any(len(group) > 1 for group in ratings.groups):
        parts.append(
            "Bars at the right join encoders that do not differ significantly on these tasks "
            f"({ALPHA:.0%}, Holm's correction over all pairs)."
        )
    return sentences([*parts, board.subtitle, board.edition_note])


def differences_drawing(table: RankTable, name: str) -> Drawing:
    """Critical-difference diagram: encoders on an axis of mean ranks, bars join those that tie.

    After Demsar 2006 (JMLR 7, figure 1). The bars are the tie groups of `ranking.ratings`; the
    critical difference of Nemenyi's test, about other tasks, is shown as a scale alone.

    Args:
        table: ratings of a board, of at least `MIN_ENCODERS` encoders.
        name: name of the figure.
    """
    ratings = table.ratings
    titles = [short_title(row.texts[0]) for row in table.text.rows]
    half = -(-len(titles) // 2)
    left, right = (text_width(part) + PADDING for part in (titles[:half], titles[half:]))
    width = max(COLUMN, left + right + MIN_AXIS)
    top = TOP + SCALE * (ratings.friedman is not None)
    ends = (left, width - right)
    # Coordinates are inches from the top left.
    ranks = ratings.values["rank"].to_numpy(dtype=np.float64)
    places = np.interp(ranks, [1, len(ranks)], ends)
    bars = [
        (float(places[min(group)]) - OVER, float(places[max(group)]) + OVER)
        for group in _places(ratings)
    ]
    columns = _in_columns(bars, BAR)
    labels = top + BAR * (1 + max(columns, default=0)) + ROW
    height = labels + ROW * (half - 0.5)

    def draw(fig: Figure) -> None:
        fig.set_layout_engine("none")
        ax = fig.add_axes((0, 0, 1, 1))
        ax.set_axis_off()
        ax.set_xlim(0, width)
        ax.set_ylim(height, 0)
        _rank_axis(ax, len(ranks), ends, top)
        if ratings.friedman is not None:
            _scale(ax, ratings.friedman.critical_difference, len(ranks), ends)
        for column, bar in zip(columns, bars, strict=True):
            y = top + BAR * (column + 0.8)
            ax.plot(bar, [y, y], color="black", lw=2.0, solid_capstyle="butt")
        for number, (row, title) in enumerate(zip(table.text.rows, titles, strict=True)):
            side = -1 if number < half else 1
            y = labels + ROW * min(number, len(titles) - 1 - number)
            end = ends[side > 0] + 0.04 * side
            colour = GREY if is_baseline(row.name) else RANDOM
            ax.plot([places[number]] * 2 + [end], [top, y, y], color=colour, lw=0.6)
            align = "right" if side < 0 else "left"
            ax.text(end + 0.03 * side, y, title, fontsize=SMALL, ha=align, va="center")

    return Drawing(name, width, height, draw, _differences_caption(table))


def _rank_axis(ax: Axes, count: int, ends: tuple[float, float], top: float) -> None:
    """Draw the axis of mean ranks from 1 to `count`, with every second rank labelled."""
    ax.plot(ends, [top, top], color="black", lw=0.8)
    for rank in range(1, count + 1):
        x = np.interp(rank, [1, count], ends)
        labelled = rank == count or (rank % 2 == 1 and rank != count - 1)
        ax.plot([x, x], [top - (0.05 if labelled else 0.03), top], color="black", lw=0.6)
        if labelled:
            ax.text(x, top - 0.06, str(rank), fontsize=SMALL, ha="center", va="bottom")


def _scale(ax: Axes, difference: float, count: int, ends: tuple[float, float]) -> None:
    """Draw the critical difference as a bar above the axis, if the axis is as long."""
    middle = sum(ends) / 2
    text = f"critical difference over tasks: {difference:.1f} ranks"
    ax.text(middle, 0.1, text, color=HELD_OUT, fontsize=SMALL, ha="center", va="bottom")
    if difference <= count - 1:
        width = (ends[1] - ends[0]) * difference / (count - 1)
        ax.plot([ends[0], ends[0] + width], [0.14, 0.14], color=HELD_OUT, lw=1.2)


def _differences_caption(table: RankTable) -> str:
    ratings, board = table.ratings, table.board
    parts = [
        f"Critical-difference diagram of mean ranks under {board.split} with the {board.probe} "
        f"probe, over {ratings.tasks} tasks; 1 is best, grey lines are baselines."
    ]
    if ratings.on_these_tasks is None:
        parts.append("Ties are not known: this run has no bootstrap scores.")
    else:
        parts.append(
            "Bars join encoders that do not differ significantly on these tasks "
            f"({ALPHA:.0%}, Holm's correction over all pairs)."
        )
    if ratings.friedman is not None:
        parts.append(
            "On other tasks like these, encoders whose mean ranks differ by less than the critical "
            "difference could change places (Nemenyi)."
        )
    return sentences([*parts, board.subtitle, board.edition_note])
