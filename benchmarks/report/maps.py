"""Maps of a task's points, coloured by target, and of the regions that are held out."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.report.coastlines import ATTRIBUTION
from satclip_bench.benchmarks.report.drawing import Drawing, sentences
from satclip_bench.benchmarks.report.map_axes import colour_bar, draw_points, map_axes, place, shape
from satclip_bench.benchmarks.report.notes import edition_note
from satclip_bench.benchmarks.report.style import (
    DPI,
    LIGHT,
    PAGE,
    QUALITATIVE,
    SMALL,
    figure,
    literal,
    save,
)
from satclip_bench.benchmarks.splits.base import SplitInputs
from satclip_bench.benchmarks.splits.held_out_region import regions
from satclip_bench.benchmarks.splits.inner_folds import MIN_TEST
from satclip_bench.core.sphere import unit_vectors
from satclip_bench.tasks import TaskTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMED_CLASSES = 20
"""Maximum number of classes of which the most frequent have names and tested colours."""

MAX_COLOURS = 10
"""Number of Petroff's colours."""

OTHERS = 3
"""Place of the grey among Petroff's colours, for the less frequent of many classes."""

LEGEND_COLUMNS, MAX_CLASS = 3, 48
"""Columns of a legend of classes, and the maximum number of characters of a name in it."""

Colours = NDArray[np.float64]


def draw_map(table: TaskTable, path: Path, dpi: float = DPI) -> Path:
    """Draw a task's points coloured by target, as `map_drawing`, to one file."""
    drawing = map_drawing(table, path.stem)
    with figure(drawing.width, drawing.height) as fig:
        drawing.draw(fig)
        return save(fig, path, dpi)


