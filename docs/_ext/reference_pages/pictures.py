"""Maps and histograms of the tasks that ship, for their pages."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from reference_pages.markdown import prose
from satclip_bench.benchmarks.report.histograms import draw_histogram
from satclip_bench.benchmarks.report.maps import draw_map
from satclip_bench.tasks import TaskCard, get_task

_DPI = 130
"""Resolution of the pictures, which a page shows about 900 pixels wide."""


def draw_pictures(folder: Path, tasks: Iterable[str]) -> None:
    """Draw a map and a histogram of each task.

    Args:
        folder: folder of the tasks' pages.
        tasks: names of tasks that ship.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in tasks:
        table = get_task(name).load()
        draw_map(table, folder / f"{name}.map.png", _DPI)
        draw_histogram(table, folder / f"{name}.histogram.png", _DPI)


def picture_section(name: str, card: TaskCard) -> str:
    """Section of a task's page with its pictures, which `draw_pictures` draws.

    Args:
        name: name of the task.
        card: its card.
    """
    what = prose(card.title)
    return (
        "## Points and target\n\n"
        f"![Map of the points of {what}, coloured by target, and of the regions held out]"
        f"({name}.map.png)\n\n![Distribution of the target of {what}]({name}.histogram.png)"
    )
