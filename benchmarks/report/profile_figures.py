"""Figure of encoders' profiles: variograms, and spherical harmonics that are expressed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

from satclip_bench.benchmarks.profiles.profile import DEGREES, Area, Profile
from satclip_bench.benchmarks.report.style import (
    COLUMN,
    GREY,
    HELD_OUT,
    LIGHT,
    QUALITATIVE,
    RANDOM,
    figure,
    footer,
    save,
    short_title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AREAS = {"sphere": "the sphere", "land": "land"}
LINES = ("-", "--", ":")


def draw_profiles(profiles: Sequence[Profile], path: Path) -> Path:
    """Draw the variograms and the expressed harmonics of encoders, over the sphere and over land.

    Args:
        profiles: profiles in the order of the legend.
        path: path of the PNG or PDF.

    Raises:
        BenchError: the file cannot be written.
    """
    with figure(9.6, 6.4) as fig:
        axes = fig.subplots(2, 2)
        looks = [
            (colour, LINES[number // len(QUALITATIVE) % len(LINES)])
            for number, (_, colour) in enumerate(zip(profiles, cycle(QUALITATIVE)))
        ]
        for row, (name, title) in zip(axes, AREAS.items(), strict=True):
            described = [
                (p.title, p.areas[name], look)
                for p, look in zip(profiles, looks, strict=True)
                if name in p.areas
            ]
            _variograms(row[0], described, f"Variogram over {title}")
            _expressed(row[1], described, f"Resolution over {title}")
        handles, labels = max((ax.get_legend_handles_labels() for ax in axes.flat), key=_length)
        fig.legend(handles, labels, loc="outside upper left", ncols=4, frameon=False)
        footer(
            fig,
            "Left: half the mean squared difference of embeddings at a great-circle distance, as a "
            "share of the sill, which is their total variance; the dashed line is half of it. "
            "Right: share of a random spherical harmonic of a degree that ridge regression on the "
            "embedding expresses at points that it was not fitted to.",
        )
        return save(fig, path)


def draw_profile(measured: Profile, path: Path) -> Path:
    """Draw the variogram and the expressed harmonics of one encoder, one column wide.

    Args:
        measured: profile of the encoder.
        path: path of the PNG, PDF or SVG.

    Raises:
        BenchError: the file cannot be written.
    """
    described = [
        (AREAS[name], area, (colour, line))
        for (name, area), colour, line in zip(
            measured.areas.items(), (RANDOM, HELD_OUT), LINES, strict=False
        )
    ]
    with figure(COLUMN, 3.9) as fig:
        top, bottom = fig.subplots(2, 1)
        _variograms(top, described, "Variogram")
        _expressed(bottom, described, "Resolution")
        top.legend(frameon=False)
        return save(fig, path)


def _length(legend: tuple[list[object], list[object]]) -> int:
    return len(legend[1])


def _variograms(
    ax: Axes, described: Sequence[tuple[str, Area, tuple[str, str]]], title: str
) -> None:
    for label, area, (colour, line) in described:
        v = area.variogram
        ax.plot(v.km, v.value, color=colour, linestyle=line, label=short_title(label))
    ax.set_xscale("log")
    ax.set_ylim(bottom=0)
    ax.axhline(0.5, color=GREY, linewidth=0.8, linestyle="--")
    ax.set_title(title)
    ax.set_xlabel("distance, km")
    ax.set_ylabel("share of the sill")
    ax.grid(color=LIGHT)


def _expressed(
    ax: Axes, described: Sequence[tuple[str, Area, tuple[str, str]]], title: str
) -> None:
    for label, area, (colour, line) in described:
        scores = list(area.expressed.values())
        ax.plot(DEGREES, scores, color=colour, linestyle=line, label=short_title(label))
    ax.set_xscale("log", base=2)
    ax.set_xticks(DEGREES, [str(degree) for degree in DEGREES])
    ax.minorticks_off()
    ax.set_ylim(-0.05, 1.05)
    ax.axhline(0.5, color=GREY, linewidth=0.8, linestyle="--")
    ax.set_title(title)
    ax.set_xlabel("degree of the spherical harmonics")
    ax.set_ylabel("R²")
    ax.grid(color=LIGHT)
