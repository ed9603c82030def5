"""The tables of a run, written to files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from satclip_bench.benchmarks.report.board import boards, leaderboard
from satclip_bench.benchmarks.report.latex import escape_latex, latex
from satclip_bench.benchmarks.report.markdown import escape_markdown, markdown, regions
from satclip_bench.benchmarks.report.rank_shifts import (
    changes_latex,
    changes_markdown,
    tables_of_changes,
)
from satclip_bench.benchmarks.report.ranks import rank_table, ranks_latex, ranks_markdown
from satclip_bench.core.files import atomic_write
from satclip_bench.tasks import TaskCard

__all__ = ["escape_latex", "escape_markdown", "latex", "markdown", "regions", "write_tables"]


def write_tables(
    frame: pd.DataFrame,
    cards: Mapping[str, TaskCard],
    titles: Mapping[str, str],
    out: Path,
    replicates: pd.DataFrame | None = None,
) -> tuple[Path, ...]:
    """Write the tables of a run as Markdown, the first three also as LaTeX.

    `leaderboard.<split>.<probe>` (tasks x encoders), `ranks.<split>.<probe>` (ratings over tasks),
    `rank-changes.<probe>` where there are several splits, and `regions.<probe>`.

    The same frame gives the same bytes, whatever the order of its rows.

    Args:
        frame: a run's tidy frame.
        cards: of the tasks in it.
        titles: of encoders and baselines; a name without one stands for itself.
        out: folder of the tables.
        replicates: scores by replicate, for intervals and ties; see `runs/replicates.py`.

    Raises:
        BenchError: the frame is empty, or a file cannot be written.
    """
    contents: dict[str, str] = {}
    for split, probe in boards(frame):
        board = leaderboard(frame, cards, titles, split, probe, replicates)
        contents[f"leaderboard.{split}.{probe}.md"] = markdown(board)
        contents[f"leaderboard.{split}.{probe}.tex"] = latex(board)
        ranks = rank_table(board)
        contents[f"ranks.{split}.{probe}.md"] = ranks_markdown(ranks)
        contents[f"ranks.{split}.{probe}.tex"] = ranks_latex(ranks)
        if split == "held-out-region":
            contents[f"regions.{probe}.md"] = regions(frame, cards, probe, titles)
    for probe, made in tables_of_changes(frame, cards, titles, replicates).items():
        contents[f"rank-changes.{probe}.md"] = changes_markdown(made)
        contents[f"rank-changes.{probe}.tex"] = changes_latex(made)
    for name, content in contents.items():
        with atomic_write(out / name) as stream:
            stream.write(content.encode())
    return tuple(out / name for name in contents)
