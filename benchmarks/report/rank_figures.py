"""Figures of ranks: with their uncertainty, and from split to split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.ranking.significance import ALPHA
from satclip_bench.benchmarks.report.board import Board
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
)
from satclip_bench.benchmarks.report.wording import short_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW = 3
"""Fewer encoders have no diagram: there is nothing to tell apart."""


def draw_ranks(table: RankTable, path: Path) -> Path | None:
    """A critical-difference diagram: mean ranks, their intervals, and bars over those that tie.

    After Demsar 2006 (JMLR 7, figure 1), with the bootstrap's tie groups as bars and Nemenyi's
    critical difference as a scale. None for fewer than `FEW` encoders.
    """
    ratings = table.ratings
    names = [row.name for row in table.text.rows]
    if len(names) < FEW:
        return None
    ranks = ratings.values["rank"].to_numpy(dtype=np.float64)
    bars = [group for group in ratings.groups if len(group) > 1]
    with figure(6.6, 0.24 * len(names) + 0.1 * len(bars) + 1.9) as made:
        ax = made.subplots()
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
        footer(made, _ranks_note(table, bool(bars)))
        return save(made, path)


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
    parts = [f"Over {ratings.tasks} tasks."]
    if ratings.on_these_tasks is not None:
        parts.append(
            "Lines: 95 % intervals by a bootstrap of spatial blocks, the tasks being given."
        )
    if bars:
        parts.append(
            "Bars at the right join encoders that their scores on these tasks do not tell apart "
            f"({ALPHA:.0%}, Holm over all pairs)."
        )
    if ratings.friedman is not None:
        parts.append(
            "On other tasks like these, mean ranks nearer than the critical difference could fall "
            "the other way (Nemenyi)."
        )
    return " ".join([*parts, "Grey: baselines.", board.edition_note]).strip()


def draw_changes(table: ChangesTable, boards: Sequence[Board], path: Path) -> Path:
    """Mean ranks under each split, joined: who interpolates well and extrapolates badly."""
    changes = table.changes
    titles = {row.name: row.texts[0] for row in table.text.rows}
    splits = [str(split) for split in changes.ranks.columns]
    last = splits[-1]
    values = changes.ranks.to_numpy(dtype=np.float64)
    with figure(4.4 + 1.1 * len(splits), 0.33 * len(values) + 1.9) as made:
        ax = made.subplots()
        for row, name in zip(values, changes.ranks.index, strict=True):
            baseline = is_baseline(str(name))
            colour = GREY if baseline else HELD_OUT if row[-1] > row[0] else RANDOM
            told = bool(changes.p[last].loc[name] < ALPHA)
            style = "--" if baseline else "-"
            width = 1.9 if told else 1.0
            ax.plot(range(len(splits)), row, style, marker="o", ms=4, lw=width, color=colour)
        # The room for labels: as many ranks as there are rows, so that each is a row apart.
        least = min(0.9 * (values.max() - values.min() + 1) / len(values), 0.6)
        for x, split, side in ((0, splits[0], -1), (len(splits) - 1, last, 1)):
            ordered = changes.ranks[split].sort_values(kind="stable")
            places = spread_apart(ordered.tolist(), least)
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
        ax.set_title(f"Mean rank from split to split, {table.probe} probe (1 is best)")
        footer(made, _changes_note(table, boards))
        return save(made, path)


def _changes_note(table: ChangesTable, boards: Sequence[Board]) -> str:
    first, last = table.changes.ranks.columns[0], table.changes.ranks.columns[-1]
    seeds = ", ".join(f"{board.seeds} ({board.split})" for board in boards)
    told = (
        " Wide and *: the change between these two is more than noise of the points."
        if table.changes.p.notna().any(axis=None)
        else ""
    )
    return (
        f"Solid: encoders, vermilion where they rank worse under {last} than under {first}, blue "
        f"where not; dashed: baselines.{told} {table.text.note} Seeds: {seeds}."
    )


def spread_apart(places: Sequence[float], least: float) -> list[float]:
    """Ascending places moved as little as needed for neighbours to be `least` apart.

    Pools neighbours that are too near into evenly spaced blocks about their common centre.
    """
    blocks: list[tuple[float, int]] = []
    for place in places:
        centre, size = place, 1
        while blocks and centre - blocks[-1][0] < least * (size + blocks[-1][1]) / 2:
            other, count = blocks.pop()
            centre = (centre * size + other * count) / (size + count)
            size += count
        blocks.append((centre, size))
    return [centre + least * (i - (size - 1) / 2) for centre, size in blocks for i in range(size)]
