"""Encoders that tie with the best of a task.

A difference to the best is a tie unless a two-sided test rejects that it is zero, p below 0.05
after Holm's correction over the encoders of the task. Its squared standard error is the sum of two:
that of the mean difference in the bootstrap of spatial blocks, and over seeds
(1/n + n_test/n_train) var (Nadeau and Bengio 2003, Machine Learning 52, eq. 9), var with ddof 1,
left out for fewer than three seeds; degrees of freedom after Welch and Satterthwaite. Folds are
taken as given: differences between continents are not noise, and the continents are not a random
sample.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.replicates import Replicates
from satclip_bench.benchmarks.ranking.significance import ALPHA, holm

TIE_PAIRS = 3
"""Minimum number of seeds: fewer do not show how a difference varies between them."""

TIE_FLOOR = -1.0
"""For ties, scores below this count as this: one region with an R2 of -1000 would otherwise widen
the standard error so far that even the worst encoder would tie with the best."""


def tied_with_best(
    by_seed: pd.DataFrame, mean: pd.DataFrame, rows: pd.DataFrame, replicates: Replicates | None
) -> pd.DataFrame:
    """Encoder x task, whether an encoder is the best or ties with it.

    Args:
        by_seed: encoder x (task, seed), scores over all folds.
        mean: encoder x task, mean scores; NaN for an encoder that is not compared.
        rows: rows of the tidy table, for the sizes of the training and test sets.
        replicates: bootstrap scores of `by_seed`, `(encoder, task and seed, B)`; None if not known.

    Returns:
        All False for a task with neither replicates nor enough pairs to decide.
    """
    tied = pd.DataFrame(False, index=mean.index, columns=mean.columns)
    done = rows[rows["status"] == "done"]
    for task in mean.columns:
        compared = mean[task].dropna()
        if compared.empty:
            continue
        encoders = by_seed.index.get_indexer(compared.index)
        of_task = by_seed.columns.get_level_values("task") == task
        best = int(compared.to_numpy().argmax())
        values = by_seed.to_numpy(dtype=np.float64)[np.ix_(encoders, of_task)].clip(min=TIE_FLOOR)
        gaps = values[best] - values
        within = _block_variance(replicates, encoders, of_task, best)
        pairs = gaps.shape[1]
        between = np.zeros(len(encoders))
        if pairs >= TIE_PAIRS:
            sizes = done.loc[done["task"] == task, ["n_test", "n_train"]].mean()
            ratio = sizes["n_test"] / sizes["n_train"] if sizes["n_train"] > 0 else 0.0
            between = (1 / pairs + ratio) * gaps.var(axis=1, ddof=1)
        elif within is None:
            continue
        p = _p_of_gaps(gaps.mean(axis=1), 0.0 if within is None else within, between, pairs)
        others = np.arange(len(encoders)) != best
        adjusted = np.ones(len(encoders))
        adjusted[others] = holm(p[others])
        tied[task] = tied.index.isin(compared.index[adjusted >= ALPHA])
    return tied


def _block_variance(
    replicates: Replicates | None,
    encoders: NDArray[np.integer],
    of_task: NDArray[np.bool_],
    best: int,
) -> NDArray[np.float64] | None:
    """Bootstrap variance of the mean difference to the best, `(encoder,)`.

    None if some encoder has no replicates, so that all are compared alike.
    """
    if replicates is None:
        return None
    cells = Replicates(replicates.scores[np.ix_(encoders, of_task)])
    means = cells.clipped(TIE_FLOOR).mean(axis=1)
    variance = Replicates(means.scores[best]).minus(means).variance()
    return None if np.isnan(variance).any() else variance


def _p_of_gaps(
    gaps: NDArray[np.float64],
    within: NDArray[np.float64] | float,
    between: NDArray[np.float64],
    pairs: int,
) -> NDArray[np.float64]:
    """Two-sided p that mean gaps are zero, from their two squared errors; 1 where a gap is 0."""
    from scipy.stats import t

    error = within + between
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = np.where(between > 0, (pairs - 1) * (error / between) ** 2, np.inf)
        statistic = np.abs(gaps) / np.sqrt(error)
    p = 2 * t.sf(np.where(error > 0, statistic, np.inf), freedom)
    return np.where(gaps == 0, 1.0, p)
