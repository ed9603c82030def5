"""Figure of a task's diagnostics: errors by distance, latitude and biome, and maps of residuals."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.diagnostics.diagnosis import Diagnosis
from satclip_bench.benchmarks.diagnostics.strata import UNKNOWN, Stratum
from satclip_bench.benchmarks.report.coastlines import ATTRIBUTION
from satclip_bench.benchmarks.report.drawing import Drawing
from satclip_bench.benchmarks.report.map_axes import colour_bar, draw_points, map_axes, shape
from satclip_bench.benchmarks.report.prediction_maps import mistakes
from satclip_bench.benchmarks.report.style import (
    GREY,
    LEGEND_LINE,
    LIGHT,
    MARKERS,
    PAGE,
    QUALITATIVE,
    SMALL,
    legend_above,
    legend_columns,
    literal,
    short_title,
)
from satclip_bench.benchmarks.report.wording import listed
from satclip_bench.tasks import TaskTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import GridSpecBase

MAX_ENCODERS = 5
"""Maximum number of encoders drawn, best first, besides the best baseline."""

MIN_POINTS = 10
"""Minimum number of test points of a stratum in the figure; the frame has them all."""

ERRORS = 2.3
"""Height in inches of the panels of errors."""

LOG_FROM, TWO_DECADES = 10.0, 100.0
"""Ratio of the largest to the smallest error from which on the scale is logarithmic, and from which
on only powers of ten are labelled."""

SHORT_BIOMES = (
    ("Tropical and subtropical", "Tropical"),
    (" and shrublands", ""),
    (", woodlands and scrub", ""),
    (", savannas", ", savannas"),
    (" and mixed", ", mixed"),
    (" and taiga", ", taiga"),
    (" and xeric shrublands", ", xeric"),
)


@dataclass(frozen=True)
class ErrorMap:
    """Residuals of one encoder under one seed, for a map.

    Attributes:
        title: title of the encoder.
        seed: seed of the split.
        rows: `(n,)` rows of the table.
        residual: `(n,)` target - prediction; for classes 1 if wrong, else 0.
    """

    title: str
    seed: int
    rows: NDArray[np.int64]
    residual: NDArray[np.float64]


def diagnostics_drawing(
    table: TaskTable,
    diagnoses: Sequence[Diagnosis],
    baselines: Collection[str],
    maps: Sequence[ErrorMap],
    what: str,
    name: str,
) -> Drawing:
    """Errors of one task by distance, latitude and biome, and maps of residuals.

    Args:
        table: table of the task.
        diagnoses: diagnoses of its encoders, best first, with titles in place of names.
        baselines: titles of the baselines among them.
        maps: residuals for one or two maps, side by side.
        what: split and probe, for the caption.
        name: name of the figure.
    """
    encoders = [d for d in diagnoses if d.encoder not in baselines][:MAX_ENCODERS]
    best = [d for d in diagnoses if d.encoder in baselines][:1]
    drawn = [*encoders, *best]
    colours = [*QUALITATIVE[: len(encoders)], *([GREY] * len(best))]
    # A map fills half of the width; the height of a tall extent is limited.
    height = float(np.clip((PAGE / 2 - 0.2) * shape(table), 1.5, 3.0)) + 0.4
    titles = [short_title(d.encoder) for d in drawn]
    columns = legend_columns(titles, PAGE)
    legend = -(-len(drawn) // columns) * LEGEND_LINE + 0.05

    def draw(fig: Figure) -> None:
        grid = fig.add_gridspec(2, 1, height_ratios=(ERRORS, height))
        errors = grid[0].subgridspec(1, 3)
        _curve(fig.add_subplot(errors[0]), drawn, colours, "distance", table)
        _curve(fig.add_subplot(errors[1]), drawn, colours, "latitude", table)
        _biomes(fig.add_subplot(errors[2]), drawn, colours, table)
        _maps(fig, grid[1].subgridspec(1, len(maps)), table, maps)
        handles = [
            fig.axes[0].plot([], [], label=title, **_look(colour, number))[0]
            for number, (title, colour) in enumerate(zip(titles, colours, strict=True))
        ]
        legend_above(fig, handles, columns)

    caption = _caption(table, diagnoses, encoders, best, maps, what)
    return Drawing(name, PAGE, ERRORS + height + legend, draw, caption)


def _look(colour: str, number: int) -> dict[str, Any]:
    """Options of `Axes.plot` for the line of an encoder, or of the baseline, which is dashed."""
    return {
        "color": colour,
        "marker": MARKERS[number % len(MARKERS)],
        "ls": "--" if colour == GREY else "-",
        "ms": 2.4,
        "lw": 0.9,
    }


def _strata(diagnosis: Diagnosis, kind: str) -> list[Stratum]:
    return [s for s in diagnosis.strata if s.kind == kind and s.n >= MIN_POINTS]


def _curve(
    ax: Axes, drawn: Sequence[Diagnosis], colours: Sequence[str], kind: str, table: TaskTable
) -> None:
    """Draw errors by distance or latitude, with bins evenly spaced."""
    places = sorted({s.place for d in drawn for s in _strata(d, kind)})
    for number, (d, colour) in enumerate(zip(drawn, colours, strict=True)):
        strata = _strata(d, kind)
        at = np.array([places.index(s.place) for s in strata], dtype=np.float64)
        at += (number - (len(drawn) - 1) / 2) * 0.011 * len(places)
        _bars(ax, strata, at, colour, along="x")
        ax.plot(at, [s.error for s in strata], **_look(colour, number))
    if kind == "distance":
        ax.set_title("By distance to training points")
        ax.set_xticks(range(len(places)), [f"{p:.0f}" if p >= 10 else f"{p:.2g}" for p in places])
        ax.set_xlabel("km to the nearest, median of the bin")
    else:
        ax.set_title("By latitude, N or S")
        ax.set_xticks(range(len(places)), [f"{p:g}" for p in places])
        ax.set_xlabel("degrees, middle of each band")
    ax.set_ylabel(_unit(table))
    _scale(ax, "y", drawn, table)
    ax.grid(axis="y", color=LIGHT, lw=0.5)
    ax.set_axisbelow(True)


def _biomes(ax: Axes, drawn: Sequence[Diagnosis], colours: Sequence[str], table: TaskTable) -> None:
    """Draw errors by biome, one row each, with the hardest for the best encoder on top."""
    first = {s.name: s.error for s in _strata(drawn[0], "biome")}
    names = sorted(first, key=lambda name: first[name])
    for number, (d, colour) in enumerate(zip(drawn, colours, strict=True)):
        strata = [s for s in _strata(d, "biome") if s.name in first]
        at = np.array([names.index(s.name) for s in strata], dtype=np.float64)
        at -= (number - (len(drawn) - 1) / 2) * 0.11
        _bars(ax, strata, at, colour, along="y")
        ax.plot([s.error for s in strata], at, **{**_look(colour, number), "ls": ""})
    for y in range(len(names)):
        ax.axhline(y, color=LIGHT, lw=0.5, zorder=0)
    ax.set_yticks(range(len(names)), [short(name) for name in names])
    ax.set_ylim(-0.6, len(names) - 0.4)
    ax.tick_params(axis="y", length=0)
    ax.set_title("By biome")
    ax.set_xlabel(_unit(table))
    _scale(ax, "x", drawn, table)


def _bars(
    ax: Axes, strata: Sequence[Stratum], at: NDArray[np.float64], colour: str, along: str
) -> None:
    for x, s in zip(at, strata, strict=True):
        if np.isfinite(s.low):
            line = ([x, x], [s.low, s.high])
            ax.plot(*(line if along == "x" else line[::-1]), lw=0.7, color=colour, alpha=0.6)


def _scale(ax: Axes, axis: str, drawn: Sequence[Diagnosis], table: TaskTable) -> None:
    values = [s.error for d in drawn for s in d.strata if s.n >= MIN_POINTS and s.error > 0]
    wide = max(values) / min(values) if values else 1.0
    low = 0.0
    if table.card.task_type == "classification":
        # Leaves room for marks at zero.
        low = -0.02
    elif wide > LOG_FROM:
        from matplotlib.ticker import LogLocator, NullFormatter

        (ax.set_xscale if axis == "x" else ax.set_yscale)("log")
        ticks = ax.xaxis if axis == "x" else ax.yaxis
        ticks.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if wide < TWO_DECADES else (1.0,)))
        ticks.set_major_formatter("{x:g}")
        ticks.set_minor_formatter(NullFormatter())
        return
    (ax.set_xlim if axis == "x" else ax.set_ylim)(low, None)


def short(biome: str) -> str:
    """Short name of a biome."""
    for long, brief in SHORT_BIOMES:
        biome = biome.replace(long, brief)
    return "no label nearby" if biome == UNKNOWN else biome


def _unit(table: TaskTable) -> str:
    if table.card.task_type == "classification":
        return "share of wrong classes"
    return literal(f"mean |error|, {table.card.unit}")


def _maps(fig: Figure, grid: GridSpecBase, table: TaskTable, maps: Sequence[ErrorMap]) -> None:
    regression = table.card.task_type == "regression"
    # Both maps share the scale of the better one; larger residuals of the worse are at its ends.
    reach = float(np.quantile(np.abs(maps[0].residual), 0.95)) or 1.0
    size = 1.6 if table.card.extent == "global" else 1.0
    for number, shown in enumerate(maps):
        ax = map_axes(fig, grid[number], table, SMALL if number == 0 else 0)
        ax.set_anchor("N")
        rank = "" if len(maps) == 1 else ", the best encoder" if number == 0 else ", the worst"
        ax.set_title(f"{short_title(shown.title)}{rank}")
        # The largest are drawn on top, so that neighbours do not hide failures.
        order = np.argsort(np.abs(shown.residual), kind="stable")
        rows, residual = shown.rows[order], shown.residual[order]
        if regression:
            look = {"cmap": "RdBu", "vmin": -reach, "vmax": reach}
            dots = draw_points(ax, table, rows, c=residual, s=size, **look)
            colour_bar(ax, dots, f"target - prediction, {table.card.unit}", extend="both")
        else:
            mistakes(ax, table, rows, residual > 0, size)


def _caption(
    table: TaskTable,
    diagnoses: Sequence[Diagnosis],
    encoders: Sequence[Diagnosis],
    best: Sequence[Diagnosis],
    maps: Sequence[ErrorMap],
    what: str,
) -> str:
    parts = [f"the {len(encoders)} best by score" if len(encoders) > 1 else "one encoder"]
    if best:
        parts.append(f"the best baseline ({best[0].encoder}, dashed)")
    note = (
        f"{table.card.title}: mean error by distance, latitude and biome, and residuals on maps "
        f"({what}). Drawn: {listed(parts)}, of {len(diagnoses)} in all. Bars: 95 % bootstrap "
        f"intervals over equal-area blocks. Strata of fewer than {MIN_POINTS} test points are left "
        f"out. Maps: test points of seed {maps[0].seed}"
    )
    if table.card.task_type == "regression":
        note += ", with colours up to the 95th percentile of the best encoder's residuals"
    return f"{note}. {table.edition.capitalize()} edition. Coastlines: {ATTRIBUTION}."
