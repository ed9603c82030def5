"""Style of all figures: sizes, colours and text, without global state or the user's own settings.

Figures are drawn at the size at which a paper prints them: one column or the whole page wide.
"""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satclip_bench.core.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

COLUMN, PAGE = 3.3, 6.9
"""Widths in inches of a figure that fills one column or both columns of a paper."""

TEXT, SMALL = 7.0, 6.0
"""Sizes of text in points; `SMALL` is the smallest that is used."""

RANDOM, HELD_OUT = "#0072B2", "#D55E00"
"""Okabe and Ito's blue and vermilion, which differ under every kind of colour vision."""
GREY, LIGHT, SHADE = "#555555", "#DDDDDD", "#F3F5F7"

QUALITATIVE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999")
"""Okabe and Ito's colours except yellow, too pale on white, and black, the colour of text."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""Marks that go with `QUALITATIVE`, so that a figure can be read without its colours."""

HANDLE = 0.5
"""Width in inches of an entry of a legend of lines without its text."""
LEGEND_LINE = 0.12
"""Height in inches of a line of a legend."""

DPI = 300
"""Resolution of PNG files, and of the parts of PDF and SVG files that are pictures."""

PALETTE = 64
"""Number of colours of a small PNG."""

RC: dict[Any, Any] = {
    "font.size": TEXT,
    "axes.labelsize": TEXT,
    "axes.titlesize": TEXT,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 3.0,
    "axes.labelpad": 2.0,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "legend.fontsize": SMALL,
    "legend.handletextpad": 0.4,
    "legend.columnspacing": 1.0,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.color": GREY,
    "ytick.color": "black",
    "xtick.major.size": 2.0,
    "ytick.major.size": 2.0,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "figure.facecolor": "white",
    # Text is measured as it is drawn.
    "figure.dpi": DPI,
    "figure.constrained_layout.h_pad": 0.02,
    "figure.constrained_layout.w_pad": 0.02,
    # Text of a PDF stays text, in a font that journals accept (Type 42, not Type 3).
    "pdf.fonttype": 42,
    # The names of an SVG's parts do not change from one drawing to the next.
    "svg.hashsalt": "satclip-bench",
}

METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
}
"""Formats of figures, and what their files leave out: the same figure gives the same bytes."""


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


def text_width(labels: Iterable[str], size: float = SMALL) -> float:
    """Width in inches of the widest of some labels, as `literal` texts; 0 without any."""
    with figure(1, 1) as fig:
        extents = [fig.text(0, 0, label, fontsize=size).get_window_extent() for label in labels]
        return max((extent.width / fig.dpi for extent in extents), default=0.0)


def legend_columns(titles: Collection[str], width: float) -> int:
    """Number of columns of a legend of lines that fit side by side into a width in inches."""
    entry = text_width(titles) + HANDLE
    return max(1, min(len(titles), int(width / entry)))


def legend_above(fig: Figure, handles: Sequence[Line2D], columns: int) -> None:
    """Add a legend of lines above the panels of a figure."""
    fig.legend(
        handles=handles,
        loc="outside upper left",
        ncols=columns,
        frameon=False,
        handlelength=2.4,
    )


def heading(fig: Figure, text: str) -> None:
    """Add a bold heading at the left above a figure."""
    fig.suptitle(literal(text), x=0.01, ha="left", fontsize=TEXT + 1, fontweight="bold")


def footer(fig: Figure, text: str) -> None:
    """Add a wrapped paragraph of small print below a figure."""
    columns = int(fig.get_figwidth() * 20)
    wrapped = literal(textwrap.fill(text, columns))
    fig.supxlabel(wrapped, fontsize=SMALL, color=GREY, x=0.01, ha="left")


def save(fig: Figure, path: Path, dpi: float = DPI) -> Path:
    """Write a figure as PNG, PDF or SVG, by the ending of the path.

    The same figure gives the same bytes.
    """
    kind = path.suffix[1:].lower()
    with atomic_write(path) as stream:
        fig.savefig(stream, format=kind, dpi=dpi, metadata=METADATA[kind])
    return path


def save_small(fig: Figure, path: Path) -> Path:
    """Write a figure as `save`, but a PNG with a palette of 64 colours, a quarter of the size."""
    from PIL import Image

    if path.suffix != ".png":
        return save(fig, path)
    content = io.BytesIO()
    fig.savefig(content, format="png", dpi=DPI, pil_kwargs={"compress_level": 0})
    picture = Image.open(content).convert("RGB")
    picture = picture.quantize(PALETTE, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    with atomic_write(path) as stream:
        picture.save(stream, format="PNG")
    return path
