"""Predictions of a run, read for diagnosis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from satclip_bench.benchmarks.diagnostics.diagnosis import Locations
from satclip_bench.benchmarks.diagnostics.predictions import Predictions, nearest_km, together
from satclip_bench.benchmarks.diagnostics.strata import biome_of
from satclip_bench.benchmarks.metrics.resampling import BLOCK_DEGREES
from satclip_bench.benchmarks.runs.record import Record
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table, make_folds
from satclip_bench.benchmarks.splits import Fold, SplitInputs
from satclip_bench.benchmarks.splits.held_out_region import regions
from satclip_bench.core.errors import BenchError
from satclip_bench.tasks import TaskTable


@dataclass(frozen=True)
class TaskPredictions:
    """Predictions of a run for one task, split and probe.

    Attributes:
        table: table of the task.
        predictions: predictions of each encoder, seed by seed.
        scores: mean of the task's score over the records of each encoder in which it is defined;
            NaN if it is in none.
        titles: titles of the encoders, each one's own.
        left_out: records that could not be read, with the reasons.
    """

    table: TaskTable
    predictions: Mapping[str, Sequence[Predictions]]
    scores: Mapping[str, float]
    titles: Mapping[str, str]
    left_out: tuple[str, ...]


def read_task(store: Store, records: Sequence[Record], data_dir: Path | None) -> TaskPredictions:
    """Predictions of one task, with the distance of every test point to its training set.

    A seed of an encoder is read if the records of all folds of the split exist, are done, and have
    the same rows as the folds that this version of the split makes; others are listed in
    `left_out`.

    Args:
        store: store of the run.
        records: records of the task, of one split and probe.
        data_dir: folder with the tables that do not ship.

    Raises:
        BenchError: there are no records, or the task's table cannot be read.
    """
    if not records:
        raise BenchError("the run has no records of these encoders")
    source = TaskSource(records[0].settings.task, records[0].settings.edition, data_dir)
    table = load_table(source)
    by_seed: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        by_seed.setdefault((record.settings.encoder, record.settings.seed), []).append(record)
    predictions: dict[str, list[Predictions]] = {}
    scores: dict[str, list[float]] = {}
    reasons: dict[str, list[str]] = {}
    distances: dict[tuple[int, str], np.ndarray[tuple[int], np.dtype[np.float64]]] = {}
    for (encoder, seed), of_seed in by_seed.items():
        folds = make_folds(source, of_seed[0].settings.split, seed)
        reason = _unreadable(of_seed, table, folds)
        if reason:
            reasons.setdefault(reason, []).append(f"{encoder} (seed {seed})")
            continue
        by_fold = {record.settings.fold: record for record in of_seed}
        for fold in folds:
            if (seed, fold.name) not in distances:
                distances[seed, fold.name] = nearest_km(table.lonlat, fold.test, fold.train)
        try:
            parts = [_read(store, by_fold[f.name], distances[seed, f.name]) for f in folds]
        except BenchError as error:
            reasons.setdefault(str(error), []).append(f"{encoder} (seed {seed})")
            continue
        predictions.setdefault(encoder, []).append(together(parts))
        values = [by_fold[f.name].scores.get(by_fold[f.name].metric) for f in folds]
        scores.setdefault(encoder, []).extend(float("nan") if v is None else v for v in values)
    return TaskPredictions(
        table,
        predictions,
        {encoder: _mean_of_defined(values) for encoder, values in scores.items()},
        distinct_titles({r.settings.encoder: r.encoder_title for r in records}),
        tuple(f"{reason}: {', '.join(who)}" for reason, who in reasons.items()),
    )


def distinct_titles(titles: Mapping[str, str]) -> dict[str, str]:
    """Titles by name, with the name behind a title that several have, or in place of an empty one.

    >>> distinct_titles({"a": "Net", "b": "Net", "c": ""})
    {'a': 'Net (a)', 'b': 'Net (b)', 'c': 'c'}
    """
    counts = Counter(titles.values())
    return {
        name: f"{title} ({name})" if title and counts[title] > 1 else title or name
        for name, title in titles.items()
    }


def _mean_of_defined(values: Sequence[float]) -> float:
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")


def _unreadable(records: Sequence[Record], table: TaskTable, folds: Sequence[Fold]) -> str:
    """Reason why the records of one encoder and seed cannot be diagnosed; empty if they can."""
    failed = [r for r in records if r.status != "done"]
    if failed:
        return f"failed ({failed[0].reason})"
    if any(r.settings.data_sha256 != table.sha256 for r in records):
        return "measured on another version of the table; run them again"
    now = {fold.name: fold.sha256 for fold in folds}
    if any(now.get(r.settings.fold) != r.settings.fold_sha256 for r in records):
        return (
            "measured on folds that this version of the split does not make, so their training "
            "points are not known; run them again"
        )
    missing = now.keys() - {r.settings.fold for r in records}
    if missing:
        return f"not measured on the folds {', '.join(sorted(missing))}; run them"
    return ""


def _read(
    store: Store, record: Record, km: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> Predictions:
    predictions = store.predictions(record)
    return Predictions(
        record.settings.encoder,
        record.settings.seed,
        record.task_type,
        predictions["row"].to_numpy(dtype=np.int64),
        predictions["target"].to_numpy(dtype=np.float64),
        predictions["prediction"].to_numpy(dtype=np.float64),
        km,
    )


def locations(table: TaskTable) -> Locations:
    """Locations of a table's rows, with their regions and biomes.

    Regions are those of the table, or else equal-area blocks of the size given by its card or its
    extent; biomes come from the shipped table `biomes`.
    """
    card = table.card
    size = card.block_degrees or BLOCK_DEGREES[card.extent]
    labelled = load_table(TaskSource("biomes"))
    names = np.array(labelled.classes)[labelled.target.astype(np.int64)]
    return Locations(
        table.lonlat,
        card.extent,
        regions(SplitInputs(table.lonlat, table.target, table.region, size)),
        biome_of(table.lonlat, labelled.lonlat, names),
    )
