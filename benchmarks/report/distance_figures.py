"""Figure of the skill against the distance to the training set."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from satclip_bench.benchmarks.diagnostics.distance_skill import DistanceSkill
from satclip_bench.benchmarks.report.drawing import Drawing, sentences
from satclip_bench.benchmarks.report.style import (
    COLUMN,
    GREY,
    LIGHT,
    MARKERS,
    QUALITATIVE,
    short_title,
)
from satclip_bench.tasks import TaskTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FLOOR = -1.0
"""Lower end of the axis of skill at the lowest, as skill has no lower bound."""
SPREAD = 0.4
"""Distance in bins between the marks of the first encoder and those of the last."""


def distance_drawing(
    table: TaskTable,
    bins: Mapping[str, Sequence[DistanceSkill]],
    baselines: Collection[str],
    what: str,
    name: str,
) -> Drawing:
    """Skill against the distance to the nearest training point, one line per encoder.

    Bins hold equally many points, so they are drawn evenly spaced, labelled with their medians.

    Args:
        table: table of the task.
        bins: skill by distance, by title, in the order of the legend; at most seven encoders.
        baselines: titles of the baselines among them.
        what: split and probe, for the caption.
        name: name of the figure.
    """
    # Encoders of other seeds can have other medians in a bin.
    median = {e.bin: e.km for entries in reversed(list(bins.values())) for e in entries}
    places = sorted(median)
    legend_rows = -(-len(bins) // 2)

    def draw(fig: Figure) -> None:
        ax = fig.subplots()
        colours = iter(QUALITATIVE)
        for number, (title, entries) in enumerate(bins.items()):
            baseline = title in baselines
            colour = GREY if baseline else next(colours)
            shift = SPREAD * (number / max(len(bins) - 1, 1) - 0.5)
            look = ("--" if baseline else "-", MARKERS[number % len(MARKERS)], colour)
            _line(ax, [(places.index(e.bin) + shift, e) for e in entries], look, title)
        ax.axhline(0, color=GREY, lw=0.6, zorder=0)
        ax.set_ylim(max(ax.get_ylim()[0], FLOOR), 1.0)
        ax.set_xticks(range(len(places)), [_km(median[place]) for place in places])
        ax.set_xlabel("distance to the nearest training point, km")
        ax.set_ylabel("skill")
        ax.grid(axis="y", color=LIGHT, lw=0.4)
        ax.set_axisbelow(True)
        fig.legend(loc="outside upper left", ncols=2, frameon=False, handlelength=2.4)

    caption = sentences(
        [
            f"{table.card.title}: skill over the training mean or majority by the distance of the "
            f"test points to the nearest training point of their fold ({what}), in bins of equally "
            "many points labelled with their median distance; pooled over folds and seeds.",
            "Bars: 95 % bootstrap intervals over equal-area blocks of test points.",
            "Dashed: the best baseline." if baselines else "",
            f"The axis ends at {FLOOR:g}.",
            f"{table.edition.capitalize()} edition.",
        ]
    )
    return Drawing(name, COLUMN, 2.1 + 0.12 * legend_rows, draw, caption)


def _line(
    ax: Axes, points: Sequence[tuple[float, DistanceSkill]], look: tuple[str, str, str], title: str
) -> None:
    line, mark, colour = look
    for x, entry in points:
        if not np.isnan(entry.low):
            ax.plot([x, x], [entry.low, entry.high], color=colour, lw=0.7, alpha=0.7)
    ax.plot(
        [x for x, _ in points],
        [entry.skill for _, entry in points],
        line,
        marker=mark,
        ms=2.8,
        lw=1.0,
        color=colour,
        label=short_title(title),
    )


def _km(distance: float) -> str:
    return f"{distance:.0f}" if distance >= 10 else f"{distance:.2g}"
