"""Maps of the training, validation and test sets of a split, one per fold."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from satclip_bench.benchmarks.report.map_axes import draw_points, map_axes, shape
from satclip_bench.benchmarks.report.style import (
    COLUMN,
    GREY,
    LIGHT,
    PAGE,
    QUALITATIVE,
    SMALL,
    TEXT,
    figure,
    footer,
    heading,
    literal,
    save_small,
)
from satclip_bench.benchmarks.splits.base import Fold, SplitCard
from satclip_bench.core.sphere import unit_vectors
from satclip_bench.tasks import TaskTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_PANELS = 6
"""Maximum number of folds drawn; the title gives the number of all folds."""

SETS = ("left out", "training", "validation", "test")
COLOURS = (LIGHT, QUALITATIVE[4], QUALITATIVE[1], "#222222")
"""Colours of the sets, from light to dark, so that they differ in lightness as well as in hue."""

SIZES = {1: 2.0, 2: 1.4, 3: 0.9}
"""Size of the dots in square points, by number of columns."""
MAX_TINT = 0.6
"""Fraction of white in the training colour of the last inner fold; the first has none."""
MAX_HEIGHT = 3.4
"""Maximum height of a panel in inches."""
NEIGHBOURS = 12
ISOLATED_SCALE = 2.5
"""A point whose 12 nearest neighbours are all in one other set is drawn last and larger by this
factor: the few labels of a few-shot region would not be visible otherwise."""
CAPTION_COLUMNS = 48
"""Maximum number of characters of a line above a panel."""


def draw_split(
    table: TaskTable, split: SplitCard, folds: Sequence[Fold], path: Path, seed: int
) -> Path:
    """Draw the training, validation and test points of every fold.

    If a fold has inner folds, training points have a shade for each inner fold that holds them out.

    Args:
        table: table of the task.
        split: card of the split.
        folds: folds of the table; the first six are drawn.
        path: path of the file, PNG, PDF or SVG.
        seed: seed of the folds.

    Raises:
        BenchError: the file cannot be written.
    """
    sets = [sets_of(fold, len(table)) for fold in folds[:MAX_PANELS]]
    columns = {1: 1, 2: 2, 4: 2}.get(len(sets), 3)
    rows = -(-len(sets) // columns)
    width = COLUMN if columns == 1 else PAGE
    height = min((width / columns - 0.1) * shape(table), MAX_HEIGHT) + 0.36
    with figure(width, height * rows + 0.55) as fig:
        grid = fig.add_gridspec(rows, columns)
        near = neighbours(table)
        for i, (fold, set_of) in enumerate(zip(folds, sets, strict=False)):
            ax = map_axes(fig, grid[i // columns, i % columns], table, 0)
            colour = colours_of(fold, len(table))
            isolated = (set_of[near] == set_of[near[:, :1]]).all(axis=1)
            isolated &= (set_of[near[:, :1]] != set_of[:, None]).any(axis=1)
            for rows_of, size in ((~isolated, 1), (isolated, ISOLATED_SCALE)):
                draw_points(
                    *(ax, table, np.flatnonzero(rows_of)),
                    c=colour[rows_of],
                    s=size * SIZES[columns],
                )
            _caption(ax, fold, set_of)
        _legend(fig, np.unique(np.concatenate(sets)), any(fold.inner for fold in folds))
        more = f" ({MAX_PANELS} of {len(folds)} folds)" if len(folds) > MAX_PANELS else ""
        heading(fig, f"{table.card.title}: {split.title}{more}")
        footer(
            fig,
            f"{split.title}: split {split.name}, version {split.version}, seed {seed}. "
            f"{table.edition.capitalize()} edition, {len(table):,} points.",
        )
        return save_small(fig, path)


def neighbours(table: TaskTable) -> NDArray[np.int64]:
    """Nearest other rows of each row, `(N, 12)`, or fewer if the table has fewer rows."""
    vectors = unit_vectors(table.lonlat)
    count = min(NEIGHBOURS + 1, len(vectors))
    return np.asarray(KDTree(vectors).query(vectors, k=np.arange(2, count + 1))[1])


def sets_of(fold: Fold, rows: int) -> NDArray[np.int64]:
    """Set of each row, `(rows,)`, as an index into `SETS`."""
    sets = np.zeros(rows, dtype=np.int64)
    for number, members in enumerate((fold.train, fold.validation, fold.test), start=1):
        sets[members] = number
    return sets


def colours_of(fold: Fold, rows: int) -> NDArray[np.str_]:
    """Colour of each row, `(rows,)`: that of its set, in a shade of the inner fold it is out of."""
    from matplotlib.colors import to_hex, to_rgb

    colours = np.array(COLOURS)[sets_of(fold, rows)]
    training = np.array(to_rgb(COLOURS[SETS.index("training")]))
    for inner, tint in zip(fold.inner, np.linspace(0, MAX_TINT, len(fold.inner)), strict=True):
        colours[inner.validation] = to_hex(training + tint * (1 - training)).upper()
    return colours


def _caption(ax: Axes, fold: Fold, sets: NDArray[np.int64]) -> None:
    """Write the fold's name, and below it the number of points of each set."""
    counts = np.bincount(sets, minlength=len(SETS))
    parts = [f"{SETS[s]} {counts[s]:,}" for s in (1, 2, 3, 0) if counts[s]]
    caption = textwrap.fill(" · ".join(parts), CAPTION_COLUMNS)
    ax.set_title(
        caption,
        fontsize=SMALL,
        fontweight="normal",
        color=GREY,
        pad=3,
    )
    name = f"fold {fold.name}" if fold.name.isdigit() else fold.name
    ax.annotate(
        literal(name),
        (0, 1),
        (0, 11 + 8 * caption.count("\n")),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=TEXT,
        fontweight="bold",
    )


def _legend(fig: Figure, present: NDArray[np.int64], nested: bool) -> None:
    from matplotlib.lines import Line2D

    names = {number: SETS[number] for number in present}
    if nested:
        names[SETS.index("training")] = "training (a shade per inner fold)"
    # Points that are left out come last in the legend, if there are any.
    handles = [
        Line2D([], [], ls="", marker="o", ms=5, mew=0, color=COLOURS[number], label=names[number])
        for number in sorted(names, key=lambda number: (number == 0, number))
    ]
    fig.legend(handles=handles, loc="outside upper right", ncols=len(handles), frameon=False)
