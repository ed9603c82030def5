"""Intervals and ties of boards, read from a table for results whose predictions are not there."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.ranking.ranking import Ranking
from satclip_bench.core.errors import BenchError

FILE = "scores.parquet"

KEY = ("split", "probe", "task", "encoder", "metric")
"""Columns that identify a row."""

OF_MEAN = ("low", "high")
"""Columns that do not depend on which other encoders take part."""

OF_BEST = ("gap", "gap_low", "gap_high", "gap_p", "tied")
"""Columns on the difference to the best encoder of a task; all but `tied` are numbers."""

COLUMNS = (*KEY, "mean", "std", *OF_MEAN, "best", *OF_BEST)
"""Columns of the table: `KEY`, and entries of the tables of a `Ranking` by their names."""

ROUNDING = 1e-9
"""Difference of two means up to which they are the same score."""


@dataclass(frozen=True)
class KnownIntervals:
    """Intervals and ties of the boards of a run, as they were made from its predictions.

    Attributes:
        frame: rows with the columns `COLUMNS`.
        origin: where they were read, for messages.
    """

    frame: pd.DataFrame
    origin: str

    def apply(self, ranking: Ranking, split: str, probe: str) -> Ranking:
        """A ranking with the intervals of its scores, and its ties, that are known.

        Intervals are taken for every score that is in the table, differences to the best and ties
        only of tasks with the same encoders, because both depend on all of them.

        Args:
            ranking: ranking made without replicates.
            split: name of its split.
            probe: name of its probe.

        Raises:
            BenchError: a score is not the one in the table, which is of other records.
        """
        rows = self.frame[(self.frame["split"] == split) & (self.frame["probe"] == probe)]
        tables = {name: getattr(ranking, name).copy() for name in (*OF_MEAN, *OF_BEST)}
        for task, metric in ranking.metrics.items():
            of_task = rows[(rows["task"] == task) & (rows["metric"] == metric)].set_index("encoder")
            scored = ranking.mean.index[ranking.mean[task].notna()]
            common = scored.intersection(of_task.index)
            self._require_same(ranking.mean.loc[common, task], of_task.loc[common, "mean"], task)
            complete = len(common) and set(scored) == set(of_task.index)
            for name in (*OF_MEAN, *OF_BEST) if complete else OF_MEAN:
                tables[name].loc[common, task] = of_task.loc[common, name]
        tied = tables["tied"]
        return replace(
            ranking,
            **tables,
            undecided=tuple(str(task) for task in ranking.mean.columns if not tied[task].any()),
        )

    def _require_same(self, mean: pd.Series[float], known: pd.Series[float], task: str) -> None:
        other = ~np.isclose(mean, known, rtol=ROUNDING, atol=ROUNDING)
        if other.any():
            encoder = mean.index[int(np.flatnonzero(other)[0])]
            raise BenchError(
                f"{self.origin} is not of these results: it has another score of {encoder} on "
                f"{task}. Delete it to show the scores without intervals"
            )


def read_intervals(path: Path) -> KnownIntervals | None:
    """The intervals of a table that `scores_bytes` made; None if there is no such file.

    Raises:
        BenchError: the file cannot be read, or is another one.
    """
    import pyarrow as pa

    try:
        frame = pd.read_parquet(io.BytesIO(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, pa.ArrowException) as error:
        raise BenchError(f"{path} cannot be read: {error}") from error
    if missing := [name for name in COLUMNS if name not in frame]:
        raise BenchError(
            f"{path} has no column {missing[0]!r}, so it is not a table of scores. Delete it to "
            "show the scores without intervals"
        )
    return KnownIntervals(frame, str(path))
