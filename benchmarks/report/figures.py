"""Figures of a run, drawn to files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from satclip_bench.benchmarks.report.maps import draw_map
from satclip_bench.benchmarks.report.rank_figures import MIN_ENCODERS, draw_changes, draw_ranks
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.report.score_figures import draw_scores
from satclip_bench.benchmarks.report.split_maps import draw_split
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table, make_folds
from satclip_bench.benchmarks.splits import get_split
from satclip_bench.core.errors import BenchError
from satclip_bench.tasks import TaskTable


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
    paths: list[Path] = []
    for suffix, part in results.parts:
        paths += _draw_part(part, out, suffix)
    paths += [draw_map(table, out / "maps" / f"{name}.png") for name, table in tables.items()]
    return tuple(paths)


def _draw_part(results: Results, out: Path, suffix: str) -> list[Path]:
    """Draw the figures of results that are ranked together; `suffix` ends the names of files."""
    paths = []
    for probe, splits in results.probes.items():
        by_split = {split: results.board(split, probe) for split in splits}
        shown = {split: results.board_in_skill(split, probe) for split in splits}
        if any(board.tasks for board in shown.values()):
            paths.append(draw_scores(shown, probe, out / f"scores.{probe}{suffix}.png"))
        for split in splits:
            ranks = results.ranks(split, probe)
            path = draw_ranks(ranks, out / f"ranks.{split}.{probe}{suffix}.png")
            paths += [path] if path else []
        if probe in results.changes:
            boards = tuple(by_split.values())
            path = out / f"gap.{probe}{suffix}.png"
            paths.append(draw_changes(results.changes[probe], boards, path))
    return paths


def left_out(results: Results) -> tuple[str, ...]:
    """Sentences on the figures that `write_figures` leaves out, and why."""
    sentences = []
    for suffix, part in results.parts:
        for probe, splits in part.probes.items():
            if not any(part.board_in_skill(split, probe).tasks for split in splits):
                sentences.append(
                    f"scores.{probe}{suffix}.png is left out: no task has a score with this probe"
                )
            for split in splits:
                ranked = len(part.ranks(split, probe).text.rows)
                if ranked < MIN_ENCODERS:
                    sentences.append(
                        f"ranks.{split}.{probe}{suffix}.png is left out: it needs {MIN_ENCODERS} "
                        f"ranked encoders or baselines, and there are {ranked}"
                    )
            if len(splits) > 1 and probe not in part.changes:
                sentences.append(
                    f"gap.{probe}{suffix}.png is left out: fewer than two encoders, or no task, "
                    "are complete under all of the splits"
                )
    return tuple(sentences)


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
