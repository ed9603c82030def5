"""Figure of the mean ranks under several splits, joined by lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.ranking.significance import ALPHA
from satclip_bench.benchmarks.report.board import Board
from satclip_bench.benchmarks.report.drawing import Drawing, sentences
from satclip_bench.benchmarks.report.rank_changes import ChangesTable
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

MIN_SLOPE = 0.6
"""Minimum width in inches between two splits."""
LINE = 0.12
"""Minimum distance in inches between two labels."""
CONNECTOR, PADDING = 0.1, 0.05
"""Width in inches of the lines between points and labels, and of the space around them."""


def changes_drawing(table: ChangesTable, boards: Sequence[Board], name: str) -> Drawing:
    """Mean ranks under each split, joined by lines: who interpolates well and extrapolates badly.

    Args:
        table: rank changes of a probe.
        boards: boards of the probe, for their numbers of seeds.
        name: name of the figure.
    """
    ranks = table.changes.ranks
    gaps = ranks.shape[1] - 1
    sides = [_Side(table, -1), _Side(table, 1)]
    left, right = (text_width(side.labels) + CONNECTOR + 2 * PADDING for side in sides)
    ticks = [str(split) for split in ranks.columns]
    between = max(MIN_SLOPE, text_width(ticks, SMALL) + PADDING) * gaps
    width = max(COLUMN, left + between + right)
    between = width - left - right
    inside = max(LINE * 1.25 * len(ranks), 1.2)
    height = inside + 0.3

    def draw(fig: Figure) -> None:
        fig.set_layout_engine("none")
        ax = fig.add_axes((left / width, 0.24 / height, between / width, inside / height))
        _lines(ax, table)
        for side in sides:
            side.draw(ax, inside, between)
        ax.set_xlim(0, gaps)
        ax.set_xticks(range(gaps + 1), ticks)
        ax.set_yticks([])
        for spine in ("left", "bottom"):
            ax.spines[spine].set_visible(False)
        ax.tick_params(axis="x", length=0, labelsize=SMALL, labelcolor="black")

    return Drawing(name, width, height, draw, _caption(table, boards))


def _lines(ax: Axes, table: ChangesTable) -> None:
    changes = table.changes
    last = changes.ranks.columns[-1]
    values = changes.ranks.to_numpy(dtype=np.float64)
    for row, name in zip(values, changes.ranks.index, strict=True):
        baseline = is_baseline(str(name))
        colour = GREY if baseline else HELD_OUT if row[-1] > row[0] else RANDOM
        significant = bool(changes.p[last].loc[name] < ALPHA)
        ax.plot(
            range(len(row)),
            row,
            "--" if baseline else "-",
            marker="s" if baseline else "o",
            ms=2.6,
            lw=1.4 if significant else 0.7,
            color=colour,
            clip_on=False,
        )
    low, high = values.min(), values.max()
    margin = 0.03 * max(high - low, 1)
    ax.set_ylim(high + margin, low - margin)


class _Side:
    """Labels at one side: encoders with their mean ranks under the first or the last split."""

    def __init__(self, table: ChangesTable, side: Literal[-1, 1]) -> None:
        changes = table.changes
        self.side = side
        self.last = changes.ranks.shape[1] - 1
        split = changes.ranks.columns[0 if side < 0 else self.last]
        self.ranks = changes.ranks[split].sort_values(kind="stable")
        titles = {row.name: short_title(row.texts[0]) for row in table.text.rows}
        self.labels = []
        for name, rank in zip(map(str, self.ranks.index), self.ranks, strict=True):
            mark = "*" if changes.p.iloc[:, -1].loc[name] < ALPHA else ""
            title = titles[name]
            self.labels.append(f"{title} {rank:.1f}" if side < 0 else f"{rank:.1f}{mark} {title}")

    def draw(self, ax: Axes, inside: float, between: float) -> None:
        """Write the labels beside axes of this height and width in inches, apart from each other.

        The vertical limits of the axes must be set.
        """
        bottom, top = ax.get_ylim()
        distance = LINE * (bottom - top) / inside
        # Clipped so that the labels, moved apart, end inside of the axes.
        room = distance * np.arange(len(self.ranks))
        wanted = np.clip(self.ranks.to_numpy(dtype=np.float64), top + room, bottom - room[::-1])
        inch = self.side * self.last / between
        x = 0 if self.side < 0 else self.last
        for y, rank, label in zip(
            spread_apart(wanted.tolist(), distance), self.ranks, self.labels, strict=True
        ):
            ends = [x + PADDING * inch, x + (PADDING + CONNECTOR) * inch]
            ax.plot(ends, [rank, y], color=LIGHT, lw=0.6, clip_on=False)
            align = "right" if self.side < 0 else "left"
            at = ends[1] + 0.02 * inch
            ax.text(at, y, label, ha=align, va="center", fontsize=SMALL)


def _caption(table: ChangesTable, boards: Sequence[Board]) -> str:
    first, last = table.changes.ranks.columns[0], table.changes.ranks.columns[-1]
    seeds = ", ".join(f"{board.seeds} ({board.split})" for board in boards)
    significance = (
        " Wide and *: the change between these two splits is beyond the noise of the points."
        if table.changes.p.notna().any(axis=None)
        else ""
    )
    return sentences(
        [
            f"Mean rank under each split with the {table.probe} probe; 1 is best. Solid: encoders, "
            f"vermilion if they rank worse under {last} than under {first}, blue if not; dashed: "
            f"baselines.{significance}",
            table.text.note,
            f"Seeds: {seeds}.",
        ]
    )


def spread_apart(places: Sequence[float], distance: float) -> list[float]:
    """Ascending places, moved as little as needed for neighbours to be `distance` apart.

    Neighbours that are too near are pooled into evenly spaced blocks around their common centre.

    >>> spread_apart([1.0, 1.0, 5.0], 1.0)
    [0.5, 1.5, 5.0]
    """
    blocks: list[tuple[float, int]] = []
    for place in places:
        centre, size = place, 1
        while blocks and centre - blocks[-1][0] < distance * (size + blocks[-1][1]) / 2:
            other, count = blocks.pop()
            centre = (centre * size + other * count) / (size + count)
            size += count
        blocks.append((centre, size))
    return [
        centre + distance * (i - (size - 1) / 2) for centre, size in blocks for i in range(size)
    ]
