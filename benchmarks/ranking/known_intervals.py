"""Intervals and differences of boards that are read instead of made from bootstrap scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.ranking.ties import Differences
from satclip_bench.core.errors import BenchError

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
    """Intervals and differences of the boards of a run, as they were made from its predictions.

    Attributes:
        frame: rows with the columns `COLUMNS`.
        origin: where they were read, for messages.
    """

    frame: pd.DataFrame
    origin: str

    def of_board(
        self, mean: pd.DataFrame, metrics: Mapping[str, str], split: str, probe: str
    ) -> tuple[pd.DataFrame, pd.DataFrame, Differences]:
        """Intervals of the scores of a board, and differences to the best that are known.

        Intervals are known for every score that is in the table, differences only for tasks with
        the same encoders, because they depend on all of them.

        Args:
            mean: encoder x task, the scores of the board; NaN where there is none.
            metrics: metric of each task.
            split: name of the split.
            probe: name of the probe.

        Returns:
            Ends of the intervals, encoder x task, NaN where they are not known, and the differences
            of the tasks for which they are known.

        Raises:
            BenchError: a score is not the one in the table, which is of other records.
        """
        rows = self.frame[(self.frame["split"] == split) & (self.frame["probe"] == probe)]
        low, high, *of_best = (
            pd.DataFrame(np.nan, mean.index, mean.columns) for _ in (*OF_MEAN, *OF_BEST[:-1])
        )
        tied = pd.DataFrame(False, mean.index, mean.columns)
        complete = []
        for task in mean.columns:
            of_task = rows[(rows["task"] == task) & (rows["metric"] == metrics[task])]
            of_task = of_task.set_index("encoder")
            scored = mean.index[mean[task].notna()]
            common = scored.intersection(of_task.index)
            self._require_same(mean.loc[common, task], of_task.loc[common, "mean"], task)
            tables = dict(zip(OF_MEAN, (low, high), strict=True))
            if len(common) and set(scored) == set(of_task.index):
                complete.append(task)
                tables |= dict(zip(OF_BEST, (*of_best, tied), strict=True))
            for name, table in tables.items():
                table.loc[common, task] = of_task.loc[common, name]
        return low, high, Differences(*(table[complete] for table in (*of_best, tied)))

    def _require_same(self, mean: pd.Series[float], known: pd.Series[float], task: str) -> None:
        other = ~np.isclose(mean, known, rtol=ROUNDING, atol=ROUNDING)
        if other.any():
            encoder = mean.index[int(np.flatnonzero(other)[0])]
            raise BenchError(
                f"{self.origin} is not of these results: it has another score of {encoder} on "
                f"{task}. Delete it to show the scores without intervals"
            )
