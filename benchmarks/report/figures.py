"""Figures of a run, drawn to files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from satclip_bench.benchmarks.report.change_figures import changes_drawing
from satclip_bench.benchmarks.report.curve_figures import CURVES, curves_drawing
from satclip_bench.benchmarks.report.drawing import Drawing, Format, write_captions
from satclip_bench.benchmarks.report.figure_kinds import DEFAULT
from satclip_bench.benchmarks.report.maps import map_drawing
from satclip_bench.benchmarks.report.rank_figures import (
    MIN_ENCODERS,
    differences_drawing,
    ranks_drawing,
)
from satclip_bench.benchmarks.report.region_figures import has_regions, regions_drawing
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.report.score_figures import scores_drawing
from satclip_bench.benchmarks.report.split_maps import draw_split
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table, make_folds
from satclip_bench.benchmarks.splits import get_split
from satclip_bench.core.errors import BenchError
from satclip_bench.tasks import TaskTable

Planned = tuple[str, Drawing | str]
"""Name of a figure, and the figure or the reason why it is left out."""


def write_figures(
    results: Results,
    tables: Mapping[str, TaskTable],
    out: Path,
    kinds: Collection[str] = DEFAULT,
    formats: Sequence[Format] = ("png",),
    earlier: str = "",
) -> tuple[Path, ...]:
    """Draw the figures of a run that are made from its table of results.

    `scores.<probe>`, `ranks.<split>.<probe>`, `critical-difference.<split>.<probe>`, `gap.<probe>`
    for probes with several splits, `regions/<task>.<split>.<probe>` for splits with named regions,
    `label-efficiency.<probe>` and `block-size.<probe>`, and `maps/<task>`. Beside tasks of papers,
    user tables have separate figures, with their name at the end. Scores are shown as skill if all
    splits have it. Figures without anything to show are left out, as `left_out` says. The captions
    are written to `captions.md`.

    Args:
        results: results of the run.
        tables: tables of the tasks whose map is to be drawn.
        out: folder of the figures.
        kinds: kinds to draw, of `figure_kinds`.
        formats: formats of the files.
        earlier: content of an earlier file of captions.

    Returns:
        Paths of the written files.

    Raises:
        BenchError: the frame is empty, or a file cannot be written.
    """
    drawings = [drawing for _, drawing in _planned(results, kinds) if isinstance(drawing, Drawing)]
    if "maps" in kinds:
        drawings += [map_drawing(table, f"maps/{name}") for name, table in tables.items()]
    return write_drawings(drawings, out, formats, earlier)


def write_drawings(
    drawings: Iterable[Drawing], out: Path, formats: Sequence[Format], earlier: str = ""
) -> tuple[Path, ...]:
    """Write figures and the file of their captions, and return the paths of all files.

    Args:
        drawings: figures to write, each before the next is made.
        out: folder of the figures.
        formats: formats of the files.
        earlier: content of an earlier file of captions.
    """
    paths: list[Path] = []
    captions = {}
    for drawing in drawings:
        paths += drawing.write(out, formats)
        captions[drawing.name] = drawing.caption
    return (*paths, write_captions(captions, out, earlier)) if paths else ()


def left_out(results: Results, kinds: Collection[str] = DEFAULT) -> tuple[str, ...]:
    """Sentences on the figures that `write_figures` leaves out, and why."""
    return tuple(
        f"{name} is left out: {reason}"
        for name, reason in _planned(results, kinds)
        if isinstance(reason, str)
    )


def _planned(results: Results, kinds: Collection[str]) -> Iterator[Planned]:
    """All figures of a run but the maps."""
    for suffix, part in results.parts:
        for probe, splits in part.probes.items():
            if "scores" in kinds:
                yield _scores(part, probe, f"scores.{probe}{suffix}")
            for split in splits:
                for kind in ("ranks", "critical-difference"):
                    if kind in kinds:
                        yield _ranks(part, split, probe, kind, suffix)
                if "regions" in kinds:
                    yield from _regions(part, split, probe)
            if "gap" in kinds:
                yield _changes(part, probe, f"gap.{probe}{suffix}")
            for kind in CURVES:
                if kind in kinds:
                    name = f"{kind}.{probe}{suffix}"
                    yield name, curves_drawing(part, kind, probe, name)


def _scores(results: Results, probe: str, name: str) -> Planned:
    shown = {split: results.board_in_skill(split, probe) for split in results.probes[probe]}
    if not any(board.tasks for board in shown.values()):
        return name, "no task has a score with this probe"
    return name, scores_drawing(shown, probe, name)


def _ranks(results: Results, split: str, probe: str, kind: str, suffix: str) -> Planned:
    table, name = results.ranks(split, probe), f"{kind}.{split}.{probe}{suffix}"
    ranked = len(table.text.rows)
    if ranked < MIN_ENCODERS:
        return (
            name,
            f"it needs {MIN_ENCODERS} ranked encoders or baselines, and there are {ranked}",
        )
    return name, (ranks_drawing if kind == "ranks" else differences_drawing)(table, name)


def _regions(results: Results, split: str, probe: str) -> Iterator[Planned]:
    board = results.board(split, probe)
    if not has_regions(board):
        yield f"regions/*.{split}.{probe}", "its folds are not named regions"
        return
    for card in board.tasks:
        name = f"regions/{card.name}.{split}.{probe}"
        yield name, regions_drawing(board, card, name)


def _changes(results: Results, probe: str, name: str) -> Planned:
    if len(results.probes[probe]) < 2:
        return name, "it needs several splits, and there is one"
    if probe not in results.changes:
        return name, "fewer than two encoders, or no task, are complete under all of the splits"
    boards = [results.board(split, probe) for split in results.probes[probe]]
    return name, changes_drawing(results.changes[probe], boards, name)


def draw_split_maps(
    frame: pd.DataFrame, folder: Path, formats: Sequence[Format] = ("png",)
) -> tuple[Path, ...]:
    """Draw a map of every split of every task, with the lowest of its seeds.

    Args:
        frame: tidy frame of a run.
        folder: folder of the maps.
        formats: formats of the files.
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
        for kind in formats:
            path = folder / f"{row.task}.{row.split}.{kind}"
            paths.append(draw_split(table, card, folds, path, row.seed))
    return tuple(paths)
