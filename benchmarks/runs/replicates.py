"""Bootstrap scores of a run's cells, computed from the predictions kept beside the records."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.bootstrap import (
    mean_replicates,
    reference_of,
    regression_replicates,
)
from satclip_bench.benchmarks.metrics.intervals import make_units
from satclip_bench.benchmarks.metrics.replicates import Replicates, RunReplicates
from satclip_bench.benchmarks.metrics.resampling import Columns
from satclip_bench.benchmarks.runs.columns import BASELINE_PROBE, REPLICATE_KEY
from satclip_bench.benchmarks.runs.kept_replicates import (
    read_replicates,
    source_key,
    write_replicates,
)
from satclip_bench.core.errors import RecordError
from satclip_bench.core.threads import one_blas_thread

if TYPE_CHECKING:
    from satclip_bench.benchmarks.runs.reading import Reading
    from satclip_bench.benchmarks.runs.record import Record
    from satclip_bench.benchmarks.runs.store import Store

Float = NDArray[np.float64]


@one_blas_thread()
def load_replicates(
    store: Store,
    split: str | None = None,
    probe: str | None = None,
    unreadable: Callable[[str], None] = warnings.warn,
    reading: Reading | None = None,
    keep: bool = False,
) -> RunReplicates | None:
    """Score and losses of every finished cell in every replicate, labelled by `REPLICATE_KEY`.

    Cells whose predictions were kept without their blocks are left out. If predictions are missing
    or damaged, all seeds and folds of that task and encoder under the same split and probe are
    left out, because an interval of the others would be one of another mean. A replicate that draws
    no block of a cell has no score of it, which is common for cells of few blocks.

    Scores that the folder keeps are not drawn again if the predictions still have the hash that
    they were drawn from.

    Args:
        store: store of the run.
        split: split to read; all by default.
        probe: probe to read, always with the baselines; all by default.
        unreadable: function that is called with a message about every cell whose predictions are
            missing or damaged; by default it is a Python warning.
        reading: what `store.read` returned, if the folder has not changed since.
        keep: whether the scores are kept in the run's folder, whose lock the caller holds; only
            useful for those of all splits and probes.

    Returns:
        Scores and losses, `(cells, B)` each, or None if no cell has bootstrap scores.
    """
    labels: list[tuple[str | int, ...]] = []
    rows: list[Float] = []
    incomplete: set[tuple[str, ...]] = set()
    before = read_replicates(store.folder)
    kept: dict[str, Float] = {}
    for record in _with_predictions(store.records(reading)):
        s = record.settings
        if split not in (None, s.split) or not (
            s.probe == BASELINE_PROBE or probe in (None, s.probe)
        ):
            continue
        source = source_key(record)
        try:
            if source in before:
                store.verify(record)
                replicates = before[source]
            else:
                predictions = store.predictions(record)
                # Records of layout 1, and those of `reproduce`, have predictions without blocks.
                if "block" not in predictions:
                    continue
                replicates = cell_replicates(predictions, record)
        except RecordError as error:
            unreadable(str(error))
            incomplete.add((s.task, s.encoder, s.split, s.probe))
            continue
        labels.append((s.task, s.seed, s.fold, s.encoder, s.split, s.probe))
        rows.append(replicates)
        kept[source] = replicates
    if keep and list(kept) != list(before):
        write_replicates(store.folder, kept)
    complete = [(task, *rest) not in incomplete for task, _, _, *rest in labels]
    if not any(complete):
        return None
    labels, rows = list(compress(labels, complete)), list(compress(rows, complete))
    index = pd.MultiIndex.from_tuples(labels, names=REPLICATE_KEY)
    return RunReplicates(*(Replicates(np.array(part), index) for part in zip(*rows, strict=True)))


def replicate_sources(store: Store, reading: Reading) -> tuple[str | None, ...]:
    """Hash of what the bootstrap scores of each cell with predictions are made from: `source_key`.

    None for a cell whose predictions are missing or damaged.

    Args:
        store: store of the run.
        reading: what `store.read` returned, if the folder has not changed since.
    """
    sources: list[str | None] = []
    for record in _with_predictions(store.records(reading)):
        try:
            store.verify(record)
        except RecordError:
            sources.append(None)
        else:
            sources.append(source_key(record))
    return tuple(sources)


def _with_predictions(records: Iterable[Record]) -> Iterator[Record]:
    return (r for r in records if r.status == "done" and r.predictions_sha256)


def cell_replicates(predictions: pd.DataFrame, record: Record) -> Float:
    """Score, summed loss and summed loss of the reference in every replicate, `(3, B)`.

    Args:
        predictions: predictions on the test set, with the columns row, block, target and
            prediction, and reference (what the mean or majority of the training set predicts) if
            the record has it.
        record: record of the cell.
    """
    rows, blocks = (predictions[name].to_numpy() for name in ("row", "block"))
    units = make_units(record.interval_kind, rows, blocks)
    target, prediction = predictions["target"].to_numpy(), predictions["prediction"].to_numpy()
    reference = (
        predictions["reference"].to_numpy()
        if "reference" in predictions
        else np.full(len(target), np.nan)
    )
    if record.task_type == "regression":
        loss, of_reference = (target - prediction) ** 2, (target - reference) ** 2
        score = regression_replicates(units, target, prediction)[record.metric]
    else:
        loss = target != prediction
        of_reference = np.where(np.isnan(reference), np.nan, target != reference)
        score = mean_replicates(units, target == prediction)
    n, total, reference_loss = units.sums(
        Columns((np.ones(len(loss)),)), Columns((loss,)), Columns((of_reference,))
    )
    return np.stack([score, *total, reference_of(units, of_reference, n[0], reference_loss)])
