"""Figures of a run: scores, the gap between splits, and where the points lie."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.report.maps import draw_map
from benchmarks.report.model import Leaderboard, boards, edition_note, leaderboard, number
from benchmarks.report.style import GREY, HELD_OUT, LIGHT, RANDOM, figure, footer, save
from tasks import TaskCard, TaskTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FLOOR = -0.25
"""Scores below are drawn here as an arrow with their value: R2 has no lower end."""

COLOURS = {"random": RANDOM, "held-out-region": HELD_OUT}
LABELS = {"random": "random", "held-out-region": "held-out region"}


def write_figures(
    frame: pd.DataFrame,
    cards: Mapping[str, TaskCard],
    titles: Mapping[str, str],
    tables: Mapping[str, TaskTable],
    out: Path,
) -> tuple[Path, ...]:
    """Draw `scores.<probe>.png`, `gap.<probe>.png` and `maps/<task>.png`.

    Args:
        frame: a run's tidy frame.
        cards: of the tasks in it.
        titles: of its encoders.
        tables: of the tasks whose map is to be drawn.
        out: folder of the figures.
    """
    pairs = boards(frame)
    paths = []
    for probe in dict.fromkeys(probe for _, probe in pairs):
        splits = [split for split, p in pairs if p == probe and split in COLOURS]
        by_split = {s: leaderboard(frame, cards, titles, s, probe) for s in splits}
        if by_split:
            paths.append(_scores(by_split, probe, out / f"scores.{probe}.png"))
        if len(by_split) == 2:
            paths.append(_gap(by_split, probe, out / f"gap.{probe}.png"))
    paths += [draw_map(table, out / "maps" / f"{name}.png") for name, table in tables.items()]
    return tuple(paths)


def _scores(by_split: Mapping[str, Leaderboard], probe: str, path: Path) -> Path:
    first = next(iter(by_split.values()))
    names = [row.name for row in first.rows][::-1]
    titles = {row.name: row.title for board in by_split.values() for row in board.rows}
    tasks = first.tasks
    columns = min(4, len(tasks))
    lines = -(-len(tasks) // columns)
    with figure(2.3 * columns + 1.4, (0.21 * len(names) + 0.75) * lines + 0.7) as made:
        axes = made.subplots(lines, columns, sharey=True, squeeze=False)
        for ax in axes.flat[len(tasks) :]:
            ax.set_visible(False)
        for ax, card in zip(axes.flat, tasks, strict=False):
            ax.set_title(card.title)
            for offset, (split, board) in enumerate(by_split.items()):
                _dots(ax, board, card.name, names, split, (0.5 - offset) * 0.3)
            ax.set_xlim(FLOOR - 0.12, 1.03)
            ax.set_ylim(-0.6, len(names) - 0.4)
            ax.axvline(0, color=LIGHT, zorder=0)
            for y, name in enumerate(names):
                ax.axhline(y, color=LIGHT, lw=0.5, zorder=0)
                if name.startswith("baseline."):
                    ax.axhspan(y - 0.5, y + 0.5, color="#F2F6FA", zorder=-1, lw=0)
            ax.set_yticks(range(len(names)), [titles[n] for n in names])
            ax.tick_params(axis="y", length=0)
            ax.set_xlabel("R²" if card.metric == "r2" else "accuracy", fontsize=7.5)
        handles, labels = axes.flat[0].get_legend_handles_labels()
        made.legend(
            handles, labels, loc="outside upper right", ncols=2, frameon=False, fontsize=8.5
        )
        made.suptitle(
            f"Scores with the {probe} probe", x=0.01, ha="left", fontsize=11, fontweight="bold"
        )
        footer(
            made,
            "Means over folds; bars: standard deviation over seeds, where there are several. Below "
            f"{FLOOR} the value is written. Shaded rows: baselines without an "
            f"encoder. {edition_note(first.edition, tasks)}",
        )
        return save(made, path)


def _dots(
    ax: Axes, board: Leaderboard, task: str, names: list[str], split: str, offset: float
) -> None:
    column = next((i for i, card in enumerate(board.tasks) if card.name == task), None)
    if column is None:
        return
    found = {row.name: row.scores[column] for row in board.rows}
    points = [(y + offset, found[n]) for y, n in enumerate(names) if n in found]
    points = [(y, score) for y, score in points if not np.isnan(score.mean)]
    colour = COLOURS[split]
    inside = [(y, s) for y, s in points if s.mean >= FLOOR]
    ax.errorbar(
        [s.mean for _, s in inside],
        [y for y, _ in inside],
        xerr=[0 if np.isnan(s.std) else s.std for _, s in inside],
        fmt="o",
        ms=4,
        lw=1,
        color=colour,
        label=LABELS[split],
        clip_on=True,
    )
    for y, score in points:
        if score.mean < FLOOR:
            ax.plot(FLOOR - 0.07, y, marker="<", ms=4, color=colour)
            ax.text(FLOOR, y, number(score.mean, 2), color=colour, fontsize=6, va="center")


def _gap(by_split: Mapping[str, Leaderboard], probe: str, path: Path) -> Path:
    """Mean rank under either split, joined: who interpolates well and extrapolates badly."""
    boards_ = {split: _ranks(board) for split, board in by_split.items()}
    left, right = boards_["random"], boards_["held-out-region"]
    titles = {row.name: row.title for board in by_split.values() for row in board.rows}
    common = [name for name in left if name in right]
    tasks = {s: len(b.tasks) for s, b in by_split.items()}
    with figure(6.2, 0.32 * len(common) + 1.6) as made:
        ax = made.subplots()
        for name in common:
            worse = right[name] > left[name]
            colour = GREY if name.startswith("baseline.") else HELD_OUT if worse else RANDOM
            style = "--" if name.startswith("baseline.") else "-"
            ax.plot(
                [0, 1], [left[name], right[name]], style, marker="o", ms=4, lw=1.4, color=colour
            )
        for x, ranks, align in ((-0.03, left, "right"), (1.03, right, "left")):
            shown = sorted((ranks[name], name) for name in common)
            places = _spread([mean_rank for mean_rank, _ in shown], 0.55)
            for y, (mean_rank, name) in zip(places, shown, strict=True):
                label = f"{titles[name]}  {mean_rank:.1f}"
                ax.text(x, y, label, ha=align, va="center", fontsize=8)
        ax.set_xlim(-1.1, 2.1)
        ax.invert_yaxis()
        ax.set_xticks(
            [0, 1],
            [
                f"random\n{tasks['random']} tasks",
                f"held-out region\n{tasks['held-out-region']} tasks",
            ],
        )
        ax.set_yticks([])
        for side in ("left", "bottom"):
            ax.spines[side].set_visible(False)
        ax.tick_params(axis="x", length=0)
        ax.set_title(f"Mean rank under either split, {probe} probe (1 is best)")
        board = by_split["random"]
        footer(
            made,
            "Vermilion: worse when extrapolating; blue: better; dashed: baselines. "
            + edition_note(board.edition, board.tasks),
        )
        return save(made, path)


def _ranks(board: Leaderboard) -> dict[str, float]:
    return {row.name: row.rank for row in board.rows if not np.isnan(row.rank)}


def _spread(places: list[float], least: float) -> list[float]:
    """Ascending places moved apart until none is nearer than `least` to the next."""
    spread = list(places)
    for _ in range(200):
        moved = False
        for i in range(len(spread) - 1):
            short = least - (spread[i + 1] - spread[i])
            if short > 1e-6:
                spread[i] -= short / 2
                spread[i + 1] += short / 2
                moved = True
        if not moved:
            break
    return spread
