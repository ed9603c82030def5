"""Scores of all boards of a run as one tidy table, with intervals and ties.

<run>/tables/scores.parquet     (one row per board, task and encoder)
"""

from __future__ import annotations

import pandas as pd

from satclip_bench.benchmarks.ranking.known_intervals import COLUMNS, KEY
from satclip_bench.benchmarks.ranking.ranking import Ranking
from satclip_bench.benchmarks.report.results import Results


def scores_frame(results: Results) -> pd.DataFrame:
    """Scores, intervals and ties of all boards of a run, with the columns `COLUMNS`."""
    parts = [
        _rows(part.board(*name).ranking, *name) for _, part in results.parts for name in part.boards
    ]
    return pd.concat(parts, ignore_index=True)


def _rows(ranking: Ranking, split: str, probe: str) -> pd.DataFrame:
    """One row per task and encoder with a score."""
    pairs = pd.MultiIndex.from_product(
        [sorted(ranking.mean.columns), sorted(ranking.mean.index)], names=["task", "encoder"]
    )
    tasks, encoders = (list(pairs.unique(level)) for level in pairs.names)
    columns = {
        name: getattr(ranking, name).loc[encoders, tasks].to_numpy().T.ravel()
        for name in COLUMNS[len(KEY) :]
    }
    frame = pd.DataFrame(columns, pairs).reset_index()
    frame["metric"] = frame["task"].map(dict(ranking.metrics))
    frame["split"], frame["probe"] = split, probe
    return frame.loc[frame["mean"].notna(), [*COLUMNS]]
