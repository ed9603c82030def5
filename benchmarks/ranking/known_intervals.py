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

OF_BEST = ("best", "gap", "gap_low", "gap_high", "gap_p", "tied")
"""Columns on the difference to the best encoder of a task."""

TRUTHS = ("best", "tied")
"""Columns that are true or false."""

COLUMNS = (*KEY, "mean", "std", *OF_MEAN, *OF_BEST)
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
        rows = rows[rows["metric"] == rows["task"].map(dict(metrics))]
        encoder = mean.index.get_indexer(pd.Index(rows["encoder"]))
        task = mean.columns.get_indexer(pd.Index(rows["task"]))
        of_board = task >= 0
        rows, encoder, task = rows[of_board], encoder[of_board], task[of_board]
        scores = mean.to_numpy(dtype=np.float64)
        scored = ~np.isnan(scores)
        common = (encoder >= 0) & scored[encoder, task]
        place = encoder[common], task[common]
        different = ~np.isclose(scores[place], rows["mean"][common], rtol=ROUNDING, atol=ROUNDING)
        if different.any():
            first = int(np.flatnonzero(different)[0])
            raise BenchError(
                f"{self.origin} is not of these results: it has another score of "
                f"{mean.index[place[0][first]]} on {mean.columns[place[1][first]]}. Delete it to "
                "show the scores without intervals"
            )

        def table(name: str, empty: float) -> pd.DataFrame:
            values = np.full(mean.shape, empty)
            values[place] = rows[name][common]
            return pd.DataFrame(values, mean.index, mean.columns)

        low, high = (table(name, np.nan) for name in OF_MEAN)
        of_best = [table(name, False if name in TRUTHS else np.nan) for name in OF_BEST]
        count = len(mean.columns)
        of_table, of_both = (np.bincount(at, minlength=count) for at in (task, place[1]))
        complete = (of_both > 0) & (of_both == of_table) & (of_both == scored.sum(axis=0))
        tasks = mean.columns[complete]
        return low, high, Differences(*(part[tasks] for part in of_best))
