"""Where the parts of a split lie: one small map a fold."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from satclip_bench.benchmarks.report.maps import map_axes, place, shape
from satclip_bench.benchmarks.report.style import GREY, LIGHT, QUALITATIVE, figure, footer
from satclip_bench.benchmarks.splits.base import Fold, SplitCard
from satclip_bench.core.files import atomic_write
from satclip_bench.core.sphere import unit_vectors
from satclip_bench.tasks import TaskTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = 6
"""More folds than these are not drawn; the title says how many there are."""

PARTS = ("left out", "train", "validation", "test")
COLOURS = (LIGHT, QUALITATIVE[4], QUALITATIVE[1], "#222222")
"""Light to dark in the order of the parts, so that they are told apart without hue too."""

WIDTHS = {1: 6.4, 2: 9.6, 3: 9.6}
"""Of the figure in inches, by columns."""
SIZES = {1: 4.0, 2: 2.6, 3: 1.6}
"""Of the dots in square points."""
TALLEST = 4.6
NEIGHBOURS = 12
ALONE = 2.5
"""A point whose so many neighbours are all of one other part is drawn last and so much larger: the
few labels of a few-shot region would not be seen otherwise."""
DPI = 150
PALETTE = 64


def draw_split(
    table: TaskTable, split: SplitCard, folds: Sequence[Fold], path: Path, seed: int
) -> Path:
    """Draw which points of a task every fold trains on, chooses on and is judged on.

    Args:
        table: the task's.
        split: the card of the split.
        folds: its folds of that table; the first six are drawn.
        path: of the PNG.
        seed: of the folds.

    Raises:
        BenchError: the file cannot be written.
    """
    parts = [parts_of(fold, len(table)) for fold in folds[:PANELS]]
    columns = {1: 1, 2: 2, 4: 2}.get(len(parts), 3)
    rows = -(-len(parts) // columns)
    width = WIDTHS[columns]
    height = min((width / columns - 0.1) * shape(table), TALLEST) + 0.4
    with figure(width, height * rows + 0.55) as made:
        grid = made.add_gridspec(rows, columns)
        x, y = place(table)
        near = neighbours(table)
        for i, (fold, part) in enumerate(zip(folds, parts, strict=False)):
            ax = map_axes(made, grid[i // columns, i % columns], table, 0)
            alone = (part[near] == part[near[:, :1]]).all(axis=1) & (part[near[:, 0]] != part)
            for rows_of, size in ((~alone, 1), (alone, ALONE)):
                colours = [COLOURS[p] for p in part[rows_of]]
                ax.scatter(x[rows_of], y[rows_of], c=colours, s=size * SIZES[columns], lw=0)
            _caption(ax, fold, part)
        _legend(made, min(part.min() for part in parts))
        more = f" ({PANELS} of {len(folds)} folds)" if len(folds) > PANELS else ""
        made.suptitle(
            f"{table.card.title}: {split.title}{more}".replace("$", r"\$"),
            x=0.01,
            ha="left",
            fontsize=11,
            fontweight="bold",
        )
        footer(
            made,
            f"{split.title}: split {split.name}, version {split.version}, seed {seed}. "
            f"{table.edition.capitalize()} edition, {len(table):,} points.".replace("$", r"\$"),
        )
        return _save_small(made, path)


def neighbours(table: TaskTable) -> NDArray[np.int64]:
    """The rows nearest to each, `(N, 12)`, or fewer where there are not so many."""
    vectors = unit_vectors(table.lonlat)
    count = min(NEIGHBOURS + 1, len(vectors))
    return np.asarray(KDTree(vectors).query(vectors, k=np.arange(2, count + 1))[1])


def parts_of(fold: Fold, rows: int) -> NDArray[np.int64]:
    """The part of each row, `(rows,)`, as a position in `PARTS`."""
    part = np.zeros(rows, dtype=np.int64)
    for number, members in enumerate((fold.train, fold.validation, fold.test), start=1):
        part[members] = number
    return part


def _caption(ax: Axes, fold: Fold, part: NDArray[np.int64]) -> None:
    """The fold's name, and below it how many points each part has."""
    counts = np.bincount(part, minlength=len(PARTS))
    order = (1, 2, 3, 0) if counts[0] else (1, 2, 3)
    ax.set_title(
        " · ".join(f"{PARTS[p]} {counts[p]:,}" for p in order),
        fontsize=6.8,
        fontweight="normal",
        color=GREY,
        pad=4,
    )
    name = f"fold {fold.name}" if fold.name.isdigit() else fold.name
    ax.annotate(
        name.replace("$", r"\$"),
        (0, 1),
        (0, 14),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=9,
        fontweight="bold",
    )


def _save_small(made: Figure, path: Path) -> Path:
    """Write a figure as PNG with a palette, a quarter of the size: a run has dozens of these."""
    from PIL import Image

    content = io.BytesIO()
    made.savefig(content, format="png", dpi=DPI, pil_kwargs={"compress_level": 0})
    picture = Image.open(content).convert("RGB")
    picture = picture.quantize(PALETTE, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    with atomic_write(path) as stream:
        picture.save(stream, format="PNG")
    return path


def _legend(made: Figure, first: int) -> None:
    from matplotlib.lines import Line2D

    dots = [
        Line2D([], [], ls="", marker="o", ms=5, mew=0, color=colour, label=part)
        for colour, part in zip(COLOURS, PARTS, strict=True)
    ]
    # What is left out stands last, and only where anything is.
    handles = dots[1:] if first else [*dots[1:], dots[0]]
    made.legend(handles=handles, loc="outside upper right", ncols=len(handles), frameon=False)
