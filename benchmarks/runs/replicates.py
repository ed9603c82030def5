"""Bootstrap scores of a run's cells, computed from the predictions kept beside the records."""

from __future__ import annotations

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

if TYPE_CHECKING:
    from satclip_bench.benchmarks.runs.record import Record
    from satclip_bench.benchmarks.runs.store import Store


def load_replicates(
    store: Store, split: str | None = None, probe: str | None = None
) -> Replicates | None:
    """The main score of every finished cell in every replicate, labelled by `REPLICATE_KEY`.

    Cells whose predictions were kept without their blocks are left out. A replicate that draws no
    block of a cell has no score of it, which is common for cells of few blocks.

    Args:
        store: store of the run.
        split: split to read; all by default.
        probe: probe to read, always with the baselines; all by default.

    Returns:
        Scores `(cells, B)`, or None if no cell has bootstrap scores.
    """
    labels, rows = [], []
    for record in store.records():
        s = record.settings
        if split not in (None, s.split) or not (
            s.probe == BASELINE_PROBE or probe in (None, s.probe)
        ):
            continue
        if record.status != "done" or not record.predictions_sha256:
            continue
        scores = _cell_replicates(store.predictions(record), record)
        if scores is not None:
            labels.append((s.task, s.seed, s.fold, s.encoder, s.split, s.probe))
            rows.append(scores)
    if not rows:
        return None
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
