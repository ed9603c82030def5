"""Figures of mean ranks: with their uncertainty, and under several splits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.ranking.significance import ALPHA
from satclip_bench.benchmarks.report.board import Board
from satclip_bench.benchmarks.report.notes import interval_kinds
from satclip_bench.benchmarks.report.rank_changes import ChangesTable
from satclip_bench.benchmarks.report.ranks import RankTable
from satclip_bench.benchmarks.report.style import (
    GREY,
    HELD_OUT,
    LIGHT,
    RANDOM,
    figure,
    footer,
    save,
    short_title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MIN_ENCODERS = 3
"""Minimum number of encoders for a critical-difference diagram."""


def draw_ranks(table: RankTable, path: Path) -> Path:
    """Draw a critical-difference diagram: mean ranks, intervals, and bars that join tied encoders.

    After Demsar 2006 (JMLR 7, figure 1), with the bootstrap's tie groups as bars and Nemenyi's
    critical difference as a scale.

    Args:
        table: ratings of a board, of at least `MIN_ENCODERS` encoders.
        path: path of the PNG.
    """
    ratings = table.ratings
    names = [row.name for row in table.text.rows]
    ranks = ratings.values["rank"].to_numpy(dtype=np.float64)
    bars = [group for group in ratings.groups if len(group) > 1]
    with figure(6.6, 0.24 * len(names) + 0.1 * len(bars) + 1.9) as fig:
        ax = fig.subplots()
        for y, name in enumerate(names):
            colour = GREY if is_baseline(name) else RANDOM
            low, high = ratings.low["rank"].loc[name], ratings.high["rank"].loc[name]
            if not np.isnan(low):
                ax.plot([low, high], [y, y], color=colour, lw=1.4, solid_capstyle="butt")
            ax.plot(ranks[y], y, "o", ms=4.5, color=colour, mec="white", mew=0.5)
            ax.axhline(y, color=LIGHT, lw=0.5, zorder=0)
        titles = [short_title(row.texts[0]) for row in table.text.rows]
        ax.set_yticks(range(len(names)), titles)
        right = max(ax.get_xlim()[1], ranks.max() + 0.5)
        for place, group in enumerate(bars):
            x = right + 0.12 * (place + 1) * right / 10
            rows = [names.index(member) for member in group]
            ax.plot([x, x], [min(rows) - 0.2, max(rows) + 0.2], color="black", lw=2.2)
        ax.set_ylim(len(names) - 0.4, -0.6 - (1.1 if ratings.friedman is not None else 0))
        if ratings.friedman is not None:
            _scale(ax, ranks.min(), ratings.friedman.critical_difference)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.set_xlabel("mean rank (1 is best)", fontsize=8)
        ax.set_title(f"Ranks under {table.board.split}, {table.board.probe} probe")
        footer(fig, _ranks_note(table, bool(bars)))
        return save(fig, path)


def _scale(ax: Axes, left: float, width: float) -> None:
    ax.plot([left, left + width], [-1.0, -1.0], color=HELD_OUT, lw=1.6)
    ax.text(
        left + width / 2,
        -1.12,
        f"critical difference over tasks {width:.1f}",
        color=HELD_OUT,
        fontsize=7,
        ha="center",
        va="bottom",
    )


def _ranks_note(table: RankTable, bars: bool) -> str:
    ratings, board = table.ratings, table.board
    parts = [f"Over {ratings.tasks} tasks.", *([board.subtitle] if board.subtitle else [])]
    if ratings.on_these_tasks is not None:
        kinds = interval_kinds(board.ranking.rows, board.tasks)
        parts.append(f"Lines: 95 % intervals for these tasks: {kinds}.")
    if bars:
        parts.append(
            "Bars at the right join encoders that do not differ significantly on these tasks "
            f"({ALPHA:.0%}, Holm's correction over all pairs)."
        )
    if ratings.friedman is not None:
        parts.append(
            "On other tasks like these, encoders whose mean ranks differ by less than the critical "
            "difference could change places (Nemenyi)."
        )
    return " ".join([*parts, "Grey: baselines.", board.edition_note]).strip()


def draw_changes(table: ChangesTable, boards: Sequence[Board], path: Path) -> Path:
    """Draw the mean ranks under each split, joined by lines.

    The lines show which encoders interpolate well and extrapolate badly.

    Args:
        table: rank changes of a probe.
        boards: boards of the probe, for their numbers of seeds.
        path: path of the PNG.
    """
    changes = table.changes
    titles = {row.name: row.texts[0] for row in table.text.rows}
    splits = [str(split) for split in changes.ranks.columns]
    last = splits[-1]
    values = changes.ranks.to_numpy(dtype=np.float64)
    with figure(4.4 + 1.1 * len(splits), 0.33 * len(values) + 1.9) as fig:
        ax = fig.subplots()
        for row, name in zip(values, changes.ranks.index, strict=True):
            baseline = is_baseline(str(name))
            colour = GREY if baseline else HELD_OUT if row[-1] > row[0] else RANDOM
            significant = bool(changes.p[last].loc[name] < ALPHA)
            style = "--" if baseline else "-"
            width = 1.9 if significant else 1.0
            ax.plot(range(len(splits)), row, style, marker="o", ms=4, lw=width, color=colour)
        # Minimum distance between labels, such that all rows fit into the range of the ranks.
        distance = min(0.9 * (values.max() - values.min() + 1) / len(values), 0.6)
        for x, split, side in ((0, splits[0], -1), (len(splits) - 1, last, 1)):
            ordered = changes.ranks[split].sort_values(kind="stable")
            places = spread_apart(ordered.tolist(), distance)
            for y, name, mean_rank in zip(places, map(str, ordered.index), ordered, strict=True):
                title = short_title(titles[name])
                mark = " *" if side > 0 and changes.p[last].loc[name] < ALPHA else ""
                label = (
                    f"{title}  {mean_rank:.1f}" if side < 0 else f"{mean_rank:.1f}{mark}  {title}"
                )
                ax.plot([x + 0.02 * side, x + 0.07 * side], [mean_rank, y], color=LIGHT, lw=0.8)
                align = "right" if side < 0 else "left"
                ax.text(x + 0.08 * side, y, label, ha=align, va="center", fontsize=8)
        ax.set_xlim(-1.15, len(splits) + 0.15)
        ax.invert_yaxis()
        ax.set_xticks(range(len(splits)), splits)
        ax.set_yticks([])
        for spine in ("left", "bottom"):
            ax.spines[spine].set_visible(False)
        ax.tick_params(axis="x", length=0, labelsize=9, labelcolor="black")
        ax.set_title(f"Mean rank under each split, {table.probe} probe (1 is best)")
        footer(fig, _changes_note(table, boards))
        return save(fig, path)


def _changes_note(table: ChangesTable, boards: Sequence[Board]) -> str:
    first, last = table.changes.ranks.columns[0], table.changes.ranks.columns[-1]
    seeds = ", ".join(f"{board.seeds} ({board.split})" for board in boards)
    significance = (
        " Wide and *: the change between these two splits is beyond the noise of the points."
        if table.changes.p.notna().any(axis=None)
        else ""
    )
    return (
        f"Solid: encoders, vermilion if they rank worse under {last} than under {first}, blue "
        f"if not; dashed: baselines.{significance} {table.text.note} Seeds: {seeds}."
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
