"""Figure of a task's diagnostics: errors by distance, latitude and biome, and maps of residuals."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.diagnostics.diagnosis import Diagnosis
from satclip_bench.benchmarks.diagnostics.strata import UNKNOWN, Stratum
from satclip_bench.benchmarks.report.maps import map_axes, place, shape
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


def draw_diagnostics(
    table: TaskTable,
    diagnoses: Sequence[Diagnosis],
    baselines: Collection[str],
    maps: Sequence[ErrorMap],
    what: str,
    path: Path,
) -> Path:
    """Draw the diagnostics of one task.

    Args:
        table: table of the task.
        diagnoses: diagnoses of its encoders, best first, with titles in place of names.
        baselines: titles of the baselines among them.
        maps: residuals for one or two maps, side by side.
        what: split and probe, for the title.
        path: path of the PNG.

    Raises:
        BenchError: the file cannot be written.
    """
    encoders = [d for d in diagnoses if d.encoder not in baselines][:MAX_ENCODERS]
    best = [d for d in diagnoses if d.encoder in baselines][:1]
    drawn = [*encoders, *best]
    colours = [*QUALITATIVE[: len(encoders)], *([GREY] * len(best))]
    width = 10.0
    # A map fills half of the width; the height of a tall extent is limited.
    height = float(np.clip((width / 2 - 0.4) * shape(table), 2.0, 4.2)) + 0.3
    with figure(width, 3.3 + height + 1.2) as fig:
        grid = fig.add_gridspec(3, 1, height_ratios=(0.2, 3.4, height))
        errors = grid[1].subgridspec(1, 3)
        _curve(fig.add_subplot(errors[0]), drawn, colours, "distance", table)
        _curve(fig.add_subplot(errors[1]), drawn, colours, "latitude", table)
        _biomes(fig.add_subplot(errors[2]), drawn, colours, table)
        _maps(fig, grid[2].subgridspec(1, len(maps)), table, maps)
        _legend(fig.add_subplot(grid[0]), drawn, colours, baselines)
        heading(fig, f"{table.card.title}: where it fails ({what})")
        footer(fig, _note(table, diagnoses, encoders, best, maps))
        return save(fig, path)


def _legend(
    ax: Axes, drawn: Sequence[Diagnosis], colours: Sequence[str], baselines: Collection[str]
) -> None:
    ax.set_axis_off()
    for d, colour in zip(drawn, colours, strict=True):
        title = literal(textwrap.shorten(d.encoder, 28, placeholder="…"))
        line = "--" if d.encoder in baselines else "-"
        ax.plot([], [], line, marker="o", ms=4, color=colour, label=title)
    ax.legend(loc="center left", ncols=len(drawn), frameon=False, fontsize=8, handlelength=3)


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
        line = "--" if colour == GREY else "-"
        ax.plot(at, [s.error for s in strata], line, marker="o", ms=3, lw=1.2, color=colour)
    if kind == "distance":
        ax.set_title("By distance to the training points")
        ax.set_xticks(range(len(places)), [f"{p:.0f}" if p >= 10 else f"{p:.2g}" for p in places])
        ax.set_xlabel("km to the nearest one, median of each bin", fontsize=8)
    else:
        ax.set_title("By latitude, north or south")
        ax.set_xticks(range(len(places)), [f"{p:g}" for p in places])
        ax.set_xlabel("degrees, middle of each band", fontsize=8)
    ax.set_ylabel(_unit(table), fontsize=8)
    ax.tick_params(axis="x", labelsize=7)
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
        ax.plot([s.error for s in strata], at, "o", ms=3, color=colour)
    for y in range(len(names)):
        ax.axhline(y, color=LIGHT, lw=0.5, zorder=0)
    ax.set_yticks(range(len(names)), [short(name) for name in names])
    ax.set_ylim(-0.6, len(names) - 0.4)
    ax.tick_params(axis="y", labelsize=6.8, length=0)
    ax.set_title("By biome")
    ax.set_xlabel(_unit(table), fontsize=8)
    _scale(ax, "x", drawn, table)


def _bars(
    ax: Axes, strata: Sequence[Stratum], at: NDArray[np.float64], colour: str, along: str
) -> None:
    for x, s in zip(at, strata, strict=True):
        if np.isfinite(s.low):
            line = ([x, x], [s.low, s.high])
            ax.plot(*(line if along == "x" else line[::-1]), lw=0.9, color=colour, alpha=0.6)


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
    x, y = place(table)
    regression = table.card.task_type == "regression"
    # Both maps share the scale of the better one; larger residuals of the worse are at its ends.
    reach = float(np.quantile(np.abs(maps[0].residual), 0.95)) or 1.0
    size = 4.0 if table.card.extent == "global" else 2.5
    for number, shown in enumerate(maps):
        ax = map_axes(fig, grid[number], table, 6.5)
        rank = "" if len(maps) == 1 else ", the best encoder" if number == 0 else ", the worst"
        ax.set_title(literal(f"{shown.title}{rank}"))
        # The largest are drawn on top, so that neighbours do not hide failures.
        order = np.argsort(np.abs(shown.residual), kind="stable")
        rows, residual = shown.rows[order], shown.residual[order]
        if regression:
            dots = ax.scatter(
                *(x[rows], y[rows]), c=residual, s=size, lw=0, cmap="RdBu", vmin=-reach, vmax=reach
            )
            bar = fig.colorbar(
                dots,
                ax=ax,
                orientation="horizontal",
                shrink=0.6,
                aspect=40,
                pad=0.03,
                extend="both",
            )
            bar.set_label(literal(f"target - prediction, {table.card.unit}"), fontsize=7)
            bar.ax.tick_params(labelsize=7)
            bar.outline.set_visible(False)
        else:
            wrong = residual > 0
            for rows_of, colour, name in (
                (~wrong, "#BBD3E6", "right"),
                (wrong, QUALITATIVE[5], "wrong"),
            ):
                ax.scatter(x[rows[rows_of]], y[rows[rows_of]], c=colour, s=size, lw=0, label=name)
            ax.legend(
                loc="upper center",
                bbox_to_anchor=(0.5, 0.02),
                ncols=2,
                frameon=False,
                fontsize=7,
                markerscale=2.5,
            )


def _note(
    table: TaskTable,
    diagnoses: Sequence[Diagnosis],
    encoders: Sequence[Diagnosis],
    best: Sequence[Diagnosis],
    maps: Sequence[ErrorMap],
) -> str:
    parts = [f"the {len(encoders)} best by score" if len(encoders) > 1 else "one encoder"]
    if best:
        parts.append(f"the best baseline ({best[0].encoder}, dashed)")
    note = (
        f"Drawn: {listed(parts)}, of {len(diagnoses)} in all. Bars: 95 % bootstrap intervals over "
        f"equal-area blocks. Strata of fewer than {MIN_POINTS} test points are left out. Maps: "
        f"test points of seed {maps[0].seed}"
    )
    if table.card.task_type == "regression":
        note += ", with colours up to the 95th percentile of the best encoder's residuals"
    return f"{note}. {table.edition.capitalize()} edition."
