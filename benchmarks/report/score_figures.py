"""Figure of the scores of a probe, one panel per task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.ranking.pooling import SKILL
from satclip_bench.benchmarks.report.board import Board, Row
from satclip_bench.benchmarks.report.drawing import Drawing
from satclip_bench.benchmarks.report.folds import unit
from satclip_bench.benchmarks.report.notes import kinds_of_splits
from satclip_bench.benchmarks.report.style import (
    COLUMN,
    HELD_OUT,
    LIGHT,
    MARKERS,
    PAGE,
    RANDOM,
    SHADE,
    SMALL,
    literal,
    short_title,
)
from satclip_bench.benchmarks.report.wording import SPLIT_TITLES
from satclip_bench.tasks import TaskCard

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FLOOR = -0.5
"""Scores below this are drawn here as an arrow with their value, because R2 and
skill have no lower bound."""

COLOURS = {"random": RANDOM, "held-out-region": HELD_OUT}
OTHER_COLOURS = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999")
"""Colours of further splits, in their order."""

AXIS_TITLES = {"r2": "R²", "accuracy": "accuracy", "top1": "top-1 accuracy", "skill": "skill"}
UNBOUNDED = ("r2", "skill")
"""Metrics that can be below 0."""
SPREAD = 0.5
"""Distance in rows between the marks of the first split and those of the last."""
MAX_COLUMNS = 4
"""Maximum number of panels side by side."""
MIN_ROW, MARK = 0.135, 0.055
"""Minimum height of a row in inches, and height of the marks of one split."""


def scores_drawing(by_split: Mapping[str, Board], probe: str, name: str) -> Drawing:
    """Scores of a probe under every split, one panel per task.

    Args:
        by_split: boards of the probe, by split.
        probe: name of the probe.
        name: name of the figure.
    """
    rows = {row.name: row for board in by_split.values() for row in reversed(board.rows)}
    order = list(dict.fromkeys(r.name for board in by_split.values() for r in board.rows))
    shown = [rows[name] for name in sorted(order, key=lambda name: rows[name].baseline)[::-1]]
    tasks = _tasks(by_split)
    metrics = {
        task: metric
        for board in by_split.values()
        for task, metric in board.ranking.metrics.items()
    }
    columns = min(MAX_COLUMNS, len(tasks))
    lines = -(-len(tasks) // columns)
    row = max(MIN_ROW, MARK * len(by_split))
    height = (row * len(shown) + 0.46) * lines + 0.2

    def draw(fig: Figure) -> None:
        colours = _colours(by_split)
        axes = fig.subplots(lines, columns, sharey=True, squeeze=False)
        for ax in axes.flat[len(tasks) :]:
            ax.set_visible(False)
        for ax, card in zip(axes.flat, tasks, strict=False):
            _panel(ax, card.title, metrics[card.name], shown)
            for place, (split, board) in enumerate(by_split.items()):
                offset = SPREAD * (0.5 - place / max(len(by_split) - 1, 1))
                look = (colours[split], MARKERS[place % len(MARKERS)])
                _dots(ax, board, card.name, shown, look, offset * (len(by_split) > 1))
        handles = [
            axes.flat[0].plot(
                *([], [], MARKERS[place % len(MARKERS)]),
                ms=3.2,
                color=colours[split],
                label=SPLIT_TITLES.get(split, split),
            )[0]
            for place, split in enumerate(by_split)
        ]
        fig.legend(handles=handles, loc="outside upper right", ncols=4, frameon=False)

    width = COLUMN if len(tasks) == 1 else PAGE
    what = "Skill" if set(metrics.values()) == {SKILL} else "Scores"
    caption = f"{what} with the {probe} probe. {_scores_note(by_split)}"
    return Drawing(name, width, height, draw, caption)


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
    ax.set_title(literal(title), fontsize=SMALL)
    ax.set_xlim(FLOOR - 0.14 if metric in UNBOUNDED else -0.04, 1.04)
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.axvline(0, color="#BBBBBB", lw=0.6, zorder=0)
    for y, row in enumerate(rows):
        ax.axhline(y, color=LIGHT, lw=0.4, zorder=0)
        if row.baseline:
            ax.axhspan(y - 0.5, y + 0.5, color=SHADE, zorder=-1, lw=0)
    ax.set_yticks(range(len(rows)), [short_title(row.title) for row in rows])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(AXIS_TITLES[metric])


def _dots(
    ax: Axes, board: Board, task: str, rows: Sequence[Row], look: tuple[str, str], offset: float
) -> None:
    """Draw the scores of one split on one task; `look` is its colour and its mark."""
    colour, mark = look
    column = next((i for i, card in enumerate(board.tasks) if card.name == task), None)
    if column is None:
        return
    low = ax.get_xlim()[0]
    scores = {row.name: row.scores[column] for row in board.rows}
    for y, name in enumerate(row.name for row in rows):
        if name not in scores:
            continue
        place, score = y + offset, scores[name]
        if board.folds > 1:
            folds = board.ranking.by_fold.xs(task, axis=1, level="task").loc[name].to_numpy()
            shown = folds[folds >= max(FLOOR, low)]
            ax.scatter(shown, np.full(len(shown), place), s=4, lw=0, color=colour, alpha=0.35)
        if np.isnan(score.mean):
            continue
        if score.mean < FLOOR:
            ax.plot(FLOOR - 0.07, place, marker="<", ms=3, color=colour)
            ax.text(
                FLOOR - 0.02,
                place,
                compact(score.mean),
                color=colour,
                fontsize=SMALL,
                va="center_baseline",
                bbox={"facecolor": "white", "alpha": 0.8, "lw": 0, "pad": 0.4},
            )
            continue
        if not np.isnan(score.low):
            ends = np.clip([score.low, score.high], FLOOR, None)
            ax.plot(ends, [place, place], color=colour, lw=1.1, solid_capstyle="butt")
        ax.plot(score.mean, place, mark, ms=3.2, color=colour, mec="white", mew=0.4)


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