def map_drawing(table: TaskTable, name: str) -> Drawing:
    """A task's points coloured by target, and a small map of the regions held out.

    The world is drawn in Mollweide's equal-area projection, and a smaller extent over longitude and
    latitude, scaled so that shapes are right at its middle latitude.

    Args:
        table: table of the task.
        name: name of the figure.
    """
    world = table.card.extent == "global"

    names = table.classes or ()
    legend = -(-len(_legend_entries(table)) // LEGEND_COLUMNS)

    def draw(fig: Figure) -> None:
        grid = fig.add_gridspec(1, 2, width_ratios=(1.9, 1))
        ax = map_axes(fig, grid[0], table, SMALL)
        ax.set_anchor("N")
        if table.classes is None:
            low, high = np.percentile(table.target, [1, 99])
            dots = draw_points(ax, table, c=table.target, vmin=low, vmax=high, s=2)
            colour_bar(ax, dots, table.card.unit)
        else:
            colours = class_colours(class_counts(table))
            draw_points(ax, table, color=colours[table.target.astype(np.int64)], s=2)
            _legend(fig, table)
        small = map_axes(fig, grid[1], table, 0)
        small.set_anchor("N")
        _regions(small, table)

    height = (2.25 if world else _height(table)) + (0.11 * legend + 0.1 if names else 0.4)
    return Drawing(name, PAGE, height, draw, _map_caption(table))


def _map_caption(table: TaskTable) -> str:
    card = table.card
    what = card.title
    if card.target.casefold() not in card.title.casefold():
        what += f": {card.target}"
    sources = "; ".join(
        source.attribution
        for name, edition in card.editions.items()
        if name == table.edition
        for source in edition.sources
        if source.attribution
    )
    caveats = {card.name: table.caveat} if table.caveat else None
    return sentences(
        [
            f"{what}, {len(table):,} points.",
            "Colours end at the 1st and 99th percentile." if table.classes is None else "",
            edition_note(table.edition, [card], caveats)
            or f"{table.edition.capitalize()} edition.",
            f"Sources: {sources}." if sources else "",
            f"Coastlines: {ATTRIBUTION}.",
        ]
    )


def _height(table: TaskTable) -> float:
    return float(np.clip(4.2 * shape(table), 1.8, 4.5))


def _regions(ax: Axes, table: TaskTable) -> None:
    """Draw points coloured by the regions of `held-out-region`; blocks are not named."""
    from matplotlib.patheffects import withStroke

    card = table.card
    if table.region is None and card.block_degrees is None:
        ax.set_visible(False)
        return
    points = SplitInputs(table.lonlat, table.target, table.region, card.block_degrees)
    names, index, counts = np.unique(regions(points), return_inverse=True, return_counts=True)
    held_out = counts >= MIN_TEST
    palette = [QUALITATIVE[i % len(QUALITATIVE)] for i in range(len(names))]
    colours = np.where(held_out, palette, LIGHT)
    x, y = place(table)
    ax.scatter(x, y, c=colours[index].tolist(), s=0.5, lw=0, rasterized=True)
    size = "" if card.block_degrees is None else f" of {card.block_degrees:g}°"
    title = f"Held out in turn: {held_out.sum()} {card.region}s{size}"
    if not held_out.all():
        title += "\n(grey: too few points, never held out)"
    ax.set_title(title, fontsize=SMALL, fontweight="normal")
    if card.block_degrees is not None:
        return
    for i, name in enumerate(names):
        centre = unit_vectors(table.lonlat[index == i]).mean(axis=0)
        lonlat = np.array([np.arctan2(centre[1], centre[0]), np.arctan2(*_rise(centre))])
        lon, lat = lonlat if card.extent == "global" else np.degrees(lonlat)
        # The map of a smaller extent goes on beyond 180 degrees.
        lon += 360 * (card.extent != "global" and lon < x.min() - 1)
        ax.text(
            lon,
            lat,
            literal(str(name).replace(" ", "\n")),
            fontsize=SMALL,
            ha="center",
            va="center",
            linespacing=0.9,
            path_effects=[withStroke(linewidth=1.6, foreground="white")],
        )


def _rise(vector: NDArray[np.float64]) -> tuple[float, float]:
    return float(vector[2]), float(np.hypot(vector[0], vector[1]))


def class_counts(table: TaskTable) -> NDArray[np.int64]:
    """Number of points of each class of a table, `(C,)`; empty for a regression."""
    if table.classes is None:
        return np.zeros(0, dtype=np.int64)
    return np.bincount(table.target.astype(np.int64), minlength=len(table.classes))


def class_colours(counts: NDArray[np.int64]) -> Colours:
    """Colours of classes, `(C, 3)`, by their numbers of points.

    Up to ten classes have the colours of Petroff (2021, arXiv 2107.02270), which differ under every
    kind of colour vision. Of up to 20, the nine most frequent have them and the others are grey.
    More classes have scattered hues: hue and lightness advance by irrational fractions of a turn,
    so that classes that are close in the list, which are often neighbours on the ground, differ in
    both.
    """
    import matplotlib as mpl
    from matplotlib.colors import hsv_to_rgb

    palette = np.array(mpl.color_sequences["petroff10"])
    if len(counts) <= MAX_COLOURS:
        return palette[: len(counts)]
    if len(counts) <= NAMED_CLASSES:
        colours = np.tile(palette[OTHERS], (len(counts), 1))
        named = frequent_classes(counts)
        colours[named] = np.delete(palette, OTHERS, axis=0)[: len(named)]
        return colours
    steps = np.arange(len(counts))
    hue = (steps * 0.618034) % 1
    value = 0.45 + 0.5 * ((steps * 0.754878) % 1)
    saturation = 0.45 + 0.5 * ((steps * 0.569840) % 1)
    return np.asarray(hsv_to_rgb(np.stack([hue, saturation, value], axis=1)))


def frequent_classes(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Classes that have a colour of their own among up to 20, in the order of the list.

    >>> frequent_classes(np.array([5] * 8 + [1, 2, 7])).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 10]
    """
    if len(counts) <= MAX_COLOURS:
        return np.arange(len(counts))
    return np.sort(np.argsort(-counts, kind="stable")[: MAX_COLOURS - 1])


def _legend_entries(table: TaskTable) -> list[tuple[str, str]]:
    """Texts of the legend of a table's classes with their colours, `none` if they have many."""
    from matplotlib.colors import to_hex

    counts, names = class_counts(table), table.classes or ()
    if len(counts) > NAMED_CLASSES:
        return [(f"{len(counts)} classes, one colour each", "none")]
    colours = [to_hex(colour) for colour in class_colours(counts)]
    named = frequent_classes(counts).tolist()
    entries = [(literal(short_class(names[place])), colours[place]) for place in named]
    if rest := [place for place in range(len(counts)) if place not in named]:
        share = 100 * counts[rest].sum() / counts.sum()
        entries.append(
            (f"{len(rest)} other classes, {share:.0f} % of the points", colours[rest[0]])
        )
    return entries


def _legend(fig: Figure, table: TaskTable) -> None:
    """Write the names of the classes with their colours below a figure, or how many there are."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], ls="", marker="o", ms=3, color=colour, label=label)
        for label, colour in _legend_entries(table)
    ]
    fig.legend(
        handles=handles,
        loc="outside lower left",
        ncols=LEGEND_COLUMNS,
        frameon=False,
        borderpad=0,
        labelspacing=0.3,
    )


def short_class(name: str) -> str:
    """Name of a class, shortened to the width of a legend's column."""
    return textwrap.shorten(name, MAX_CLASS, placeholder="…")
