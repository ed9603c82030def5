"""Bootstrap scores of a run's cells, computed from the predictions kept beside the records."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.bootstrap import (
    make_blocks,
    mean_replicates,
    regression_replicates,
)
from satclip_bench.benchmarks.metrics.replicates import Replicates
from satclip_bench.benchmarks.runs.columns import BASELINE_PROBE, REPLICATE_KEY
from satclip_bench.core.errors import RecordError

if TYPE_CHECKING:
    from satclip_bench.benchmarks.runs.record import Record
    from satclip_bench.benchmarks.runs.store import Store


def load_replicates(
    store: Store,
    split: str | None = None,
    probe: str | None = None,
    unreadable: Callable[[str], None] = warnings.warn,
) -> Replicates | None:
    """The main score of every finished cell in every replicate, labelled by `REPLICATE_KEY`.

    Cells whose predictions were kept without their blocks are left out. If predictions are missing
    or damaged, all seeds and folds of that task and encoder under the same split and probe are
    left out, because an interval of the others would be one of another mean. A replicate that draws
    no block of a cell has no score of it, which is common for cells of few blocks.

    Args:
        store: store of the run.
        split: split to read; all by default.
        probe: probe to read, always with the baselines; all by default.
        unreadable: function that is called with a message about every cell whose predictions are
            missing or damaged; by default it is a Python warning.

    Returns:
        Scores `(cells, B)`, or None if no cell has bootstrap scores.
    """
    labels: list[tuple[str | int, ...]] = []
    rows: list[NDArray[np.float64]] = []
    incomplete: set[tuple[str, ...]] = set()
    for record in store.records():
        s = record.settings
        if split not in (None, s.split) or not (
            s.probe == BASELINE_PROBE or probe in (None, s.probe)
        ):
            continue
        if record.status != "done" or not record.predictions_sha256:
            continue
        try:
            predictions = store.predictions(record)
        except RecordError as error:
            unreadable(str(error))
            incomplete.add((s.task, s.encoder, s.split, s.probe))
            continue
        scores = _cell_replicates(predictions, record)
        if scores is not None:
            labels.append((s.task, s.seed, s.fold, s.encoder, s.split, s.probe))
            rows.append(scores)
    complete = [(task, *rest) not in incomplete for task, _, _, *rest in labels]
    if not any(complete):
        return None
    labels, rows = list(compress(labels, complete)), list(compress(rows, complete))
    return Replicates(np.array(rows), pd.MultiIndex.from_tuples(labels, names=REPLICATE_KEY))


def _cell_replicates(predictions: pd.DataFrame, record: Record) -> NDArray[np.float64] | None:
    # Records of layout 1, and those of `reproduce`, have predictions without blocks.
    if "block" not in predictions:
        return None
    blocks = make_blocks(predictions["block"].to_numpy())
    target, prediction = predictions["target"].to_numpy(), predictions["prediction"].to_numpy()
    if record.metric == "r2":
        return regression_replicates(blocks, target, prediction)["r2"]
    return mean_replicates(blocks, target == prediction)
