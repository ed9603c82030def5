"""Figure of the scores of a task region by region."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from satclip_bench.benchmarks.report.board import Board
from satclip_bench.benchmarks.report.drawing import Drawing, sentences
from satclip_bench.benchmarks.report.style import (
    COLUMN,
    SMALL,
    literal,
    short_title,
    text_width,
)
from satclip_bench.benchmarks.report.wording import DASH, METRIC_SIGNS, number
from satclip_bench.tasks import TaskCard

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW, MIN_CELL = 0.135, 0.29
"""Height of a row and minimum width of a column in inches; a column fits a number."""
MAX_REGION, SLANT = 24, 40
"""Maximum number of characters of a region's name, and the angle of names in degrees."""
RIGHT = 0.12
"""Space in inches for the end of the last slanted name."""
DARK = 0.6
"""Size of a score from which on its colour is too dark for black text."""


def has_regions(board: Board) -> bool:
    """Whether the folds of a board are named places, such as continents."""
    folds = set(board.ranking.by_fold.columns.get_level_values("fold"))
    return len(folds) > 1 and not all(str(fold).isdigit() for fold in folds)


def regions_drawing(board: Board, card: TaskCard, name: str) -> Drawing:
    """Scores of every encoder in every region of a task, as numbers on colours.

    The colours run from -1, red, over 0, white, to 1, blue, which differ under every kind of colour
    vision. The last column is the score over all regions.

    Args:
        board: board of a split whose folds are regions (`has_regions`).
        card: card of the task.
        name: name of the figure.
    """
    by_fold = board.ranking.by_fold.xs(card.name, axis=1, level="task")
    regions = [str(fold) for fold in by_fold.columns]
    column = [task.name for task in board.tasks].index(card.name)
    values = np.array(
        [
            [*by_fold.loc[row.name].to_numpy(dtype=np.float64), row.scores[column].mean]
            for row in board.rows
        ]
    )
    titles = [short_title(row.title) for row in board.rows]
    heads = [literal(textwrap.shorten(r, MAX_REGION, placeholder="…")) for r in [*regions, "all"]]
    left = text_width(titles) + 0.08
    width = max(COLUMN, left + MIN_CELL * len(heads) + RIGHT)
    top = text_width(heads) * np.sin(np.radians(SLANT)) + 0.12
    height = top + ROW * len(titles) + 0.04

    def draw(fig: Figure) -> None:
        fig.set_layout_engine("none")
        across = (width - left - RIGHT) / width
        ax = fig.add_axes((left / width, 0.04 / height, across, ROW * len(titles) / height))
        ax.imshow(values, cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
        for y, x in np.ndindex(*values.shape):
            value = float(values[y, x])
            text = DASH if np.isnan(value) else number(value, 2).replace("-", "\N{MINUS SIGN}")
            colour = "white" if abs(value) > DARK else "black"
            ax.text(x, y, text, fontsize=SMALL, ha="center", va="center_baseline", color=colour)
        ax.axvline(len(regions) - 0.5, color="white", lw=2)
        ax.set_yticks(range(len(titles)), titles)
        ax.set_xticks(range(len(heads)), heads, rotation=SLANT, ha="left", rotation_mode="anchor")
        ax.tick_params(length=0, labelcolor="black")
        ax.tick_params(axis="x", top=True, labeltop=True, bottom=False, labelbottom=False, pad=1)
        for spine in ax.spines.values():
            spine.set_visible(False)

    score = METRIC_SIGNS[board.ranking.metrics[card.name]]
    caption = sentences(
        [
            f"{card.title}: {score} in each region that is held out in turn, {board.split} with "
            f"the {board.probe} probe, mean over the seeds that are done; last column: all regions "
            "together.",
            board.subtitle,
            board.edition_note_of([card.name]),
        ]
    )
    return Drawing(name, width, height, draw, caption)
