"""Differences of encoders to the best of a task, their intervals, and who ties with the best.

What is noise, and what is given: the points of the test set are noise, by the bootstrap of points
or of blocks that the score's kind of interval has. The draw of the training set is noise where
seeds draw it; its squared error comes from the variance over seeds, moderated over the encoders of
the task, less what the bootstrap explains of it (`benchmarks/ranking/seeds.py`). The order of the
regions, the tasks and, under a split without seeds, the training set are given.

Differences are those of any two encoders, because the best is not known beforehand: intervals and
adjusted p are Tukey's and Kramer's, by the Studentized range of all encoders of the task (Tukey
1953; Kramer 1956, Biometrics 12), with degrees of freedom after Welch and Satterthwaite. An encoder
ties with the best unless its interval excludes 0.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.metrics.bootstrap import MIN_DEFINED
from satclip_bench.benchmarks.metrics.replicates import Replicates
from satclip_bench.benchmarks.ranking.seeds import Float, overlap_factor, training_variance
from satclip_bench.benchmarks.ranking.significance import ALPHA
from satclip_bench.benchmarks.ranking.studentized import (
    range_p,
    range_quantile,
    rounded_freedom,
)

MIN_SEEDS = 3
"""Minimum number of seeds to decide without bootstrap scores: fewer do not show how a difference
varies between them."""

TIE_FLOOR = -1.0
"""For differences, scores below this count as this: one seed with a skill of -1000 would otherwise
widen the standard error so far that even the worst encoder would tie with the best."""


@dataclass(frozen=True)
class Differences:
    """Differences to the best encoder of each task, encoder x task.

    Attributes:
        gap: mean score minus that of the best, at most 0, scores below `TIE_FLOOR` counting as it;
            NaN for an encoder that is not compared.
        low, high: ends of the simultaneous 95 % intervals; NaN if undecided.
        p: p that the difference is zero, adjusted for all pairs of encoders; NaN if undecided.
        tied: whether it is the best or its p is 0.05 or more; all False if undecided.
    """

    gap: pd.DataFrame
    low: pd.DataFrame
    high: pd.DataFrame
    p: pd.DataFrame
    tied: pd.DataFrame


def differences_to_best(
    by_seed: pd.DataFrame, mean: pd.DataFrame, rows: pd.DataFrame, replicates: Replicates | None
) -> Differences:
    """Differences to the best of each task, with intervals.

    Args:
        by_seed: encoder x (task, seed), scores over all folds.
        mean: encoder x task, mean scores; NaN for an encoder that is not compared.
        rows: rows of the tidy table, for the sizes of the training and test sets.
        replicates: bootstrap scores of `by_seed`, `(encoder, task and seed, B)`; None if not known.

    Returns:
        Differences, undecided for a task with neither replicates nor `MIN_SEEDS` seeds.
    """
    gap, low, high, p = (
        pd.DataFrame(np.nan, index=mean.index, columns=mean.columns) for _ in range(4)
    )
    tied = pd.DataFrame(False, index=mean.index, columns=mean.columns)
    sizes_of = sizes_by_task(rows)
    for task in mean.columns:
        compared = mean[task].dropna()
        if compared.empty:
            continue
        encoders = by_seed.index.get_indexer(compared.index)
        of_task = by_seed.columns.get_level_values("task") == task
        scores = by_seed.to_numpy(dtype=np.float64)[np.ix_(encoders, of_task)].clip(min=TIE_FLOOR)
        best = int(compared.to_numpy().argmax())
        known = complete_replicates(replicates, encoders, of_task)
        n_train, n_test = sizes_of.loc[[task]].to_numpy(dtype=np.float64)[0].tolist()
        gaps = scores.mean(axis=1) - scores.mean(axis=1)[best]
        gap.loc[compared.index, task] = gaps
        error, freedom = error_of_gaps(scores, known, best, n_train, n_test)
        if np.isnan(error).any():
            continue
        count, ties = len(encoders), np.arange(len(encoders)) == best
        adjusted = range_p(gaps, error, count, freedom)
        width = np.sqrt(error) * range_quantile(count, freedom) / np.sqrt(2)
        low.loc[compared.index, task] = np.where(ties, 0, gaps - width)
        high.loc[compared.index, task] = np.where(ties, 0, gaps + width)
        p.loc[compared.index, task] = adjusted
        tied.loc[compared.index, task] = ties | (gaps == 0) | (adjusted >= ALPHA)
    return Differences(gap, low, high, p, tied)


def beside(one: Differences, other: Differences, mean: pd.DataFrame) -> Differences:
    """Differences of two sets of tasks together, in the order of the columns of `mean`."""
    pairs = ((getattr(part, field.name) for part in (one, other)) for field in fields(Differences))
    return Differences(*(pd.concat(pair, axis=1)[mean.columns] for pair in pairs))


def sizes_by_task(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean sizes of the training and test sets, task x (`n_train`, `n_test`)."""
    done = rows[rows["status"] == "done"]
    return done.groupby("task")[["n_train", "n_test"]].mean()


def error_of_gaps(
    scores: Float, replicates: Float | None, best: int, n_train: float, n_test: float
) -> tuple[Float, Float]:
    """Squared error of mean differences to the best, `(E,)`, and its degrees of freedom, `(E,)`.

    Args:
        scores: `(E, S)` scores by seed.
        replicates: `(E, S, B)` bootstrap scores; None if not known.
        best: row of the best encoder, whose error is 0.
        n_train: rows of a training set.
        n_test: rows of a test set.

    Returns:
        NaN if there are neither replicates nor `MIN_SEEDS` seeds.
    """
    seeds = scores.shape[1]
    others = np.arange(len(scores)) != best
    gaps = (scores - scores[best])[others]
    error, freedom = np.zeros(len(scores)), np.full(len(scores), np.inf)
    if replicates is None:
        if seeds < MIN_SEEDS:
            return np.full(len(scores), np.nan), freedom
        # Without bootstrap scores the overlap of the test sets is not known (Nadeau and Bengio).
        factor = 1 / seeds + (n_test / n_train if n_train > 0 else 0.0)
        points: Float | float = 0.0
        noise = None
    else:
        factor = overlap_factor(seeds, n_train, n_test)
        noise = (replicates - replicates[best])[others]
        points = Replicates(noise.mean(axis=1)).variance()
    training, uncertain, of_seeds = training_variance(gaps, noise, factor)
    error[others] = points + training
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(uncertain > 0, error[others] / uncertain, np.inf)
        freedom[others] = of_seeds * ratio**2
    return error, rounded_freedom(freedom)


def complete_replicates(
    replicates: Replicates | None, encoders: np.ndarray, of_task: np.ndarray
) -> Float | None:
    """Bootstrap scores `(E, S, B)`; None if some are not known, so that all are compared alike.

    Args:
        replicates: bootstrap scores `(encoder, task and seed, B)`; None if not known.
        encoders: rows of the encoders.
        of_task: whether a column belongs to the task.
    """
    if replicates is None:
        return None
    scores = replicates.scores[np.ix_(encoders, of_task)].clip(min=TIE_FLOOR)
    known = np.isfinite(scores).mean(axis=-1) >= MIN_DEFINED
    return scores if known.all() else None
