"""Where a task's points lie, and what is to be predicted there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.report.model import edition_note
from benchmarks.report.style import GREY, LIGHT, figure, footer, save
from tasks import TaskTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMED_CLASSES = 20
"""More than these are coloured but not named."""


def draw_map(table: TaskTable, path: Path) -> Path:
    """Draw a task's points, coloured by target, over longitude and latitude.

    The plate carrée is stretched so that shapes are right at the middle latitude of the points.
    """
    card = table.card
    lat = table.lonlat[:, 1]
    world = card.extent == "global"
    legend = 0 < len(table.classes or ()) <= NAMED_CLASSES
    width, height = (6.2, 5.6) if card.extent == "California" else (9, 5.3 if legend else 4.5)
    with figure(width, height) as made:
        ax = made.subplots()
        if table.classes is None:
            _values(ax, table)
        else:
            _classes(ax, table)
        middle = np.radians(0 if world else (lat.min() + lat.max()) / 2)
        ax.set_aspect(1 / np.cos(middle))
        if world:
            ax.set(xlim=(-180, 180), ylim=(-60, 85))
            ax.set_xticks(range(-180, 181, 60))
            ax.set_yticks(range(-60, 61, 30))
        ax.grid(color=LIGHT, lw=0.5)
        ax.set_axisbelow(True)
        ax.tick_params(labelsize=7, colors=GREY, length=0)
        ax.xaxis.set_major_formatter(lambda x, _: _degrees(x, "WE"))
        ax.yaxis.set_major_formatter(lambda y, _: _degrees(y, "SN"))
        title = f"{card.title}: {card.target}, {len(table):,} points"
        made.suptitle(title, x=0.01, ha="left", fontsize=9.5, fontweight="bold")
        sources = "; ".join(s.attribution for s in card.editions[table.edition].sources)
        footer(made, f"{edition_note(table.edition, (card,))} Sources: {sources}.".strip())
        return save(made, path)


def _degrees(angle: float, sides: str) -> str:
    side = "" if angle == 0 else sides[int(angle > 0)]
    return f"{abs(angle):g}°{side}"


def _values(ax: Axes, table: TaskTable) -> None:
    lon, lat = table.lonlat.T
    low, high = np.percentile(table.target, [1, 99])
    dots = ax.scatter(
        lon, lat, c=table.target, s=4, lw=0, cmap="cividis", vmin=low, vmax=high, rasterized=True
    )
    bar = ax.figure.colorbar(dots, ax=ax, shrink=0.75, extend="both", pad=0.01)
    bar.set_label(table.card.unit, fontsize=8)
    bar.outline.set_visible(False)


def _classes(ax: Axes, table: TaskTable) -> None:
    import matplotlib as mpl

    lon, lat = table.lonlat.T
    classes = table.classes or ()
    target = table.target.astype(np.int64)
    if len(classes) <= NAMED_CLASSES:
        colours = mpl.colormaps["tab20"](np.arange(len(classes)))
        for index, name in enumerate(classes):
            here = target == index
            ax.scatter(lon[here], lat[here], color=colours[index], s=4, lw=0, label=name)
        ax.legend(
            loc="upper left",
            bbox_to_anchor=(0, -0.06),
            ncols=3,
            fontsize=5.8,
            frameon=False,
            markerscale=2.5,
            columnspacing=1.0,
            handletextpad=0.1,
            borderpad=0,
        )
        return
    # Too many to name: a fixed shuffle of hues, so that neighbours differ.
    hues = np.random.default_rng(0).permutation(len(classes)) / len(classes)
    ax.scatter(lon, lat, c=mpl.colormaps["turbo"](hues[target]), s=4, lw=0)
    ax.text(0.01, 0.03, f"{len(classes)} classes", transform=ax.transAxes, fontsize=8, color=GREY)
