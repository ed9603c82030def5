"""Maps of a task's points, coloured by target, and of the regions that are held out."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.report.notes import edition_note
from satclip_bench.benchmarks.report.style import (
    GREY,
    LIGHT,
    QUALITATIVE,
    figure,
    footer,
    heading,
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
    from matplotlib.gridspec import SubplotSpec

NAMED_CLASSES = 20
"""Maximum number of classes with a legend."""

SHAPES = (0.2, 5.0)
"""Smallest and largest ratio of height to width of a map."""

MAX_MIDDLE = 85.0
"""Latitude in degrees beyond which a map is not stretched further."""

Colours = NDArray[np.float64]


def draw_map(table: TaskTable, path: Path) -> Path:
    """Draw a task's points coloured by target, and a small map of the regions held out.

    The world is drawn in Mollweide's equal-area projection, and a smaller extent over longitude and
    latitude, scaled so that shapes are right at its middle latitude.
    """
    card = table.card
    world = card.extent == "global"
    with figure(9.6, 4.3 if world else _height(table)) as fig:
        grid = fig.add_gridspec(2, 2, width_ratios=(3.1, 1.25), height_ratios=(1, 1))
        ax = map_axes(fig, grid[:, 0], table, 7)
        x, y = place(table)
        if table.classes is None:
            low, high = np.percentile(table.target, [1, 99])
            dots = ax.scatter(x, y, c=table.target, s=4, lw=0, vmin=low, vmax=high)
            bar = fig.colorbar(
                dots, ax=ax, orientation="horizontal", shrink=0.5, aspect=35, pad=0.03
            )
            unit = literal(card.unit)
            bar.set_label(f"{unit} (colours end at the 1st and 99th percentile)", fontsize=7.5)
            bar.ax.tick_params(labelsize=7.5)
            bar.outline.set_visible(False)
        else:
            colours = class_colours(len(table.classes))
            ax.scatter(x, y, color=colours[table.target.astype(np.int64)], s=4, lw=0)
        _regions(map_axes(fig, grid[0, 1], table, 0), table)
        if table.classes is not None:
            _legend(fig.add_subplot(grid[1, 1]), table.classes)
        what = card.title
        if card.target.casefold() not in card.title.casefold():
            what += f": {card.target}"
        heading(fig, f"{what}, {len(table):,} points")
        sources = "; ".join(
            s.attribution
            for name, edition in card.editions.items()
            if name == table.edition
            for s in edition.sources
            if s.attribution
        )
        note = (
            edition_note(table.edition, [card], {card.name: table.caveat} if table.caveat else None)
            or f"{table.edition.capitalize()} edition."
        )
        footer(fig, f"{note} Sources: {sources}." if sources else note)
        return save(fig, path)


def _height(table: TaskTable) -> float:
    return float(np.clip(6.3 * shape(table) + 1.5, 3.2, 7.5))


def shape(table: TaskTable) -> float:
    """Ratio of height to width of a task's map."""
    if table.card.extent == "global":
        return 0.5
    width, height = np.ptp(table.lonlat, axis=0) * (_narrowing(table), 1)
    if width == height == 0:
        return 1.0
    # Points on one meridian or parallel have a map, too, if a narrow one.
    low, high = SHAPES
    return high if width * high <= height else max(float(height / width), low)


def _narrowing(table: TaskTable) -> float:
    """Length of a degree of longitude in degrees of latitude, at the middle of the table."""
    return float(np.cos(np.radians(np.clip(_middle(table), -MAX_MIDDLE, MAX_MIDDLE))))


def _middle(table: TaskTable) -> float:
    lat = table.lonlat[:, 1]
    return float(lat.min() + lat.max()) / 2


