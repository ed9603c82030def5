"""The verbs `leaderboard`, `tables` and `figures`: what a run's folder holds, shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from rich.console import Console

from satclip_bench.benchmarks.commands.user_tables import adopt
from satclip_bench.benchmarks.report.board import boards
from satclip_bench.benchmarks.report.board import leaderboard as build
from satclip_bench.benchmarks.report.terminal import print_leaderboard
from satclip_bench.benchmarks.runs.replicates import replicates_of
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.core.errors import BenchError
from satclip_bench.tasks import TaskCard, list_tasks, task_card


def leaderboard(
    out: Path,
    split: str | None,
    probe: str | None,
    *,
    ranks: bool = False,
    contaminated: bool = True,
) -> int:
    """Print the leaderboard of a split and probe; by default the first that the run has.

    Args:
        out: folder of the run.
        split: which split.
        probe: which probe.
        ranks: ratings over the tasks in place of scores.
        contaminated: whether encoders trained on the data of one of the tasks take part.
    """
    from satclip_bench.benchmarks.report.ranks import print_ranks, rank_table

    adopt(out)
    store = Store(out)
    frame = store.frame()
    chosen_split, chosen_probe = _choose(frame, split, probe)
    board = build(
        frame,
        cards_of(frame),
        titles_of(frame),
        chosen_split,
        chosen_probe,
        replicates_of(store, split=chosen_split, probe=chosen_probe),
        contaminated=contaminated,
    )
    console = Console()
    if ranks:
        print_ranks(rank_table(board), console)
    else:
        print_leaderboard(board, console)
    return 0


def tables(out: Path) -> int:
    """Write the tables of a run. Returns the exit code."""
    from satclip_bench.benchmarks.report.tables import write_tables

    adopt(out)
    store = Store(out)
    frame = store.frame()
    replicates = replicates_of(store)
    _list(write_tables(frame, cards_of(frame), titles_of(frame), out / "tables", replicates))
    return 0


def figures(out: Path) -> int:
    """Draw the figures of a run. Returns the exit code."""
    adopt(out)
    store = Store(out)
    _list(_draw(store.frame(), out, replicates_of(store)))
    return 0


def report_all(store: Store, frame: pd.DataFrame, console: Console, *, redraw: bool) -> None:
    """After a run: tables and figures where anything changed, and the leaderboard."""
    from satclip_bench.benchmarks.report.tables import write_tables

    out, replicates = store.folder, replicates_of(store)
    if redraw or not (out / "figures").is_dir() or not (out / "tables").is_dir():
        write_tables(frame, cards_of(frame), titles_of(frame), out / "tables", replicates)
        _draw(frame, out, replicates)
    for split in dict.fromkeys(split for split, _ in boards(frame)):
        _, probe = _choose(frame, split, None)
        board = build(frame, cards_of(frame), titles_of(frame), split, probe, replicates)
        print_leaderboard(board, console)
        console.print()
    console.print(
        f"records, results.parquet, tables/ and figures/ are in [bold]{out}[/bold]; "
        "other probes: `leaderboard --probe NAME`"
    )


def cards_of(frame: pd.DataFrame) -> dict[str, TaskCard]:
    """Cards of the tasks in a frame, in the registry's order."""
    present = set(frame["task"])
    return {name: task_card(name) for name in list_tasks() if name in present}


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


def _draw(frame: pd.DataFrame, out: Path, replicates: pd.DataFrame) -> tuple[Path, ...]:
    from satclip_bench.benchmarks.report.figures import write_figures
    from satclip_bench.benchmarks.runs.tables import TaskSource, load_table

    cards, maps = cards_of(frame), {}
    for name in cards:
        try:
            maps[name] = load_table(TaskSource(name))
        except BenchError:
            # A table that is not at hand has no map; its cells say why it is not.
            continue
    drawn = write_figures(frame, cards, titles_of(frame), maps, out / "figures", replicates)
    return (*drawn, *_draw_splits(frame, out / "figures" / "splits"))


def _draw_splits(frame: pd.DataFrame, folder: Path) -> tuple[Path, ...]:
    """A map of every split of every task, with the lowest of its seeds."""
    from satclip_bench.benchmarks.report.split_maps import draw_split
    from satclip_bench.benchmarks.runs.tables import TaskSource, load_table, make_folds
    from satclip_bench.benchmarks.splits import get_split

    lowest = frame.groupby(["task", "edition", "split"], as_index=False)["seed"].min()
    paths = []
    for row in lowest.itertuples():
        where = TaskSource(row.task, row.edition)
        try:
            table, card = load_table(where), get_split(row.split).card
            folds = make_folds(where, row.split, row.seed)
        except BenchError:
            # The table is not at hand, or has no such folds; the cells say why.
            continue
        path = folder / f"{row.task}.{row.split}.png"
        paths.append(draw_split(table, card, folds, path, row.seed))
    return tuple(paths)


def _list(paths: tuple[Path, ...]) -> None:
    console = Console()
    for path in paths:
        console.print(str(path), soft_wrap=True, highlight=False)
