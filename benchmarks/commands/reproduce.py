"""The command `reproduce`: published scores next to measured ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from satclip_bench.benchmarks.commands.plain import print_plain
from satclip_bench.benchmarks.commands.progress import Meter
from satclip_bench.benchmarks.reproduction import PAPERS, Reproduction, reproduce
from satclip_bench.benchmarks.runs.run_folder import writable
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.work import Executor
from satclip_bench.core.errors import UnknownNameError
from satclip_bench.core.files import atomic_write
from satclip_bench.core.registry import unknown_name

WIDE = 140
"""Width in characters of a table that is not printed to a terminal."""

STYLES = {"exact": "green", "within the spread": "cyan", "off": "yellow", "not run": "dim"}


def reproduce_papers(paper: str, data_dir: Path | None, out: Path, executor: Executor) -> int:
    """Measure published scores again, print them, and write `reproduction.csv`.

    Args:
        paper: key of `PAPERS`, or `all`.
        data_dir: folder with the papers' own tables that do not ship.
        out: folder of the CSV file and of the records; what it holds is not run again.
        executor: what computes the cells.

    Returns:
        The exit code, 0.

    Raises:
        UnknownNameError: there is no such paper.
        BenchError: the folder cannot be written, another run is writing to it, or there is no
            cluster.
        UnfinishedError: the cluster is lost.
    """
    if paper not in (*PAPERS, "all"):
        raise UnknownNameError(unknown_name("paper", paper, (*PAPERS, "all")))
    names = tuple(PAPERS) if paper == "all" else (paper,)
    # Workers of a cluster have other working folders.
    data_dir = data_dir.absolute() if data_dir else None
    writable(out)
    store = Store(out)
    # Why a cell was not run is printed below, once per reason.
    meter = Meter(Console(stderr=True), every_step=True, show_failures=False)
    with store.lock(), meter:
        rows = reproduce(names, data_dir, store, executor, meter)
        path = out / "reproduction.csv"
        frame = pd.DataFrame([row.as_row() for row in rows])
        with atomic_write(path) as stream:
            stream.write(frame.to_csv(index=False, lineterminator="\n").encode())
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE)
    console.print(_table(rows))
    counts = Counter(str(row.verdict) for row in rows)
    summary = ", ".join(f"{counts[v]} {v}" for v in STYLES if counts[v])
    print_plain(f"{len(rows)} published scores: {summary}. All of them are in {path}", console)
    for reason, count in Counter(r.note for r in rows if r.verdict == "not run").most_common():
        console.print(escape(f"not run, {count}: {reason}"), style="dim", soft_wrap=True)
    return 0


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