def place(table: TaskTable) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates in the units of the map's axes: radians for Mollweide's, else degrees."""
    lonlat = np.radians(table.lonlat) if table.card.extent == "global" else table.lonlat
    return lonlat[:, 0], lonlat[:, 1]


def map_axes(fig: Figure, where: SubplotSpec, table: TaskTable, label_size: float) -> Axes:
    """Empty axes with a graticule, with labels of latitude and longitude if their size is not 0."""
    from matplotlib.projections.geo import GeoAxes

    if table.card.extent == "global":
        ax = fig.add_subplot(where, projection="mollweide")
        if isinstance(ax, GeoAxes):
            ax.set_longitude_grid_ends(90)
        ax.set_xticks(np.radians(np.arange(-120, 121, 60)), [])
        lat = np.arange(-60, 61, 30)
        labels = [degrees(float(v), "SN") for v in lat] if label_size else []
        ax.set_yticks(np.radians(lat), labels)
        ax.spines["geo"].set_edgecolor(LIGHT)
    else:
        ax = fig.add_subplot(where)
        ax.set_aspect(1 / _narrowing(table))
        ax.locator_params(nbins=6)
        ax.xaxis.set_major_formatter(lambda x, _: degrees(x, "WE") if label_size else "")
        ax.yaxis.set_major_formatter(lambda y, _: degrees(y, "SN") if label_size else "")
        for spine in ("left", "bottom"):
            ax.spines[spine].set_visible(False)
    ax.grid(color=LIGHT, lw=0.5)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=label_size or 1, colors=GREY, length=0)
    return ax


def degrees(angle: float, sides: str) -> str:
    """An angle with its side; `sides` names the negative and the positive side.

    >>> degrees(-30, "SN")
    '30°S'
    """
    side = "" if angle == 0 else sides[int(angle > 0)]
    return f"{abs(angle):g}°{side}"


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
    ax.scatter(x, y, c=colours[index].tolist(), s=0.8, lw=0)
    size = "" if card.block_degrees is None else f" of {card.block_degrees:g}°"
    title = f"Held out in turn: {held_out.sum()} {card.region}s{size}"
    if not held_out.all():
        title += "\n(grey: too few points, never held out)"
    ax.set_title(title, fontsize=7.5, fontweight="normal")
    if card.block_degrees is not None:
        return
    for i, name in enumerate(names):
        centre = unit_vectors(table.lonlat[index == i]).mean(axis=0)
        lonlat = np.array([np.arctan2(centre[1], centre[0]), np.arctan2(*_rise(centre))])
        lon, lat = lonlat if card.extent == "global" else np.degrees(lonlat)
        ax.text(
            lon,
            lat,
            literal(str(name).replace(" ", "\n")),
            fontsize=5.5,
            ha="center",
            va="center",
            linespacing=0.9,
            path_effects=[withStroke(linewidth=1.6, foreground="white")],
        )


def _rise(vector: NDArray[np.float64]) -> tuple[float, float]:
    return float(vector[2]), float(np.hypot(vector[0], vector[1]))


def class_colours(count: int) -> Colours:
    """Colours of classes, `(count, 3)`: a named palette for few classes, scattered hues for many.

    Hue and lightness advance by irrational fractions of a turn, so that classes that are close in
    the list, which are often neighbours on the ground, differ in both.
    """
    import matplotlib as mpl
    from matplotlib.colors import hsv_to_rgb

    if count <= NAMED_CLASSES:
        return np.asarray(mpl.colormaps["tab20"](np.arange(count)))[:, :3]
    steps = np.arange(count)
    hue = (steps * 0.618034) % 1
    value = 0.45 + 0.5 * ((steps * 0.754878) % 1)
    saturation = 0.45 + 0.5 * ((steps * 0.569840) % 1)
    return np.asarray(hsv_to_rgb(np.stack([hue, saturation, value], axis=1)))


def _legend(ax: Axes, classes: tuple[str, ...]) -> None:
    ax.set_axis_off()
    if len(classes) > NAMED_CLASSES:
        ax.text(0, 1, f"{len(classes)} classes, one colour each", fontsize=7.5, va="top")
        return
    for colour, name in zip(class_colours(len(classes)), classes, strict=True):
        label = literal(textwrap.fill(name, 48))
        ax.scatter([], [], color=[colour], s=12, lw=0, label=label)
    ax.legend(
        loc="upper left",
        bbox_to_anchor=(-0.1, 1.0),
        fontsize=6.3,
        frameon=False,
        borderpad=0,
        labelspacing=0.35,
        handletextpad=0.2,
    )
