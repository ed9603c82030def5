"""The verbs `leaderboard`, `tables` and `figures`: what a run's folder holds, shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from rich.console import Console

from benchmarks.report.model import boards
from benchmarks.report.model import leaderboard as build
from benchmarks.report.terminal import print_leaderboard
from benchmarks.store import Store
from core.errors import BenchError
from tasks import TaskCard, list_tasks
from tasks import registry as task_registry


def leaderboard(out: Path, split: str | None, probe: str | None) -> int:
    """Print the leaderboard of a split and probe; by default the first that the run has."""
    frame = Store(out).frame()
    chosen_split, chosen_probe = _choose(frame, split, probe)
    board = build(frame, cards_of(frame), titles_of(frame), chosen_split, chosen_probe)
    print_leaderboard(board, Console())
    return 0


def tables(out: Path) -> int:
    """Write the tables of a run. Returns the exit code."""
    from benchmarks.report.documents import write_tables

    frame = Store(out).frame()
    _list(write_tables(frame, cards_of(frame), titles_of(frame), out / "tables"))
    return 0


def figures(out: Path) -> int:
    """Draw the figures of a run. Returns the exit code."""
    _list(_draw(Store(out).frame(), out))
    return 0


def report_all(frame: pd.DataFrame, out: Path, console: Console, *, redraw: bool) -> None:
    """After a run: tables and figures where anything changed, and the leaderboard."""
    from benchmarks.report.documents import write_tables

    if redraw or not (out / "figures").is_dir() or not (out / "tables").is_dir():
        write_tables(frame, cards_of(frame), titles_of(frame), out / "tables")
        _draw(frame, out)
    for split in dict.fromkeys(split for split, _ in boards(frame)):
        _, probe = _choose(frame, split, None)
        board = build(frame, cards_of(frame), titles_of(frame), split, probe)
        print_leaderboard(board, console)
        console.print()
    console.print(
        f"records, results.parquet, tables/ and figures/ are in [bold]{out}[/bold]; "
        "other probes: `leaderboard --probe NAME`"
    )


def cards_of(frame: pd.DataFrame) -> dict[str, TaskCard]:
    """Cards of the tasks in a frame, in the registry's order."""
    present = set(frame["task"])
    return {name: task_registry.load(name) for name in list_tasks() if name in present}


def titles_of(frame: pd.DataFrame) -> Mapping[str, str]:
    """Titles of the encoders and baselines in a frame, by name."""
    return dict(zip(frame["encoder"], frame["encoder_title"], strict=True))


def _choose(frame: pd.DataFrame, split: str | None, probe: str | None) -> tuple[str, str]:
    pairs = boards(frame)
    fitting = [p for p in pairs if split in (None, p[0]) and probe in (None, p[1])]
    if not fitting:
        has = "; ".join(f"--split {s} --probe {p}" for s, p in pairs)
        raise BenchError(f"this run has no such leaderboard. It has: {has}")
    linear = [pair for pair in fitting if pair[1] == "linear"]
    return (linear or fitting)[0]


def _draw(frame: pd.DataFrame, out: Path) -> tuple[Path, ...]:
    from benchmarks.plan import Table, load_table
    from benchmarks.report.figures import write_figures

    cards, maps = cards_of(frame), {}
    for name in cards:
        try:
            maps[name] = load_table(Table(name))
        except BenchError:
            # A table that is not at hand has no map; its cells say why it is not.
            continue
    return write_figures(frame, cards, titles_of(frame), maps, out / "figures")


def _list(paths: tuple[Path, ...]) -> None:
    console = Console()
    for path in paths:
        console.print(str(path), soft_wrap=True, highlight=False)
