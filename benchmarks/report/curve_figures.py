"""Figure of skill against the share of the labels, or against the size of blocks."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.report.style import (
    GREY,
    LIGHT,
    QUALITATIVE,
    figure,
    footer,
    save,
    short_title,
)

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = 3
"""Maximum number of panels side by side."""
FLOOR = -0.5
"""Skill below this is outside the panels, because skill has no lower bound."""


def draw_curves(curves: pd.DataFrame, label: str, titles: Mapping[str, str], path: Path) -> Path:
    """Draw curves of skill, one panel per task and probe, with the range over seeds.

    Args:
        curves: rows of one family of splits, as `ranking.curves.curves` returns them.
        label: what the number of the family is.
        titles: titles of encoders and baselines.
        path: path of the PNG.

    Raises:
        BenchError: the file cannot be written.
    """
    probed = curves[curves["probe"] != "none"]
    panels = list((probed if len(probed) else curves).groupby(["task", "probe"]))
    names = sorted(curves["encoder"].unique(), key=lambda n: (is_baseline(n), titles[n]))
    columns, rows = min(COLUMNS, len(panels)), ceil(len(panels) / COLUMNS)
    with figure(2.6 + 2.8 * columns, 1.6 + 2.4 * rows) as fig:
        axes = fig.subplots(rows, columns, squeeze=False).flat
        for ax, ((task, probe), _) in zip(axes, panels, strict=False):
            shown = curves[(curves["task"] == task) & curves["probe"].isin([probe, "none"])]
            for number, name in enumerate(names):
                line = shown[shown["encoder"] == name].sort_values("x")
                colour = QUALITATIVE[number % len(QUALITATIVE)]
                style = ":" if is_baseline(name) else "-" if number < len(QUALITATIVE) else "--"
                ax.plot(
                    line["x"],
                    line["skill"],
                    style,
                    color=colour,
                    marker=".",
                    label=short_title(titles[name]),
                )
                ax.fill_between(
                    line["x"], line["low_seed"], line["high_seed"], color=colour, alpha=0.15, lw=0
                )
            ax.set_xscale("log")
            ticks = sorted(shown["x"].unique())
            ax.set_xticks(ticks, [f"{x:g}" for x in ticks])
            ax.minorticks_off()
            ax.set_ylim(bottom=max(FLOOR, ax.get_ylim()[0]), top=1)
            ax.axhline(0, color=GREY, lw=0.8)
            ax.set_title(f"{task}, {probe} probe")
            ax.set_xlabel(label)
            ax.set_ylabel("skill")
            ax.grid(color=LIGHT)
        for ax in axes:
            ax.set_axis_off()
        handles, labels = fig.axes[0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside upper left", ncols=columns + 1, frameon=False)
        footer(
            fig,
            "Skill over the mean or majority of the training set, pooled over the folds of a seed; "
            "lines are means over seeds, bands reach from the lowest to the highest seed. "
            "Dotted: baselines.",
        )
        return save(fig, path)
