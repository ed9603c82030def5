"""Mean scores over tasks, and differences to a reference, with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.metrics.replicates import Replicates
from satclip_bench.benchmarks.ranking.by_task import columns_by_task
from satclip_bench.benchmarks.ranking.ranking import Ranking
from satclip_bench.benchmarks.ranking.ratings import complete, task_means
from satclip_bench.benchmarks.ranking.seeds import drawn_sizes
from satclip_bench.benchmarks.ranking.significance import DIGITS, holm_pairs, mean_gaps_p
from satclip_bench.benchmarks.ranking.studentized import range_quantile
from satclip_bench.benchmarks.ranking.ties import (
    TIE_FLOOR,
    complete_replicates,
    error_of_gaps,
)
from satclip_bench.benchmarks.ranking.training_noise import with_training_noise


@dataclass(frozen=True)
class MeanScores:
    """Mean scores over tasks of the complete encoders of a ranking.

    The mean over the seeds of each task counts, at least `TIE_FLOOR`, so that one failed task does
    not outweigh all others.

    Attributes:
        values: encoder x (`value`, `low`, `high`). The 95 % interval is over other test points and,
            where seeds draw them, other training sets, for these tasks; NaN without replicates.
        p: adjusted p that two encoders have the same mean score, encoder x encoder (Holm over all
            pairs); None without replicates.
    """

    values: pd.DataFrame
    p: pd.DataFrame | None


def mean_scores(ranking: Ranking) -> MeanScores:
    """Mean scores over tasks of the complete encoders of a ranking."""
    encoders, columns = ranking.by_seed.index, ranking.by_seed.columns
    scores = ranking.by_seed.to_numpy(dtype=np.float64)
    means = task_means(scores[..., None], columns)[..., 0].mean(axis=1)
    low = high = np.full(len(means), np.nan)
    p = None
    if ranking.replicates is not None and len(means):
        noisy = with_training_noise(
            *(ranking.by_seed, ranking.replicates, ranking.rows), floor=TIE_FLOOR, common=True
        )
        drawn = Replicates(task_means(complete(noisy).scores, columns).mean(axis=1))
        low, high = drawn.interval(means)
        of_pairs = holm_pairs(mean_gaps_p(means.round(DIGITS), drawn.scores))
        p = pd.DataFrame(of_pairs, encoders, encoders)
    return MeanScores(pd.DataFrame({"value": means, "low": low, "high": high}, index=encoders), p)


@dataclass(frozen=True)
class ReferenceDifferences:
    """Differences of encoders to a reference, encoder x task.

    Attributes:
        gap: mean score minus that of the reference, scores below `TIE_FLOOR` counting as it; NaN
            for an encoder that is missing a cell, and for all if the reference is.
        low, high: ends of the 95 % intervals, which hold for all pairs of encoders of a task
            together; NaN where there are neither replicates nor enough seeds.
    """

    gap: pd.DataFrame
    low: pd.DataFrame
    high: pd.DataFrame


def differences_to(ranking: Ranking, reference: str) -> ReferenceDifferences:
    """Differences of the complete encoders of a ranking to one of them.

    The error is the one of `ties.differences_to_best`, and so is the width: Tukey's and Kramer's
    for all encoders of the ranking.

    Args:
        ranking: ranking of a split and probe.
        reference: name of the reference; if it is not ranked, all differences are NaN.
    """
    encoders, tasks = ranking.by_seed.index, ranking.mean.columns
    gap, low, high = (pd.DataFrame(np.nan, encoders, tasks) for _ in range(3))
    if reference not in encoders:
        return ReferenceDifferences(gap, low, high)
    row = list(encoders).index(reference)
    sizes = drawn_sizes(ranking.rows)
    everyone = np.arange(len(encoders))
    columns = columns_by_task(ranking.by_seed.columns)
    for task in tasks:
        of_task = columns[task]
        scores = ranking.by_seed.to_numpy(dtype=np.float64)[:, of_task].clip(min=TIE_FLOOR)
        means = scores.mean(axis=1)
        gap[task] = means - means[row]
        known = complete_replicates(ranking.replicates, everyone, of_task)
        n_train, n_test = sizes.loc[[task]].to_numpy(dtype=np.float64)[0].tolist()
        error, freedom = error_of_gaps(scores, known, row, n_train, n_test)
        width = np.sqrt(error) * range_quantile(len(encoders), freedom) / np.sqrt(2)
        low[task], high[task] = gap[task] - width, gap[task] + width
    return ReferenceDifferences(gap, low, high)
