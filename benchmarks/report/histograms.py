"""Figure of the distribution of a task's target."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from satclip_bench.benchmarks.report.style import (
    DPI,
    GREY,
    HELD_OUT,
    PAGE,
    RANDOM,
    SMALL,
    figure,
    footer,
    heading,
    literal,
    save,
)
from satclip_bench.tasks import TaskTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BARS = 20
"""Number of classes shown by name; the others are summed up in the note."""
BINS = 60
"""Maximum number of bins of a histogram."""


def draw_histogram(table: TaskTable, path: Path, dpi: float = DPI) -> Path:
    """Draw the distribution of a task's target: a histogram, or the most frequent classes.

    The histogram of a regression has lines at the median and the 5th and 95th percentile. The bars
    of a classification are shares of all points, most frequent class first.
    """
    card = table.card
    shown = min(len(table.classes or ()), BARS)
    with figure(PAGE, 2.4 if table.classes is None else 1.0 + 0.13 * max(shown, 8)) as fig:
        ax = fig.add_subplot()
        note = _histogram(ax, table) if table.classes is None else _bars(ax, table)
        heading(fig, f"{card.title}, {table.edition} edition, {len(table):,} points")
        footer(fig, " ".join(filter(None, (note, _sentence(table.caveat)))))
        return save(fig, path, dpi)


def _histogram(ax: Axes, table: TaskTable) -> str:
    y = table.target
    ax.hist(y, bins=min(BINS, max(5, len(np.unique(y)))), color=RANDOM)
    low, median, high = np.percentile(y, [5, 50, 95])
    for value, style in ((low, ":"), (median, "-"), (high, ":")):
        ax.axvline(float(value), color=HELD_OUT, lw=1.2, ls=style)
    ax.set_xlabel(literal(f"{table.card.target}, {table.card.unit}"))
    ax.set_ylabel("points")
    ax.margins(x=0.01)
    return (
        f"Lines: median {median:.4g}, 5th and 95th percentile {low:.4g} and {high:.4g}. Mean "
        f"{y.mean():.4g}, standard deviation {y.std():.4g}, from {y.min():.4g} to {y.max():.4g}."
    )


def _bars(ax: Axes, table: TaskTable) -> str:
    names = np.array(table.classes)
    counts = np.bincount(table.target.astype(np.int64), minlength=len(names))
    order = np.argsort(-counts, kind="stable")[:BARS]
    share = 100 * counts[order] / len(table)
    places = np.arange(len(order))
    ax.barh(places, share, color=RANDOM, height=0.75)
    ax.set_yticks(places, [literal(_short(n)) for n in names[order]], fontsize=SMALL)
    ax.invert_yaxis()
    ax.set_xlabel("share of all points, %", color=GREY)
    rest = len(names) - len(order)
    others = f"{rest} further classes make up {100 - share.sum():.0f} %. " if rest else ""
    few = int((counts < 10).sum())
    return f"{len(names)} classes. {others}{few} classes have fewer than 10 points."


def _short(name: str, length: int = 44) -> str:
    return name if len(name) <= length else f"{name[: length - 1]}\N{HORIZONTAL ELLIPSIS}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""
