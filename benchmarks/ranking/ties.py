"""Which encoders tie with the best of a task.

A difference to the best is a tie unless a two-sided test tells it from nil, p below 0.05 after
Holm's correction over the encoders of the task. Its squared standard error is the sum of two: of
the mean difference in the bootstrap of spatial blocks, and over seeds (1/n + n_test/n_train) var
(Nadeau and Bengio 2003, Machine Learning 52, eq. 9), var with ddof 1, left out for fewer than three
seeds; degrees of freedom after Welch and Satterthwaite. Folds are given: what differs between
continents is no noise, and which of them there are is no draw. Only where no predictions are kept,
folds stand for what the blocks would have told.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.bootstrap import mean_of_drawn, spread_of_drawn
from satclip_bench.benchmarks.ranking.significance import ALPHA, holm

TIE_PAIRS = 3
"""Fewer paired cells than these say nothing about how a score varies between them."""

TIE_FLOOR = -1.0
"""For ties, scores below count as this: one region with an R2 of -1000 would otherwise widen the
standard error so far that the worst encoder could not be told from the best."""


def tied_with_best(
    cells: pd.DataFrame,
    mean: pd.DataFrame,
    rows: pd.DataFrame,
    drawn: NDArray[np.float64] | None,
) -> pd.DataFrame:
    """Encoder x task, whether an encoder is the best or ties with it.

    Args:
        cells: encoder x (task, seed, fold), scores.
        mean: encoder x task, mean scores; NaN for an encoder that is not compared.
        rows: of the tidy table, for the sizes of the parts.
        drawn: `(encoder, cell, B)`, the cells in every replicate; None where they are not known.

    Returns:
        All False for a task with neither replicates nor pairs enough to tell.
    """
    tied = pd.DataFrame(False, index=mean.index, columns=mean.columns)
    done = rows[rows["status"] == "done"]
    for task in mean.columns:
        whole = mean[task].dropna()
        if whole.empty:
            continue
        here = cells.index.get_indexer(whole.index)
        of_task = cells.columns.get_level_values("task") == task
        best = int(whole.to_numpy().argmax())
        values = cells.to_numpy(dtype=np.float64)[np.ix_(here, of_task)].clip(min=TIE_FLOOR)
        gaps = values[best] - values
        within = np.full(len(here), np.nan)
        if drawn is not None:
            clipped = mean_of_drawn(drawn[np.ix_(here, of_task)].clip(min=TIE_FLOOR), axis=1)
            within = spread_of_drawn(clipped[best] - clipped)
        # Replicates that some lack would judge encoders by different rules.
        alone = bool(np.isnan(within).any())
        if alone:
            within = np.zeros(len(here))
        else:
            gaps = _by_seed(gaps, cells.columns[of_task].get_level_values("seed"))
        pairs = gaps.shape[1]
        between = np.zeros(len(here))
        if pairs >= TIE_PAIRS:
            sizes = done.loc[done["task"] == task, ["n_test", "n_train"]].mean()
            ratio = sizes["n_test"] / sizes["n_train"] if sizes["n_train"] > 0 else 0.0
            between = (1 / pairs + ratio) * gaps.var(axis=1, ddof=1)
        elif alone:
            continue
        p = _p_of_gaps(gaps.mean(axis=1), within, between, pairs)
        others = np.arange(len(here)) != best
        adjusted = np.ones(len(here))
        adjusted[others] = holm(p[others])
        tied[task] = tied.index.isin(whole.index[adjusted >= ALPHA])
    return tied


def _by_seed(gaps: NDArray[np.float64], seeds: pd.Index) -> NDArray[np.float64]:
    """Means over the folds of each seed, `(encoder, seed)`, of gaps `(encoder, cell)`."""
    columns = seeds.to_numpy()
    return np.stack([gaps[:, columns == seed].mean(axis=1) for seed in np.unique(columns)], axis=1)


def _p_of_gaps(
    gaps: NDArray[np.float64],
    within: NDArray[np.float64],
    between: NDArray[np.float64],
    pairs: int,
) -> NDArray[np.float64]:
    """Two-sided p of mean gaps by their two squared errors; 1 for no gap at all."""
    from scipy.stats import t

    error = within + between
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = np.where(between > 0, (pairs - 1) * (error / between) ** 2, np.inf)
        statistic = np.abs(gaps) / np.sqrt(error)
    p = 2 * t.sf(np.where(error > 0, statistic, np.inf), freedom)
    return np.where(gaps == 0, 1.0, p)
