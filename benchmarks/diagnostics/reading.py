"""Records of a run read for diagnosis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from satclip_bench.benchmarks.diagnostics.diagnosis import Where
from satclip_bench.benchmarks.diagnostics.predictions import Predictions, nearest_km, together
from satclip_bench.benchmarks.diagnostics.strata import biome_of
from satclip_bench.benchmarks.metrics.bootstrap import BLOCK_DEGREES
from satclip_bench.benchmarks.runs.record import Record
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table, make_folds
from satclip_bench.benchmarks.splits import Fold, SplitInputs
from satclip_bench.benchmarks.splits.held_out_region import regions
from satclip_bench.core.errors import BenchError
from satclip_bench.tasks import TaskTable


@dataclass(frozen=True)
class Read:
    """What a run holds of one task, split and probe.

    Attributes:
        table: the task's.
        judged: by encoder, its predictions seed by seed.
        scores: by encoder, the mean of the task's score over its records.
        titles: by encoder.
        left_out: what could not be read, and why.
    """

    table: TaskTable
    judged: Mapping[str, Sequence[Predictions]]
    scores: Mapping[str, float]
    titles: Mapping[str, str]
    left_out: tuple[str, ...]


def read_task(store: Store, records: Sequence[Record], data_dir: Path | None) -> Read:
    """The predictions of one task, each with the training rows that they come from.

    A seed of an encoder is read if all folds of the split are there, done, and made of the same
    rows as this version of the split makes; what is not is named in `left_out`.

    Raises:
        BenchError: there are no records, or the task's table cannot be read.
    """
    if not records:
        raise BenchError("no records of these encoders")
    where = TaskSource(records[0].settings.task, records[0].settings.edition, data_dir)
    table = load_table(where)
    by_seed: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        by_seed.setdefault((record.settings.encoder, record.settings.seed), []).append(record)
    judged: dict[str, list[Predictions]] = {}
    scores: dict[str, list[float]] = {}
    reasons: dict[str, list[str]] = {}
    distances: dict[tuple[int, str], np.ndarray[tuple[int], np.dtype[np.float64]]] = {}
    for (encoder, seed), mine in by_seed.items():
        folds = make_folds(where, mine[0].settings.split, seed)
        reason = _unreadable(mine, table, folds)
        if reason:
            reasons.setdefault(reason, []).append(f"{encoder} (seed {seed})")
            continue
        held = {record.settings.fold: record for record in mine}
        for fold in folds:
            if (seed, fold.name) not in distances:
                distances[seed, fold.name] = nearest_km(table.lonlat, fold.test, fold.train)
        try:
            parts = [_judged(store, held[f.name], distances[seed, f.name]) for f in folds]
        except BenchError as error:
            reasons.setdefault(str(error), []).append(f"{encoder} (seed {seed})")
            continue
        judged.setdefault(encoder, []).append(together(parts))
        found = [held[fold.name].scores.get(held[fold.name].metric) for fold in folds]
        scores.setdefault(encoder, []).extend(float("nan") if s is None else s for s in found)
    return Read(
        table,
        judged,
        {encoder: float(np.mean(values)) for encoder, values in scores.items()},
        {r.settings.encoder: r.encoder_title or r.settings.encoder for r in records},
        tuple(f"{reason}: {', '.join(who)}" for reason, who in reasons.items()),
    )


def _unreadable(records: Sequence[Record], table: TaskTable, folds: Sequence[Fold]) -> str:
    """Why the records of one encoder and seed cannot be diagnosed; empty if they can."""
    failed = [r for r in records if r.status != "done"]
    if failed:
        return f"failed ({failed[0].reason})"
    if any(r.settings.data_sha256 != table.sha256 for r in records):
        return "measured on another version of the table; run them again"
    now = {fold.name: fold.sha256 for fold in folds}
    if any(now.get(r.settings.fold) != r.settings.fold_sha256 for r in records):
        return (
            "measured on folds that this version of the split does not make, so that the training "
            "points are not known; run them again"
        )
    missing = now.keys() - {r.settings.fold for r in records}
    if missing:
        return f"not measured on the folds {', '.join(sorted(missing))}; run them"
    return ""


def _judged(
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


def places(table: TaskTable) -> Where:
    """Regions and biomes of a table's points.

    Regions are the table's own, or equal-area blocks of the size that its card or its extent asks
    for; biomes are taken from the shipped table `biomes`.
    """
    card = table.card
    size = card.block_degrees or BLOCK_DEGREES[card.extent]
    labelled = load_table(TaskSource("biomes"))
    names = np.array(labelled.classes)[labelled.target.astype(np.int64)]
    return Where(
        table.lonlat,
        card.extent,
        regions(SplitInputs(table.lonlat, table.target, table.region, size)),
        biome_of(table.lonlat, labelled.lonlat, names),
    )
