"""The commands `leaderboard`, `tables` and `figures`: reports of a finished run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rich.console import Console

from satclip_bench.benchmarks.commands.notices import print_notices
from satclip_bench.benchmarks.commands.user_tables import adopt
from satclip_bench.benchmarks.metrics.replicates import Replicates
from satclip_bench.benchmarks.report.results import Results, choose_board
from satclip_bench.benchmarks.report.terminal import print_board, print_text_table
from satclip_bench.benchmarks.runs.reading import ALL, RecordFilter
from satclip_bench.benchmarks.runs.replicates import load_replicates
from satclip_bench.benchmarks.runs.store import Store


def leaderboard(
    out: Path,
    split: str | None,
    probe: str | None,
    *,
    ranks: bool = False,
    contaminated: bool = True,
    only: RecordFilter = ALL,
) -> int:
    """Print the leaderboard of a split and probe; by default the first that the run has.

    Args:
        out: folder of the run.
        split: name of the split.
        probe: name of the probe.
        ranks: whether to print ratings over the tasks instead of scores.
        contaminated: whether encoders trained on the data of one of the tasks take part.
        only: tasks, encoders and seeds to show.

    Returns:
        The exit code.
    """
    adopt(out)
    store = Store(out, only)
    frame = store.frame()
    name = choose_board(frame, split, probe)
    # The bootstrap scores of the other boards are not needed and take time.
    results = Results.from_frame(frame, _replicates(store, *name), contaminated=contaminated)
    if ranks:
        print_text_table(results.ranks(*name).text, Console())
    else:
        print_board(results.board(*name), Console())
    print_notices(store)
    return 0


def tables(out: Path, only: RecordFilter = ALL) -> int:
    """Write the tables of a run. Returns the exit code."""
    from satclip_bench.benchmarks.report.tables import write_tables

    _list(write_tables(_load(out, only), out / "tables"))
    return 0


def figures(out: Path, only: RecordFilter = ALL) -> int:
    """Draw the figures of a run. Returns the exit code."""
    _list(_draw(_load(out, only), out / "figures"))
    return 0


def report_all(store: Store, frame: pd.DataFrame, console: Console, *, redraw: bool) -> None:
    """Write the tables and figures of a run, and print its leaderboards.

    Args:
        store: store of the run.
        frame: tidy frame of its records.
        console: console for the leaderboards.
        redraw: whether records have changed; if not, existing tables and figures are kept.
    """
    from satclip_bench.benchmarks.report.tables import write_tables

    out, results = store.folder, Results.from_frame(frame, _replicates(store))
    if redraw or not (out / "figures").is_dir() or not (out / "tables").is_dir():
        write_tables(results, out / "tables")
        _draw(results, out / "figures")
    for split in dict.fromkeys(split for split, _ in results.boards):
        print_board(results.board(*choose_board(frame, split, None)), console)
        console.print()
    console.print(
        f"records, results.parquet, tables/ and figures/ are in [bold]{out}[/bold]; "
        "other probes: `leaderboard --probe NAME`"
    )


def _replicates(
    store: Store, split: str | None = None, probe: str | None = None
) -> Replicates | None:
    """Bootstrap scores of a run; cells whose predictions cannot be read are named."""
    console = Console(stderr=True, markup=False, emoji=False, highlight=False)
    unreadable: list[str] = []
    replicates = load_replicates(store, split, probe, unreadable.append)
    for message in unreadable:
        console.print(f"no interval: {message}", style="yellow", soft_wrap=True)
    return replicates


def _load(out: Path, only: RecordFilter) -> Results:
    adopt(out)
    store = Store(out, only)
    print_notices(store)
    return Results.from_frame(store.frame(), _replicates(store))


def _draw(results: Results, folder: Path) -> tuple[Path, ...]:
    from satclip_bench.benchmarks.report.figures import (
        available_tables,
        draw_split_maps,
        write_figures,
    )

    drawn = write_figures(results, available_tables(results.cards), folder)
    return (*drawn, *draw_split_maps(results.frame, folder / "splits"))


def _list(paths: tuple[Path, ...]) -> None:
    console = Console()
    for path in paths:
        console.print(str(path), soft_wrap=True, highlight=False)
