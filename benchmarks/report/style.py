"""Style of all figures: one palette, without global state or the user's own settings."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satclip_bench.core.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RANDOM, HELD_OUT = "#0072B2", "#D55E00"
"""Okabe and Ito's blue and vermilion, which differ under every kind of colour vision."""
GREY, LIGHT, SHADE = "#555555", "#DDDDDD", "#F3F5F7"

QUALITATIVE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999")
"""Okabe and Ito's colours except yellow, too pale on white, and black, the colour of text."""

RC: dict[Any, Any] = {
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "xtick.color": GREY,
    "ytick.color": "black",
    "figure.facecolor": "white",
}


@contextmanager
def figure(width: float, height: float) -> Iterator[Figure]:
    """A figure of this size in inches in the project's style, independent of pyplot's state."""
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with style.context(["default", RC]), warnings.catch_warnings():
        # Titles of user tables can be long, and in scripts that matplotlib's font does not have:
        # what does not fit is cut, and a missing character is drawn as a box.
        for message in ("Glyph .* missing from", "constrained_layout not applied"):
            warnings.filterwarnings("ignore", message)
        fig = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(fig)
        yield fig


def literal(text: str) -> str:
    r"""Text of a user as matplotlib takes it, which sets text between dollar signs as mathematics.

    >>> print(literal("income in $"))
    income in \$
    """
    return text.replace("$", r"\$")


def short_title(title: str) -> str:
    """A title shortened for a label of a figure, as `literal` text."""
    return literal(title if len(title) <= 36 else title[:35] + "…")


def heading(fig: Figure, text: str) -> None:
    """Add a bold heading at the left above a figure."""
    fig.suptitle(literal(text), x=0.01, ha="left", fontsize=11, fontweight="bold")


def footer(fig: Figure, text: str) -> None:
    """Add a wrapped paragraph of small print below a figure."""
    columns = int(fig.get_figwidth() * 18.5)
    wrapped = literal(textwrap.fill(text, columns))
    fig.supxlabel(wrapped, fontsize=6.5, color=GREY, x=0.01, ha="left")


def save(fig: Figure, path: Path) -> Path:
    """Write a figure as PNG, or PDF if the path ends so; equal figures give the same bytes."""
    pdf = path.suffix.lower() == ".pdf"
    metadata = dict.fromkeys(("Creator", "Producer", "CreationDate") if pdf else ("Software",))
    with atomic_write(path) as stream:
        fig.savefig(stream, format="pdf" if pdf else "png", dpi=150, metadata=metadata)
    return path
