"""Every done cell's main score in every replicate of the bootstrap, from the kept predictions."""

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
from satclip_bench.benchmarks.runs.columns import BASELINE_PROBE, REPLICATE_KEY

if TYPE_CHECKING:
    from satclip_bench.benchmarks.runs.record import Record
    from satclip_bench.benchmarks.runs.store import Store


def replicates_of(store: Store, split: str | None = None, probe: str | None = None) -> pd.DataFrame:
    """Scores by replicate, `(cells, B)` float64, indexed by `REPLICATE_KEY`.

    Cells whose predictions were kept without their blocks are left out. A replicate that draws no
    block of a cell has no score there, which for cells of few blocks is not rare.

    Args:
        store: of the run.
        split: this alone; by default all.
        probe: this alone, and baselines; by default all.
    """
    index, rows = [], []
    for record in store.records():
        of = record.settings
        right_probe = of.probe == BASELINE_PROBE or probe in (None, of.probe)
        if split not in (None, of.split) or not right_probe:
            continue
        if record.status != "done" or not record.predictions_sha256:
            continue
        found = _replicates(store.predictions(record), record)
        if found is not None:
            s = record.settings
            index.append((s.task, s.seed, s.fold, s.encoder, s.split, s.probe))
            rows.append(found)
    names = pd.MultiIndex.from_tuples(index, names=REPLICATE_KEY) if index else None
    return pd.DataFrame(np.array(rows), index=names)


def _replicates(predictions: pd.DataFrame, record: Record) -> NDArray[np.float64] | None:
    # Predictions written before blocks were kept beside them give no replicates.
    if "block" not in predictions:
        return None
    blocks = make_blocks(predictions["block"].to_numpy())
    target, prediction = predictions["target"].to_numpy(), predictions["prediction"].to_numpy()
    if record.metric == "r2":
        return regression_replicates(blocks, target, prediction)["r2"]
    return mean_replicates(blocks, target == prediction)
