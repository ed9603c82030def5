"""Ratings of encoders over all tasks of a split and probe: ranks, Borda, Elo and more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.replicates import Replicates
from satclip_bench.benchmarks.ranking.aggregates import borda, elo, improvement, mean_rank, win_rate
from satclip_bench.benchmarks.ranking.ranking import Ranking
from satclip_bench.benchmarks.ranking.seeds import with_training_noise
from satclip_bench.benchmarks.ranking.significance import (
    Friedman,
    friedman,
    holm_pairs,
    score_gaps_p,
    signed_rank,
    tie_groups,
    widened,
)
from satclip_bench.benchmarks.ranking.ties import TIE_FLOOR

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
            None without replicates.
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
    measured = measures(scores, weights, _reference(encoders))
    low = high = pd.DataFrame(np.nan, encoders, list(MEASURES))
    these = None
    if ranking.replicates is not None and len(encoders):
        noisy = with_training_noise(
            ranking.by_seed, ranking.replicates, ranking.rows, floor=TIE_FLOOR
        )
        bootstrap = complete(noisy)
        replicates = measures(widened(scores, bootstrap), weights, None)
        unwidened = measures(bootstrap, weights, _reference(encoders))
        replicates["improvement"] = unwidened["improvement"]
        ends = {
            name: Replicates.from_leading(values).interval(measured[name])
            for name, values in replicates.items()
        }
        low, high = (_frame(encoders, {n: e[side] for n, e in ends.items()}) for side in (0, 1))
        to_tasks = _task_means(ranking.by_seed.columns)
        p = score_gaps_p(
            scores.clip(min=TIE_FLOOR) @ to_tasks, bootstrap.clip(min=TIE_FLOOR) @ to_tasks
        )
        these = pd.DataFrame(holm_pairs(p), encoders, encoders)
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


def measures(scores: Float, weights: Float, reference: int | None) -> dict[str, Float]:
    """Every rating of scores `(..., E, C)`, `(..., E)` each.

    Args:
        scores: scores by encoder and column; higher is better.
        weights: `(C,)` weights of the columns, which sum to 1.
        reference: row of the encoder that improvement is measured against; without one it is NaN.
    """
    simple: dict[str, Callable[[Float, Float], Float]] = {
        "rank": mean_rank,
        "borda": borda,
        "win_rate": win_rate,
        "elo": elo,
    }
    measured = {name: measure(scores, weights) for name, measure in simple.items()}
    measured["improvement"] = (
        np.full(scores.shape[:-1], np.nan)
        if reference is None
        else improvement(scores, scores[..., reference, :], weights)
    )
    return measured


def _task_means(columns: pd.Index) -> Float:
    """Matrix that turns scores by (task, seed) into means by task, `(C, T)`."""
    _, task, counts = np.unique(
        columns.get_level_values("task"), return_inverse=True, return_counts=True
    )
    return np.asarray(np.eye(len(counts))[task] / counts[task][:, None])


def _reference(encoders: pd.Index) -> int | None:
    return list(encoders).index(REFERENCE) if REFERENCE in encoders else None


def complete(replicates: Replicates) -> Float:
    """The replicates in which every score is defined, `(B, E, C)`."""
    leading = replicates.leading
    return leading[np.isfinite(leading).all(axis=(1, 2))]


def _frame(encoders: pd.Index, columns: Mapping[str, Float]) -> pd.DataFrame:
    return pd.DataFrame({name: columns[name] for name in MEASURES}, index=encoders)
