"""Figure of the scores of a probe, one panel per task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.ranking.pooling import SKILL
from satclip_bench.benchmarks.report.board import Board, Row
from satclip_bench.benchmarks.report.folds import unit
from satclip_bench.benchmarks.report.notes import kinds_of_splits
from satclip_bench.benchmarks.report.style import (
    HELD_OUT,
    LIGHT,
    RANDOM,
    SHADE,
    figure,
    footer,
    heading,
    literal,
    save,
    short_title,
)
from satclip_bench.benchmarks.report.wording import SPLIT_TITLES
from satclip_bench.tasks import TaskCard

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FLOOR = -0.5
"""Scores below this are drawn here as an arrow with their value, because R2 and
skill have no lower bound."""

COLOURS = {"random": RANDOM, "held-out-region": HELD_OUT}
OTHER_COLOURS = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999")
"""Colours of further splits, in their order."""

AXIS_TITLES = {"r2": "R²", "accuracy": "accuracy", "top1": "top-1 accuracy", "skill": "skill"}
UNBOUNDED = ("r2", "skill")
"""Metrics that can be below 0."""
SPREAD = 0.36
"""Distance in rows between the marks of the first split and those of the last."""


def draw_scores(by_split: Mapping[str, Board], probe: str, path: Path) -> Path:
    """Draw the scores of a probe under every split, one panel per task.

    Args:
        by_split: boards of the probe, by split.
        probe: name of the probe.
        path: path of the PNG.
    """
    rows = {row.name: row for board in by_split.values() for row in reversed(board.rows)}
    order = list(dict.fromkeys(r.name for board in by_split.values() for r in board.rows))
    names = sorted(order, key=lambda name: rows[name].baseline)[::-1]
    tasks = _tasks(by_split)
    metrics = {
        task: metric
        for board in by_split.values()
        for task, metric in board.ranking.metrics.items()
    }
    colours = _colours(by_split)
    columns = min(4, len(tasks))
    lines = -(-len(tasks) // columns)
    width, height = max(5.6, 2.25 * columns + 1.8), (0.25 * len(names) + 0.75) * lines + 0.9
    with figure(width, height) as fig:
        axes = fig.subplots(lines, columns, sharey=True, squeeze=False)
        for ax in axes.flat[len(tasks) :]:
            ax.set_visible(False)
        for ax, card in zip(axes.flat, tasks, strict=False):
            _panel(ax, card.title, metrics[card.name], [rows[name] for name in names])
            for place, (split, board) in enumerate(by_split.items()):
                offset = SPREAD * (0.5 - place / max(len(by_split) - 1, 1))
                _dots(ax, board, card.name, names, colours[split], offset * (len(by_split) > 1))
        handles = [
            axes.flat[0].plot([], [], "o", ms=4.5, color=colours[s], label=SPLIT_TITLES.get(s, s))[
                0
            ]
            for s in by_split
        ]
        fig.legend(handles=handles, loc="outside upper right", ncols=4, frameon=False)
        what = "Skill" if set(metrics.values()) == {SKILL} else "Scores"
        heading(fig, f"{what} with the {probe} probe")
        footer(fig, _scores_note(by_split))
        return save(fig, path)


def _colours(by_split: Mapping[str, Board]) -> dict[str, str]:
    others = iter(cycle(OTHER_COLOURS))
    return {split: COLOURS.get(split) or next(others) for split in by_split}


def _tasks(by_split: Mapping[str, Board]) -> tuple[TaskCard, ...]:
    cards = {card.name: card for board in by_split.values() for card in board.tasks}
    return tuple(cards.values())


def _editions(by_split: Mapping[str, Board]) -> str:
    # Splits of one run share their editions; the board with the most tasks has the full note.
    return max(by_split.values(), key=lambda board: len(board.tasks)).edition_note


def _panel(ax: Axes, title: str, metric: str, rows: Sequence[Row]) -> None:
    """Draw the frame, the row labels, and shades behind the baselines."""
    ax.set_title(literal(title))
    ax.set_xlim(FLOOR - 0.14 if metric in UNBOUNDED else -0.04, 1.04)
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.axvline(0, color="#BBBBBB", lw=0.8, zorder=0)
    for y, row in enumerate(rows):
        ax.axhline(y, color=LIGHT, lw=0.5, zorder=0)
        if row.baseline:
            ax.axhspan(y - 0.5, y + 0.5, color=SHADE, zorder=-1, lw=0)
    ax.set_yticks(range(len(rows)), [short_title(row.title) for row in rows])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(AXIS_TITLES[metric], fontsize=8)


def _dots(
    ax: Axes, board: Board, task: str, names: Sequence[str], colour: str, offset: float
) -> None:
    column = next((i for i, card in enumerate(board.tasks) if card.name == task), None)
    if column is None:
        return
    low = ax.get_xlim()[0]
    scores = {row.name: row.scores[column] for row in board.rows}
    for y, name in enumerate(names):
        if name not in scores:
            continue
        place, score = y + offset, scores[name]
        if board.folds > 1:
            folds = board.ranking.by_fold.xs(task, axis=1, level="task").loc[name].to_numpy()
            shown = folds[folds >= max(FLOOR, low)]
            ax.scatter(shown, np.full(len(shown), place), s=7, lw=0, color=colour, alpha=0.35)
        if np.isnan(score.mean):
            continue
        if score.mean < FLOOR:
            ax.plot(FLOOR - 0.07, place, marker="<", ms=4, color=colour)
            ax.text(
                FLOOR - 0.02,
                place,
                compact(score.mean),
                color=colour,
                fontsize=6.5,
                va="center_baseline",
                bbox={"facecolor": "white", "alpha": 0.8, "lw": 0, "pad": 0.4},
            )
            continue
        if not np.isnan(score.low):
            ends = np.clip([score.low, score.high], FLOOR, None)
            ax.plot(ends, [place, place], color=colour, lw=1.6, solid_capstyle="butt")
        ax.plot(score.mean, place, "o", ms=4.5, color=colour, mec="white", mew=0.5)


def compact(value: float) -> str:
    """A number in at most seven characters, with a minus sign: -0.63, -30.2, -615, -1.3e5.

    >>> compact(30.16)
    '30.2'
    """
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    text = f"{value:.{digits}f}"
    if abs(value) >= 10_000:
        mantissa, exponent = f"{value:.1e}".split("e")
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", "\N{MINUS SIGN}")


def _scores_note(by_split: Mapping[str, Board]) -> str:
    boards = list(by_split.values())
    rows = [row for board in boards for row in board.rows]
    pooled = all(board.shows_skill for board in boards)
    parts = []
    for split, board in by_split.items():
        seeds = f"{board.seeds} seed" + "s" * (board.seeds != 1)
        part = f"{SPLIT_TITLES.get(split, split)}: {seeds}"
        if board.folds > 1:
            part += f", small dots: single {unit(split)}s"
        parts.append(part)
    what = "Pooled over folds, mean over seeds" if pooled else "Mean over folds and seeds"
    sentences = [f"{what} ({'; '.join(parts)})."]
    if pooled:
        most = max(boards, key=lambda board: len(board.tasks))
        sentences.insert(0, most.subtitle)
    if any(board.ranking.low.notna().any(axis=None) for board in boards):
        frame = pd.concat([board.ranking.rows for board in boards])
        sentences.append(f"Bars: 95 % intervals: {kinds_of_splits(frame, by_split)}.")
    if any(score.mean < FLOOR for row in rows for score in row.scores):
        sentences.append(f"Arrows: scores below {FLOOR}, with their values.")
    if any(row.baseline for row in rows):
        sentences.append("Shaded: baselines, which use no encoder.")
    return " ".join(filter(None, [*sentences, _editions(by_split)]))
