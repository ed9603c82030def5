"""The tables of a run, written to files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from benchmarks.report.latex import escape_latex, latex
from benchmarks.report.markdown import escape_markdown, markdown, regions
from benchmarks.report.model import boards, leaderboard
from core.files import atomic_write
from tasks import TaskCard

__all__ = ["escape_latex", "escape_markdown", "latex", "markdown", "regions", "write_tables"]


def write_tables(
    frame: pd.DataFrame, cards: Mapping[str, TaskCard], titles: Mapping[str, str], out: Path
) -> tuple[Path, ...]:
    """Write `leaderboard.<split>.<probe>.md` and `.tex`, and `regions.<probe>.md`.

    The same frame gives the same bytes, whatever the order of its rows.

    Args:
        frame: a run's tidy frame.
        cards: of the tasks in it.
        titles: of encoders and baselines; a name without one stands for itself.
        out: folder of the tables.

    Raises:
        BenchError: the frame is empty, or a file cannot be written.
    """
    contents: dict[str, str] = {}
    for split, probe in boards(frame):
        board = leaderboard(frame, cards, titles, split, probe)
        contents[f"leaderboard.{split}.{probe}.md"] = markdown(board)
        contents[f"leaderboard.{split}.{probe}.tex"] = latex(board)
        if split == "held-out-region":
            contents[f"regions.{probe}.md"] = regions(frame, cards, probe, titles)
    for name, content in contents.items():
        with atomic_write(out / name) as stream:
            stream.write(content.encode())
    return tuple(out / name for name in contents)
