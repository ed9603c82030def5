"""The verb `reproduce`: published scores beside measured ones."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from satclip_bench.benchmarks.reproduction import PAPERS, Reproduction, reproduce
from satclip_bench.benchmarks.reproduction.jobs import Done
from satclip_bench.benchmarks.runs.store import Store, writable
from satclip_bench.core.errors import UnknownNameError
from satclip_bench.core.files import atomic_write
from satclip_bench.core.registry import unknown_name

WIDE = 140
"""Columns of a table that goes to a file."""

STYLES = {"exact": "green", "within the spread": "cyan", "off": "yellow", "not run": "dim"}


def reproduce_papers(paper: str, data_dir: Path | None, out: Path, jobs: int | None = None) -> int:
    """Measure published cells again, print them, and write `reproduction.csv`.

    Args:
        paper: a key of `PAPERS`, or `all`.
        data_dir: folder with the papers' own tables that do not ship.
        out: folder of the CSV file, and of a record of every outcome: those are not run again.
        jobs: how many cells are run at a time; None for one a core.

    Returns:
        The exit code: 0 when everything that could be run was.
    """
    if paper not in (*PAPERS, "all"):
        raise UnknownNameError(unknown_name("paper", paper, (*PAPERS, "all")))
    names = tuple(PAPERS) if paper == "all" else (paper,)
    writable(out)
    with Store(out).lock(), _Meter(Console(stderr=True)) as meter:
        rows = reproduce(names, data_dir, out, jobs or os.cpu_count() or 1, meter.advance)
        path = out / "reproduction.csv"
        frame = pd.DataFrame([row.as_row() for row in rows])
        with atomic_write(path) as stream:
            stream.write(frame.to_csv(index=False, lineterminator="\n").encode())
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE)
    console.print(_table(rows))
    counts = Counter(str(row.verdict) for row in rows)
    told = ", ".join(f"{counts[v]} {v}" for v in STYLES if counts[v])
    console.print(
        f"{len(rows)} published scores: {told}. All of them are in {path}", soft_wrap=True
    )
    for reason, count in Counter(r.note for r in rows if r.verdict == "not run").most_common():
        console.print(escape(f"not run, {count}: {reason}"), style="dim", soft_wrap=True)
    return 0


class _Meter:
    """Progress for a terminal, and a line a cell for a log file."""

    def __init__(self, console: Console) -> None:
        self._console = console
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        now = TextColumn("{task.fields[now]}")
        self._progress = Progress(*columns, TimeElapsedColumn(), now, console=console)
        self._bar = self._progress.add_task("cells", now="")

    def __enter__(self) -> _Meter:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def advance(self, done: int, total: int, last: Done | None) -> None:
        now = ""
        if last is not None:
            job = last.job
            now = f"{job.protocol} {job.split} {job.probe} {job.table} {job.encoder}"
        self._progress.update(self._bar, completed=done, total=total, now=now)
        if now and not self._console.is_terminal and last is not None and last.records:
            elapsed = self._progress.tasks[0].elapsed or 0
            self._console.print(f"{done} of {total}, {elapsed:.0f} s: {now}", soft_wrap=True)


def _table(rows: Iterable[Reproduction]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    shown = ("table", "split", "task", "encoder", "published", "measured", "difference", "verdict")
    for title in shown:
        right = title in ("published", "measured", "difference")
        table.add_column(title, justify="right" if right else "left")
    for row in rows:
        if row.verdict == "not run":
            continue
        cells = {name: escape(str(value)) for name, value in row.as_row().items()}
        style = STYLES[row.verdict]
        cells["verdict"] = f"[{style}]{row.verdict}[/{style}]"
        table.add_row(*(cells[name] for name in shown))
    return table
