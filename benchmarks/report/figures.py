"""Figures of a run, drawn to files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from satclip_bench.benchmarks.report.maps import draw_map
from satclip_bench.benchmarks.report.rank_figures import MIN_ENCODERS, draw_changes, draw_ranks
from satclip_bench.benchmarks.report.ranks import RankTable
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.report.score_figures import draw_scores
from satclip_bench.benchmarks.report.split_maps import draw_split
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table, make_folds
from satclip_bench.benchmarks.splits import get_split
from satclip_bench.core.errors import BenchError
from satclip_bench.tasks import TaskTable

Draw: TypeAlias = Callable[[Path], Path]
"""A function that draws a figure to a path, and returns the path."""


def write_figures(results: Results, tables: Mapping[str, TaskTable], out: Path) -> tuple[Path, ...]:
    """Draw the figures of a run.

    `scores.<probe>.png`, `ranks.<split>.<probe>.png`, `gap.<probe>.png` for probes with several
    splits, and `maps/<task>.png`. Beside tasks of papers, user tables have separate figures,
    with their name before the ending. Scores are shown as skill if all splits have it. Figures
    without anything to show are left out, as `left_out` says.

    Args:
        results: results of the run.
        tables: tables of the tasks whose map is to be drawn.
        out: folder of the figures.

    Returns:
        Paths of the written files.

    Raises:
        BenchError: the frame is empty, or a file cannot be written.
    """
    drawn = [draw(out / name) for name, draw in _figures(results) if not isinstance(draw, str)]
    maps = [draw_map(table, out / "maps" / f"{name}.png") for name, table in tables.items()]
    return (*drawn, *maps)


def left_out(results: Results) -> tuple[str, ...]:
    """Sentences on the figures that `write_figures` leaves out, and why."""
    return tuple(
        f"{name} is left out: {reason}"
        for name, reason in _figures(results)
        if isinstance(reason, str)
    )


def _figures(results: Results) -> Iterator[tuple[str, Draw | str]]:
    """All figures of a run but the maps: file's name, and how to draw it or why it is left out."""
    for suffix, part in results.parts:
        for probe, splits in part.probes.items():
            yield f"scores.{probe}{suffix}.png", _scores(part, probe, splits)
            for split in splits:
                yield f"ranks.{split}.{probe}{suffix}.png", _ranks(part.ranks(split, probe))
            if len(splits) > 1:
                yield f"gap.{probe}{suffix}.png", _changes(part, probe, splits)


def _scores(results: Results, probe: str, splits: Sequence[str]) -> Draw | str:
    shown = {split: results.board_in_skill(split, probe) for split in splits}
    if not any(board.tasks for board in shown.values()):
        return "no task has a score with this probe"
    return partial(draw_scores, shown, probe)


def _ranks(table: RankTable) -> Draw | str:
    ranked = len(table.text.rows)
    if ranked < MIN_ENCODERS:
        return f"it needs {MIN_ENCODERS} ranked encoders or baselines, and there are {ranked}"
    return partial(draw_ranks, table)


def _changes(results: Results, probe: str, splits: Sequence[str]) -> Draw | str:
    if probe not in results.changes:
        return "fewer than two encoders, or no task, are complete under all of the splits"
    boards = [results.board(split, probe) for split in splits]
    return partial(draw_changes, results.changes[probe], boards)


def available_tables(tasks: Iterable[str]) -> dict[str, TaskTable]:
    """Tables of tasks, by name; tasks whose table is not available are left out."""
    tables = {}
    for name in tasks:
        try:
            tables[name] = load_table(TaskSource(name))
        except BenchError:
            # Without its table a task has no map; its failed cells name the reason.
            continue
    return tables


def draw_split_maps(frame: pd.DataFrame, folder: Path) -> tuple[Path, ...]:
    """Draw a map of every split of every task, with the lowest of its seeds.

    Args:
        frame: tidy frame of a run.
        folder: folder of the maps.
    """
    lowest = frame.groupby(["task", "edition", "split"], as_index=False)["seed"].min()
    paths = []
    for row in lowest.itertuples():
        source = TaskSource(row.task, row.edition)
        try:
            table, card = load_table(source), get_split(row.split).card
            folds = make_folds(source, row.split, row.seed)
        except BenchError:
            # The table is not available, or has no such folds; the failed cells name the reason.
            continue
        path = folder / f"{row.task}.{row.split}.png"
        paths.append(draw_split(table, card, folds, path, row.seed))
    return tuple(paths)
