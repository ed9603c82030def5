"""Figures of a run that are made from its records: predictions, distances, times, embeddings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.commands.best_first import best_first
from satclip_bench.benchmarks.diagnostics.distance_skill import (
    DistanceSkill,
    point_losses,
    reference_predictions,
    skill_by_distance,
)
from satclip_bench.benchmarks.diagnostics.predictions import Predictions
from satclip_bench.benchmarks.diagnostics.reading import TaskPredictions, read_task
from satclip_bench.benchmarks.diagnostics.strata import distance_strata
from satclip_bench.benchmarks.metrics.resampling import block_ids
from satclip_bench.benchmarks.report.cost_figures import cost_drawing
from satclip_bench.benchmarks.report.distance_figures import distance_drawing
from satclip_bench.benchmarks.report.drawing import Drawing
from satclip_bench.benchmarks.report.embedding_maps import embedding_drawing
from satclip_bench.benchmarks.report.prediction_maps import PredictionMap, predictions_drawing
from satclip_bench.benchmarks.report.results import BoardName, Results
from satclip_bench.benchmarks.runs.columns import BASELINE_PROBE
from satclip_bench.benchmarks.runs.record import Record
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.tables import TaskSource, make_folds
from satclip_bench.core.errors import BenchError, UnknownNameError
from satclip_bench.core.program import program
from satclip_bench.encoders import get_encoder

MAX_ENCODERS = 6
"""Maximum number of encoders in a figure of distances, best first, besides the best baseline."""

PER_POINTS = 10_000
"""Number of points that times are given for."""


def record_drawings(
    store: Store,
    records: Sequence[Record],
    results: Results,
    kinds: Collection[str],
    left_out: Callable[[str], None],
) -> Iterator[Drawing]:
    """Figures that are made from records, one after the other.

    Args:
        store: store of the run.
        records: records of the run.
        results: results of the run.
        kinds: kinds to draw, of `report.figure_kinds`.
        left_out: callback for a sentence on what is left out, and why.
    """
    for split, probe in results.boards:
        of_board = [
            record
            for record in records
            if record.settings.split == split and record.settings.probe in (probe, BASELINE_PROBE)
        ]
        if {"predictions", "distance"} & set(kinds):
            for task in results.cards:
                of_task = [record for record in of_board if record.settings.task == task]
                try:
                    read = read_task(store, of_task, None)
                except BenchError as error:
                    left_out(f"{task} under {split} is left out: {error}")
                    continue
                for reason in read.left_out:
                    left_out(f"{task} under {split}: {reason}")
                if read.predictions:
                    name = f"{task}.{split}.{probe}"
                    order = best_first(read, results, split, probe)
                    yield from _of_task(read, order, (split, probe), kinds, name)
        if "cost" in kinds:
            yield from cost_drawings(results, of_board, (split, probe), left_out)
    if "embeddings" in kinds:
        for name in sorted(set(map(str, results.frame["encoder"]))):
            if is_baseline(name):
                continue
            try:
                yield embedding_drawing(get_encoder(name), f"embeddings/{name}")
            except UnknownNameError as error:
                of_file = any(
                    r.settings.encoder == name and r.settings.encoder_source_sha256 for r in records
                )
                draw = f"it is of a file: `{program()} info FILE.py:CLASS --map FOLDER` draws it"
                left_out(f"embeddings/{name} is left out: {draw if of_file else error}")
            except BenchError as error:
                left_out(f"embeddings/{name} is left out: {error}")


def cost_drawings(
    results: Results,
    records: Sequence[Record],
    board_name: BoardName,
    left_out: Callable[[str], None],
) -> Iterator[Drawing]:
    """Figures of the costs of a board, one for each part of the run that is ranked by itself.

    Args:
        results: results of the run.
        records: records of the board.
        board_name: split and probe of the board.
        left_out: callback for a sentence on what is left out, and why.
    """
    for suffix, part in results.parts:
        if board_name not in part.boards:
            continue
        board = part.board_in_skill(*board_name)
        seconds = seconds_per_points([r for r in records if r.settings.task in part.cards])
        name = f"cost.{'.'.join(board_name)}{suffix}"
        if any(row.name in seconds and not row.missing for row in board.rows):
            yield cost_drawing(board, seconds, name)
        else:
            left_out(f"{name} is left out: no complete encoder has records with times")


def _of_task(
    read: TaskPredictions,
    ranked: Sequence[str],
    board_name: BoardName,
    kinds: Collection[str],
    name: str,
) -> Iterator[Drawing]:
    split, probe = board_name
    what = f"{split}, {probe} probe"
    encoders = [encoder for encoder in ranked if not is_baseline(encoder)]
    baselines = [encoder for encoder in ranked if is_baseline(encoder)]
    if "predictions" in kinds:
        best = (encoders or baselines)[0]
        first = read.predictions[best][0]
        rows, values = _once(first)
        shown = PredictionMap(read.titles[best], first.seed, rows, values)
        yield predictions_drawing(read.table, shown, what, f"predictions/{name}")
    if "distance" in kinds:
        drawn = [*encoders[:MAX_ENCODERS], *baselines[:1]]
        bins = distance_bins(read, split, drawn)
        titles = {read.titles[encoder]: bins[encoder] for encoder in drawn}
        dashed = {read.titles[encoder] for encoder in baselines[:1]}
        yield distance_drawing(read.table, titles, dashed, what, f"distance/{name}")


def _once(first: Predictions) -> tuple[np.ndarray, np.ndarray]:
    """Rows and predictions; of a row that several folds test, the first prediction."""
    rows, place = np.unique(first.row, return_index=True)
    return rows, first.prediction[place]


def distance_bins(
    read: TaskPredictions, split: str, encoders: Sequence[str]
) -> dict[str, tuple[DistanceSkill, ...]]:
    """Skill by distance of some encoders, all in the same bins.

    Args:
        read: predictions of a task.
        split: name of the split.
        encoders: names of the encoders.
    """
    table = read.table
    source = TaskSource(table.card.name, table.edition)
    block = block_ids(table.lonlat, table.card.extent)
    seeds = {p.seed: p for encoder in encoders for p in read.predictions[encoder]}
    _, edges = distance_strata(np.concatenate([p.nearest_km for p in seeds.values()]))
    target, task_type = table.target.astype(np.float64), table.card.task_type
    references = {
        seed: point_losses(
            p.target,
            reference_predictions(make_folds(source, split, seed), target, task_type),
            task_type,
        )
        for seed, p in seeds.items()
    }
    bins = {}
    for encoder in encoders:
        of_encoder = read.predictions[encoder]
        bins[encoder] = skill_by_distance(
            np.concatenate([p.nearest_km for p in of_encoder]),
            np.concatenate([point_losses(p.target, p.prediction, task_type) for p in of_encoder]),
            np.concatenate([references[p.seed] for p in of_encoder]),
            np.concatenate([block[p.row] for p in of_encoder]),
            edges,
        )
    return bins


def seconds_per_points(records: Sequence[Record]) -> dict[str, float]:
    """Seconds of fitting and predicting per 10,000 points of all sets, by encoder.

    Args:
        records: records of one split and probe; failed ones are not counted.
    """
    seconds: dict[str, float] = {}
    points: dict[str, int] = {}
    for record in records:
        if record.status != "done":
            continue
        name, counts, times = record.settings.encoder, record.counts, record.provenance
        seconds[name] = seconds.get(name, 0.0) + times.seconds_fit + times.seconds_predict
        points[name] = points.get(name, 0) + counts.train + counts.validation + counts.test
    return {
        name: PER_POINTS * spent / points[name]
        for name, spent in seconds.items()
        if spent > 0 and points[name]
    }
