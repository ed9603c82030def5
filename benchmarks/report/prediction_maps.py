"""Maps of the target, the prediction of an encoder, and its error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.report.coastlines import ATTRIBUTION
from satclip_bench.benchmarks.report.drawing import Drawing, sentences
from satclip_bench.benchmarks.report.map_axes import colour_bar, draw_points, map_axes, shape
from satclip_bench.benchmarks.report.maps import class_colours, class_counts
from satclip_bench.benchmarks.report.style import PAGE, QUALITATIVE, SMALL
from satclip_bench.tasks import TaskTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TAIL = 0.95
"""Share of the errors within the range of their colours."""
RIGHT = "#BBD3E6"


@dataclass(frozen=True)
class PredictionMap:
    """Predictions of one encoder under one seed, for a map.

    Attributes:
        title: title of the encoder.
        seed: seed of the split.
        rows: `(n,)` rows of the table, each once.
        prediction: `(n,)` predicted values or class indices.
    """

    title: str
    seed: int
    rows: NDArray[np.int64]
    prediction: NDArray[np.float64]


def predictions_drawing(table: TaskTable, shown: PredictionMap, what: str, name: str) -> Drawing:
    """Target, prediction and error at the test points, side by side.

    Target and prediction share their colours. Errors of a regression are target minus prediction,
    on a scale with white at zero; those of a classification are right or wrong.

    Args:
        table: table of the task.
        shown: predictions of an encoder.
        what: split and probe, for the caption.
        name: name of the figure.
    """
    target = table.target[shown.rows]

    def draw(fig: Figure) -> None:
        grid = fig.add_gridspec(1, 3)
        axes = [map_axes(fig, grid[place], table, 0) for place in range(3)]
        for ax, title in zip(axes, ("target", "prediction", "error"), strict=True):
            ax.set_title(title)
        if table.classes is None:
            low, high = np.percentile(target, [1, 99])
            for ax, values in zip(axes, (target, shown.prediction), strict=False):
                dots = draw_points(ax, table, shown.rows, c=values, vmin=low, vmax=high, s=1)
                colour_bar(ax, dots, table.card.unit, extend="both")
            _residuals(axes[2], table, shown, target - shown.prediction)
        else:
            colours = class_colours(class_counts(table))
            for ax, values in zip(axes, (target, shown.prediction), strict=False):
                draw_points(ax, table, shown.rows, color=colours[values.astype(np.int64)], s=1)
            mistakes(axes[2], table, shown.rows, target != shown.prediction, 1)

    height = min(PAGE / 3 * shape(table), 3.2) + (0.65 if table.classes is None else 0.4)
    regression = table.classes is None
    caption = sentences(
        [
            f"{table.card.title}: target, prediction of {shown.title} and error at the test points "
            f"of seed {shown.seed} ({what}).",
            f"Colours end at the 1st and 99th percentile of the target, and at the {TAIL:.0%} "
            "quantile of the size of the errors."
            if regression
            else "Target and prediction share the colours of the classes.",
            f"{table.edition.capitalize()} edition. Coastlines: {ATTRIBUTION}.",
        ]
    )
    return Drawing(name, PAGE, height, draw, caption)


def _residuals(
    ax: Axes, table: TaskTable, shown: PredictionMap, residual: NDArray[np.float64]
) -> None:
    reach = float(np.quantile(np.abs(residual), TAIL)) or 1.0
    # The largest are drawn on top, so that neighbours do not hide failures.
    order = np.argsort(np.abs(residual), kind="stable")
    look = {"cmap": "RdBu", "vmin": -reach, "vmax": reach, "s": 1}
    dots = draw_points(ax, table, shown.rows[order], c=residual[order], **look)
    colour_bar(ax, dots, f"target - prediction, {table.card.unit}", extend="both")


def mistakes(
    ax: Axes, table: TaskTable, rows: NDArray[np.int64], wrong: NDArray[np.bool_], size: float
) -> None:
    """Draw right and wrong predictions of classes on a map, with a legend below it.

    Args:
        ax: axes of `map_axes`.
        table: table of the task.
        rows: `(n,)` rows of the table.
        wrong: `(n,)` whether the prediction of a row is wrong.
        size: size of the dots in square points.
    """
    for chosen, colour, label in ((~wrong, RIGHT, "right"), (wrong, QUALITATIVE[5], "wrong")):
        draw_points(ax, table, rows[chosen], c=colour, s=size, label=label)
    ax.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=2,
        frameon=False,
        fontsize=SMALL,
        markerscale=3,
    )
