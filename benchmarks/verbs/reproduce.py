"""The verb `reproduce`: published scores beside measured ones."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.published import published_scores
from benchmarks.reproduce import PAPERS, Reproduction, reproduce
from core.errors import UnknownNameError
from core.files import atomic_write
from core.registry import unknown_name

STYLES = {"exact": "green", "within the spread": "cyan", "off": "yellow", "not run": "dim"}


def reproduce_papers(paper: str, data_dir: Path | None, out: Path) -> int:
    """Measure published cells again, print them, and write `reproduction.csv`.

    Args:
        paper: a key of `PAPERS`, or `all`.
        data_dir: folder with the papers' own tables that do not ship.
        out: folder of the CSV file.

    Returns:
        The exit code: 0 when everything that could be run was.
    """
    if paper not in (*PAPERS, "all"):
        raise UnknownNameError(unknown_name("paper", paper, (*PAPERS, "all")))
    names = tuple(PAPERS) if paper == "all" else (paper,)
    rows: list[Reproduction] = []
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        for name in names:
            bar = progress.add_task(name, total=_cells(name))
            for row in reproduce(name, data_dir):
                rows.append(row)
                progress.advance(bar)
    path = out / "reproduction.csv"
    frame = pd.DataFrame([row.as_row() for row in rows])
    with atomic_write(path) as stream:
        stream.write(frame.to_csv(index=False, lineterminator="\n").encode())
    console.print(_table(rows))
    counts = Counter(str(row.verdict) for row in rows)
    told = ", ".join(f"{counts[v]} {v}" for v in STYLES if counts[v])
    console.print(
        f"{len(rows)} published scores: {told}. All of them are in {path}", soft_wrap=True
    )
    for reason, count in Counter(r.note for r in rows if r.verdict == "not run").most_common():
        console.print(escape(f"not run, {count}: {reason}"), style="dim", soft_wrap=True)
    return 0


def _cells(name: str) -> int:
    scores = published_scores()
    paper = PAPERS[name]
    return int(((scores["paper"] == paper.paper) & (scores["table"] == paper.table)).sum())


def _table(rows: list[Reproduction]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("task", "encoder"):
        table.add_column(title, no_wrap=True)
    for title in ("published", "measured", "difference"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("verdict")
    for row in rows:
        if row.verdict == "not run":
            continue
        cells = row.as_row()
        style = STYLES[row.verdict]
        shown = [str(cells[k]) for k in ("task", "encoder", "published", "measured", "difference")]
        table.add_row(*map(escape, shown), f"[{style}]{row.verdict}[/{style}]")
    return table
