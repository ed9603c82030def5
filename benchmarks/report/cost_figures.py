"""Figure of the score against the time that fitting and predicting take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.report.board import Board
from satclip_bench.benchmarks.report.drawing import Drawing, sentences
from satclip_bench.benchmarks.report.style import (
    COLUMN,
    GREY,
    LIGHT,
    RANDOM,
    SMALL,
    short_title,
    text_width,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NUMBER = 0.26
"""Width in inches of the numbers in the list of encoders."""
LABEL = (0.17, 0.085)
"""Width and height in inches that a number beside a point takes."""
LINE = 0.115
"""Height in inches of a line of the list of encoders."""


def cost_drawing(board: Board, seconds: Mapping[str, float], name: str) -> Drawing:
    """Mean score over the tasks against seconds per 10,000 points, with numbered points.

    Encoders that are not complete, or whose times are not known, are left out.

    Args:
        board: board of a split and probe, in skill for one scale over all tasks.
        seconds: seconds of fitting and predicting per 10,000 points, by encoder.
        name: name of the figure.
    """
    rows = [row for row in board.rows if not row.missing and row.name in seconds]
    means = {row.name: float(np.mean([score.mean for score in row.scores])) for row in rows}
    rows.sort(key=lambda row: -means[row.name])
    height = max(1.9, LINE * len(rows) + 0.2)

    titles = [short_title(row.title) for row in rows]
    side = text_width(titles) + NUMBER

    def draw(fig: Figure) -> None:
        from matplotlib.ticker import NullFormatter

        ax, names = fig.subplots(1, 2, width_ratios=(COLUMN - side, side))
        names.set_axis_off()
        names.set_xlim(0, side)
        names.set_ylim(height / LINE, 0)
        for number, (row, title) in enumerate(zip(rows, titles, strict=True), start=1):
            colour = GREY if row.baseline else RANDOM
            x, y = seconds[row.name], means[row.name]
            ax.plot(x, y, "s" if row.baseline else "o", ms=3, color=colour, mec="white", mew=0.3)
            look = {"fontsize": SMALL, "va": "center_baseline", "clip_on": False}
            names.text(NUMBER - 0.1, number, str(number), color=colour, ha="right", **look)
            names.text(NUMBER - 0.06, number, title, **look)
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set_xlabel("seconds per 10,000 points")
        ax.set_ylabel("mean skill over tasks" if board.shows_skill else "mean score over tasks")
        ax.grid(color=LIGHT, lw=0.4)
        ax.set_axisbelow(True)
        ax.margins(0.12)
        fig.draw_without_rendering()
        points = [(seconds[row.name], means[row.name]) for row in rows]
        pixels = ax.transData.transform(points) / fig.dpi
        for number, (x, y) in enumerate(apart(pixels), start=1):
            colour = GREY if rows[number - 1].baseline else RANDOM
            at = ax.transData.inverted().transform((x * fig.dpi, y * fig.dpi))
            ax.text(*at, str(number), fontsize=SMALL, color=colour, va="center_baseline")

    caption = sentences(
        [
            f"Mean over {len(board.tasks)} task{'s' * (len(board.tasks) != 1)} of the score under "
            f"{board.split} with the {board.probe} probe, against the seconds of choosing "
            "settings, fitting and predicting per 10,000 training, validation and test points: "
            "seconds of the processor, or, on a GPU and in records from before November 2026, of "
            "the clock. Computing embeddings, which are kept, is not included. Grey squares: "
            "baselines.",
            board.subtitle,
            board.edition_note,
        ]
    )
    return Drawing(name, COLUMN, height, draw, caption)


def apart(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places of labels to the right of points `(n, 2)`, moved up or down until none overlap.

    Points and places are in inches; labels have the size `LABEL`.

    >>> apart(np.array([[0.0, 0.0], [0.0, 0.0]])).round(3).tolist()
    [[0.04, 0.0], [0.04, 0.085]]
    """
    placed: list[NDArray[np.float64]] = []
    for point in points:
        steps = sorted(range(-len(points), len(points) + 1), key=lambda step: (abs(step), -step))
        for step in steps:
            place = point + np.array([0.04, step * LABEL[1]])
            if all((np.abs(place - other) >= np.array(LABEL) - 1e-9).any() for other in placed):
                break
        placed.append(place)
    return np.array(placed).reshape(-1, 2)
