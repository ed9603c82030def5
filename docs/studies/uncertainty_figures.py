"""Figures of uncertainty.md: what the two bootstraps draw, and what simulations found.

    python docs/studies/uncertainty_figures.py

draws one replicate of each bootstrap on a map, with the intervals that a thousand replicates give,
for ridge regression on an encoder's embeddings; and the tables of docs/uncertainty.md, which
`uncertainty.py` and `ties.py` printed, as figures: whether intervals contain the truth, how often
encoders are shown behind the best, and how often changes of rank are claimed. The files are written
to docs/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from satclip_bench.benchmarks.metrics.bootstrap import interval, regression_replicates
from satclip_bench.benchmarks.metrics.resampling import (
    ByCode,
    Points,
    Resampled,
    block_ids,
    make_blocks,
)
from satclip_bench.benchmarks.report.drawing import Drawing
from satclip_bench.benchmarks.report.map_axes import draw_points, map_axes
from satclip_bench.benchmarks.report.style import (
    COLUMN,
    GREY,
    HELD_OUT,
    LIGHT,
    MARKERS,
    PAGE,
    QUALITATIVE,
    RANDOM,
    SMALL,
    figure,
    save_small,
)
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table, make_folds
from satclip_bench.encoders import get_encoder

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOCS = Path(__file__).parents[1]
PAGE_TEXT = DOCS / "uncertainty.md"

TASK, ENCODER, PENALTY = "elevation", "harmonics.l10", 1.0
"""Whose errors are bootstrapped, under the split random with seed 0."""
COUNTS = ("0 times", "once", "twice", "3 times or more")
COUNT_COLOURS = (LIGHT, "#9ECAE1", RANDOM, "#08306B")
"""Colours of points by how often they are counted, from light to dark."""

Row = Mapping[str, str]
"""Cells of a row of a table by the headings of its columns."""


def main() -> None:
    """Write the figures."""
    tables = read_tables(PAGE_TEXT.read_text())
    for drawing in (bootstraps(), coverage(tables), ties(tables), rank_changes(tables)):
        with figure(drawing.width, drawing.height) as fig:
            drawing.draw(fig)
            path = save_small(fig, DOCS / f"{drawing.name}.png")
        print(path.relative_to(DOCS.parent), path.stat().st_size)


def read_tables(text: str) -> list[list[Row]]:
    """All tables of a Markdown page."""
    tables: list[list[Row]] = []
    for block in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        head, _, *rows = ([c.strip() for c in x.strip("|").split("|")] for x in block.splitlines())
        tables.append([dict(zip(head, row, strict=True)) for row in rows])
    return tables


def table_with(tables: Sequence[list[Row]], heading: str) -> list[Row]:
    """The first table with a column of this heading."""
    return next(table for table in tables if heading in table[0])


def bootstraps() -> Drawing:
    """One replicate of each bootstrap on a map, and the intervals of all replicates."""
    source = TaskSource(TASK)
    table = load_table(source)
    (fold,) = make_folds(source, "random", 0)
    rows, target = fold.test, table.target.astype(np.float64)
    embedding = get_encoder(ENCODER).encode(table.lonlat).astype(np.float64)
    fitted = Ridge(PENALTY).fit(embedding[fold.train], target[fold.train])
    y, predicted = target[rows], fitted.predict(embedding[rows])
    mean = float(target[fold.train].mean())
    measured = 1 - float(np.sum((y - predicted) ** 2) / np.sum((y - mean) ** 2))
    units: dict[str, Resampled] = {
        "this map: points are drawn": Points(rows),
        "other places: blocks are drawn": make_blocks(block_ids(table.lonlat[rows], "global")),
    }

    def draw(fig: Figure) -> None:
        grid = fig.add_gridspec(2, 2, height_ratios=(1.5, 1))
        shared: Axes | None = None
        for column, (title, unit) in enumerate(units.items()):
            ax = map_axes(fig, grid[0, column], table, 0)
            ax.set_title(f"{title} (one replicate)".capitalize())
            times = np.minimum(weights(unit, len(rows))[0], len(COUNTS) - 1)
            for count, (label, colour) in enumerate(zip(COUNTS, COUNT_COLOURS, strict=True)):
                draw_points(ax, table, rows[times == count], c=colour, s=1, label=label)
            below = fig.add_subplot(grid[1, column], sharex=shared, sharey=shared)
            shared = shared or below
            scores = regression_replicates(unit, y, predicted, mean)["skill"]
            histogram(below, scores, measured)
        handles, labels = fig.axes[0].get_legend_handles_labels()
        fig.legend(
            handles,
            [f"counted {label}" for label in labels],
            loc="outside upper left",
            ncols=4,
            frameon=False,
            markerscale=4,
        )

    return Drawing("uncertainty-bootstrap", PAGE, 3.5, draw, "")


def weights(units: Resampled, points: int) -> NDArray[np.int64]:
    """How often each point is counted in every replicate, `(B, points)`."""
    return units.sums(ByCode(np.arange(points), points, np.ones(points)))[0].astype(np.int64)


def histogram(ax: Axes, scores: NDArray[np.float64], measured: float) -> None:
    """Draw the replicates of a score, their middle 95 %, and the measured score."""
    low, high = interval(scores) or (np.nan, np.nan)
    ax.hist(scores, bins=np.arange(0.3, 0.8, 0.005).tolist(), color="#9ECAE1")
    ax.axvline(measured, color="black", lw=0.8)
    ax.plot([low, high], [-3, -3], color=HELD_OUT, lw=2.5, clip_on=False, solid_capstyle="butt")
    label = f"95 % interval: {low:.2f} to {high:.2f}"
    ax.text(0.02, 0.95, label, transform=ax.transAxes, va="top", color=HELD_OUT, fontsize=SMALL)
    ax.set_xlim(0.35, 0.75)
    ax.set_xlabel("skill in 1,000 replicates")
    ax.set_ylabel("replicates")


def coverage(tables: Sequence[list[Row]]) -> Drawing:
    """Share of intervals that contain the truth, by the reaches of targets and errors."""
    panels = {
        "This map": (table_with(tables, "this map: targets reach"), ("R2", "difference of skill")),
        "Other places like these": (
            table_with(tables, "other places: targets reach"),
            ("R2", "difference of skill", "spread drawn"),
        ),
    }

    def draw(fig: Figure) -> None:
        axes = fig.subplots(1, 2, sharey=True)
        for ax, (title, (rows, columns)) in zip(axes, panels.items(), strict=True):
            reaches = [row[next(iter(row))] for row in rows]
            for number, column in enumerate(columns):
                at = np.arange(len(rows)) + 0.18 * (number - 1)
                look = {"color": QUALITATIVE[(0, 2, 5)[number]], "marker": MARKERS[number]}
                values = [float(row[column]) for row in rows]
                label = "R2, if spread is drawn too" if column == "spread drawn" else column
                ax.plot(at, values, ls="", ms=3, label=label.replace("R2", "R²"), **look)
            ax.axhspan(0.92, 0.98, color=LIGHT, alpha=0.5, lw=0)
            ax.axhline(0.95, color=GREY, lw=0.8)
            ax.set_xticks(
                range(len(rows)),
                [row["errors reach"].removesuffix(" km") for row in rows],
                rotation=90,
            )
            for place, reach in enumerate(reaches):
                if place % 4 == 0:
                    ax.text(place - 0.3, 0.69, f"targets: {reach}", fontsize=SMALL, color=GREY)
                    ax.axvline(place - 0.5, color=LIGHT, lw=0.6)
            ax.set_title(title)
            ax.set_xlabel("errors reach, km")
        axes[0].set_ylim(0.67, 1.0)
        axes[0].set_ylabel("intervals that contain the truth")
        handles, labels = axes[1].get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside upper left", ncols=3, frameon=False)

    return Drawing("uncertainty-coverage", PAGE, 2.3, draw, "")


EFFECTS = ("0.3", "1", "2.7")
"""Effects of the training set relative to that of the test points, as the tables have them."""


def ties(tables: Sequence[list[Row]]) -> Drawing:
    """How often an encoder is shown behind the best, by its true gap and the number of seeds."""
    rows = [r for r in table_with(tables, "gap 0, all equal") if r["variance"] != "own"]
    gaps = {"gap 0, two equal": 0, "gap 3": 3, "gap 5": 5, "gap 10": 10}

    def draw(fig: Figure) -> None:
        axes = fig.subplots(1, 3, sharey=True)
        for place, ax in enumerate(axes):
            for number, row in enumerate(rows):
                shares = [float(row[heading].split("/")[place]) for heading in gaps]
                label = f"{row['seeds']} seed" + "s" * (row["seeds"] != "1")
                look = {"color": QUALITATIVE[number], "marker": MARKERS[number]}
                ax.plot(list(gaps.values()), shares, label=label, ms=3, lw=1, **look)
            ax.axhline(0.05, color=GREY, lw=0.8, ls="--")
            ax.set_title(f"Training set: {EFFECTS[place]} x test points")
            ax.set_xlabel("true gap, standard deviations")
            ax.set_xticks(list(gaps.values()))
        axes[0].set_ylabel("shown behind the best")
        handles, labels = axes[0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside upper left", ncols=4, frameon=False)

    return Drawing("uncertainty-ties", PAGE, 2.1, draw, "")


DASHES = ("-", ":", "--")


def rank_changes(tables: Sequence[list[Row]]) -> Drawing:
    """Share of runs that claim a change of rank where there is none, by the width of the noise."""
    rows = table_with(tables, "x 1")
    factors = [heading for heading in rows[0] if heading.strip("*").startswith("x ")]

    def draw(fig: Figure) -> None:
        ax = fig.subplots()
        runs = list(dict.fromkeys((row["encoders"], row["tasks"]) for row in rows))
        differences = list(dict.fromkeys(row["encoders differ by"] for row in rows))
        for row in rows:
            number = runs.index((row["encoders"], row["tasks"]))
            equal = differences.index(row["encoders differ by"])
            label = f"{row['encoders']} encoders, {row['tasks']} tasks"
            ax.plot(
                [float(factor.strip("*")[2:]) for factor in factors],
                [float(row[factor]) for factor in factors],
                DASHES[equal],
                color=QUALITATIVE[(0, 2, 5)[number]],
                marker=MARKERS[number],
                ms=3,
                lw=1,
                label=label if equal == 0 else None,
            )
        ax.axhline(0.05, color=GREY, lw=0.8)
        ax.set_xticks([1, 1.4, 2])
        ax.set_xlabel("noise of the replicates is widened by")
        ax.set_ylabel("runs with a false claim")
        for difference, dashes in zip(differences, DASHES, strict=True):
            label = difference if difference == "nothing" else f"{difference[0]} standard errors"
            ax.plot([], [], dashes, color=GREY, lw=1, label=f"they differ by {label}")
        ax.legend(frameon=False)

    return Drawing("uncertainty-rank-changes", COLUMN, 2.1, draw, "")


if __name__ == "__main__":
    main()
