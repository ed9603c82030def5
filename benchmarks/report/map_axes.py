"""Axes of maps: the world in Mollweide's projection, a smaller extent by longitude and latitude."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.report.coastlines import coastlines
from satclip_bench.benchmarks.report.style import GREY, LIGHT, SMALL, literal
from satclip_bench.core.sphere import continuous_longitudes
from satclip_bench.tasks import TaskTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec

SHAPES = (0.2, 5.0)
"""Smallest and largest ratio of height to width of a map."""

MAX_MIDDLE = 85.0
"""Latitude in degrees beyond which a map is not stretched further."""

MARGIN, MIN_MARGIN = 0.04, 0.02
"""Margin around the points of a region, as a share of their extent, and its minimum in degrees."""

COAST = "#A0A0A0"
"""Colour of coastlines."""

STRETCHES = 4
"""Straight lines in Mollweide's projection as which one between two points of a coast is drawn."""


def shape(table: TaskTable) -> float:
    """Ratio of height to width of a task's map."""
    if table.card.extent == "global":
        return 0.5
    width, height = np.ptp(_on_one_map(table), axis=0) * (_narrowing(table), 1)
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
    lonlat = np.radians(table.lonlat) if table.card.extent == "global" else _on_one_map(table)
    return lonlat[:, 0], lonlat[:, 1]


def _on_one_map(table: TaskTable) -> NDArray[np.float64]:
    """Lonlat of a smaller extent, which goes on beyond 180 degrees if it crosses them."""
    lon, lat = table.lonlat.T
    return np.stack([continuous_longitudes(lon), lat], axis=1)


def map_axes(fig: Figure, where: SubplotSpec, table: TaskTable, label_size: float) -> Axes:
    """Axes with coastlines and a graticule, labelled in degrees if the size of labels is not 0."""
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
        draw_world_coast(ax)
    else:
        ax = fig.add_subplot(where)
        ax.set_aspect(1 / _narrowing(table))
        ax.locator_params(nbins=6)
        ax.xaxis.set_major_formatter(lambda x, _: longitude(x) if label_size else "")
        ax.yaxis.set_major_formatter(lambda y, _: degrees(y, "SN") if label_size else "")
        for spine in ("left", "bottom"):
            ax.spines[spine].set_visible(False)
        low, high = _frame(table)
        ax.set_xlim(low[0], high[0])
        ax.set_ylim(low[1], high[1])
        turns = (-360, 0, 360)
        lines = [np.add(line, (turn, 0)) for turn in turns for line in coastlines("region")]
        _draw_coast(
            ax, [x for x in lines if (x.max(axis=0) > low).all() and (x.min(axis=0) < high).all()]
        )
    ax.grid(color=LIGHT, lw=0.4)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=label_size or 1, colors=GREY, length=0)
    return ax


def _frame(table: TaskTable) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest `(2,)` lonlat of a map: those of the points with a margin."""
    lonlat = _on_one_map(table)
    low, high = lonlat.min(axis=0), lonlat.max(axis=0)
    margin = np.maximum(MARGIN * (high - low), MIN_MARGIN)
    return low - margin, high + margin


def draw_world_coast(ax: Axes, **look: Any) -> None:
    """Draw coastlines on axes in Mollweide's projection; `look` is that of `LineCollection`."""
    from matplotlib.path import Path

    # Matplotlib would take 75 stretches, and project them twice per drawing, which is most of the
    # time of a map.
    projected = ax.transData - ax.transAxes
    lines = [
        projected.transform(Path(np.radians(line)).interpolated(STRETCHES).vertices)
        for line in coastlines("world")
    ]
    _draw_coast(ax, lines, transform=ax.transAxes, **look)


def _draw_coast(ax: Axes, lines: Sequence[NDArray[np.float64]], **look: Any) -> None:
    from matplotlib.collections import LineCollection

    # Below the points.
    coast = LineCollection(
        list(lines), **{"colors": COAST, "linewidths": 0.4, "zorder": 0.9, **look}
    )
    # Coastlines do not widen the axes.
    ax.add_collection(coast, autolim=False)


def degrees(angle: float, sides: str) -> str:
    """An angle with its side; `sides` names the negative and the positive side.

    >>> degrees(-30, "SN")
    '30°S'
    """
    side = "" if angle == 0 else sides[int(angle > 0)]
    return f"{abs(angle):g}°{side}"


def longitude(angle: float) -> str:
    """A longitude with its side, also one beyond 180 degrees.

    >>> longitude(180), longitude(190)
    ('180°', '170°W')
    """
    turned = (angle + 180) % 360 - 180
    return "180°" if turned == -180 else degrees(turned, "WE")


def draw_points(
    ax: Axes, table: TaskTable, rows: NDArray[np.int64] | None = None, **look: Any
) -> PathCollection:
    """Draw points of a table, as a picture even in a vector file, which would be large.

    Args:
        ax: axes of `map_axes`.
        table: table of the task.
        rows: rows to draw, in this order; all by default.
        look: colours and sizes, as `Axes.scatter` takes them.
    """
    x, y = place(table)
    if rows is not None:
        x, y = x[rows], y[rows]
    return ax.scatter(x, y, lw=0, rasterized=True, **look)


def colour_bar(ax: Axes, colours: ScalarMappable, label: str, **options: Any) -> None:
    """Add a horizontal bar below a map with the values of its colours."""
    bar = ax.figure.colorbar(
        colours, ax=ax, orientation="horizontal", shrink=0.6, aspect=30, pad=0.04, **options
    )
    bar.set_label(literal(label), fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)
