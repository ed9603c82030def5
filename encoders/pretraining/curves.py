"""Figure of loss and retrieval accuracy over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from satclip_bench.core.files import atomic_write
from satclip_bench.encoders.pretraining.checkpoints import Row

BLUE, VERMILION, GREEN = "#0072B2", "#D55E00", "#009E73"


def draw_curves(history: Sequence[Row], title: str, path: Path) -> None:
    """Draw the loss on training and held-out points and the held-out retrieval accuracy as a PNG.

    The same numbers give the same bytes.

    Args:
        history: one row of metrics per epoch.
        title: title of the figure.
        path: file to write.

    Raises:
        BenchError: the file cannot be written.
    """
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    epochs = [row["epoch"] for row in history]
    with style.context("default"):
        figure = Figure(figsize=(8, 3), layout="constrained")
        FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2)
        for key, label, colour in (
            ("loss", "training batches", BLUE),
            ("held_out_loss", "held-out points, all at once", VERMILION),
        ):
            left.plot(epochs, [row[key] for row in history], color=colour, label=label, marker=".")
        left.set_ylabel("contrastive loss")
        for key, label, colour in (
            ("held_out_top10", "among the nearest 10", GREEN),
            ("held_out_top1", "nearest", BLUE),
        ):
            shares = [100 * row[key] for row in history]
            right.plot(epochs, shares, color=colour, label=label, marker=".")
        right.set_ylabel("correct location retrieved, %")
        held_out = f"{int(history[-1]['held_out']):,} held-out images"
        right.set_title(held_out, loc="left", fontsize=9, fontweight="bold")
        right.set_ylim(0, 100)
        for axes in (left, right):
            axes.set_xlabel("epoch")
            axes.spines[["top", "right"]].set_visible(False)
            axes.legend(frameon=False, fontsize=8)
        left.set_title(title, loc="left", fontsize=9, fontweight="bold")
        with atomic_write(path) as stream:
            figure.savefig(stream, format="png", dpi=120, metadata={"Software": None})
