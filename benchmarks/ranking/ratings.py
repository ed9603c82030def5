"""Ratings of encoders over all tasks of a split and probe: ranks, Borda, Elo and more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.replicates import Replicates
from satclip_bench.benchmarks.ranking.aggregates import (
    borda,
    elo,
    mean_rank,
    win_rate,
)
from satclip_bench.benchmarks.ranking.bootstrap_ratings import bootstrap_ratings, improvement_over
from satclip_bench.benchmarks.ranking.ranking import Ranking
from satclip_bench.benchmarks.ranking.significance import (
    DIGITS,
    Friedman,
    friedman,
    holm_pairs,
    score_gaps_p,
    signed_rank,
    tie_groups,
)
from satclip_bench.benchmarks.ranking.ties import TIE_FLOOR
from satclip_bench.benchmarks.ranking.training_noise import TrainingNoise

Float = NDArray[np.float64]

REFERENCE = "baseline.knn"
"""Baseline that improvement is measured against: nearest neighbours on the sphere."""

MEASURES = ("rank", "borda", "win_rate", "elo", "improvement")


@dataclass(frozen=True)
class Ratings:
    """Ratings of the complete encoders of a ranking, best mean rank first.

    Attributes:
        values: encoder x `MEASURES`; improvement is NaN where the reference is not among them.
        low, high: ends of their 95 % intervals over other test points and, where seeds draw them,
            other training sets, for these tasks; all but those of improvement are from widened
            replicates. NaN without replicates.
        tasks: number of tasks.
        on_these_tasks: adjusted p that two encoders score alike on these tasks, encoder x encoder;
            1 where the gaps favour the encoder of the worse mean rank, whose order they do not
            support. None without replicates.
        on_similar_tasks: adjusted p of the signed-rank test over tasks, encoder x encoder.
        groups: groups of encoders no two of which differ on these tasks (`on_these_tasks` at 0.05).
        friedman: Friedman's test of the mean scores by task; None for too few encoders or tasks.
    """

    values: pd.DataFrame
    low: pd.DataFrame
    high: pd.DataFrame
    tasks: int
    on_these_tasks: pd.DataFrame | None
    on_similar_tasks: pd.DataFrame
    groups: tuple[tuple[str, ...], ...]
    friedman: Friedman | None


def rate(ranking: Ranking) -> Ratings:
    """Ranks, Borda points, win rate, Elo and improvement of the encoders of a ranking."""
    encoders = ranking.by_seed.index
    scores = ranking.by_seed.to_numpy(dtype=np.float64)
    weights = column_weights(ranking.by_seed.columns)
    reference = _reference(encoders)
    measured = measures(mean_rank(scores, weights), improvement_over(scores, weights, reference))
    low = high = pd.DataFrame(np.nan, encoders, list(MEASURES))
    these = None
    if ranking.replicates is not None and len(encoders):
        noise = TrainingNoise(ranking.by_seed, ranking.rows, TIE_FLOOR)
        of_replicates = bootstrap_ratings(ranking.replicates, noise, weights, reference)
        replicates = measures(of_replicates.mean_ranks, of_replicates.improvements)
        ends = {
            name: Replicates.from_leading(values).interval(measured[name])
            for name, values in replicates.items()
        }
        low, high = (_frame(encoders, {n: e[side] for n, e in ends.items()}) for side in (0, 1))
        columns = ranking.by_seed.columns
        drawn = Replicates(of_replicates.task_means)
        p, ahead = score_gaps_p(task_means(scores[..., None], columns)[..., 0], drawn.leading)
        ranks = measured["rank"].round(DIGITS)
        against = ahead * (ranks - ranks[:, None]) < 0
        these = pd.DataFrame(np.where(against, 1, holm_pairs(p)), encoders, encoders)
    values = _frame(encoders, measured)
    by_task = ranking.mean.loc[encoders].to_numpy(dtype=np.float64)
    similar = pd.DataFrame(holm_pairs(signed_rank(by_task)), encoders, encoders)
    groups = () if these is None else tie_groups(values["rank"].to_numpy(), these.to_numpy())
    return Ratings(
        values=values,
        low=low,
        high=high,
        tasks=by_task.shape[1],
        on_these_tasks=these,
        on_similar_tasks=similar,
        groups=tuple(tuple(str(encoders[i]) for i in group) for group in groups),
        friedman=friedman(by_task),
    )


def column_weights(columns: pd.Index) -> Float:
    """Weights of (task, seed) columns: equal for all seeds, and equal for all tasks of a seed."""
    _, seed, counts = np.unique(
        columns.get_level_values("seed"), return_inverse=True, return_counts=True
    )
    return np.asarray(1 / counts[seed] / len(counts))


def measures(mean_ranks: Float, improvements: Float) -> dict[str, Float]:
    """Every rating, `(..., E)` each, by `MEASURES`.

    Args:
        mean_ranks: `(..., E)` mean ranks.
        improvements: `(..., E)` improvements over the reference.
    """
    return {
        "rank": mean_ranks,
        "borda": borda(mean_ranks),
        "win_rate": win_rate(mean_ranks),
        "elo": elo(mean_ranks),
        "improvement": improvements,
    }


def task_means(scores: Float, columns: pd.Index) -> Float:
    """Means by task, `(E, T, B)`, of scores by (task, seed), `(E, C, B)`, at least `TIE_FLOOR`."""
    task_of = columns.get_level_values("task")
    tasks = sorted(set(task_of))
    means = [scores[:, task_of == task].clip(min=TIE_FLOOR).mean(axis=1) for task in tasks]
    return np.stack(means, axis=1)


def _reference(encoders: pd.Index) -> int | None:
    return list(encoders).index(REFERENCE) if REFERENCE in encoders else None


def complete(replicates: Replicates) -> Replicates:
    """The replicates in which every score is defined."""
    return Replicates(replicates.scores[..., replicates.defined])


def _frame(encoders: pd.Index, columns: Mapping[str, Float]) -> pd.DataFrame:
    return pd.DataFrame({name: columns[name] for name in MEASURES}, index=encoders)
