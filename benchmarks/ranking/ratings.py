"""How encoders rate over all tasks of a split and probe, each way with its interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.bootstrap import interval
from satclip_bench.benchmarks.ranking.aggregates import borda, elo, mean_rank, skill, win_rate
from satclip_bench.benchmarks.ranking.ranking import Ranking
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
"""Nearest neighbours on the sphere: what skill is measured against."""

MEASURES = ("rank", "borda", "win_rate", "elo", "skill")


@dataclass(frozen=True)
class Ratings:
    """Ratings of the complete encoders of a ranking, best mean rank first.

    Attributes:
        values: encoder x `MEASURES`; skill is NaN where the reference is not among them.
        low, high: ends of their 95 % intervals over the bootstrap of blocks, the tasks being
            given, for all but skill of widened replicates; NaN without replicates.
        tasks: how many tasks they are over.
        on_these_tasks: adjusted p that two encoders score alike on these tasks, encoder x encoder;
            None without replicates.
        on_such_tasks: adjusted p of the signed-rank test over tasks, encoder x encoder.
        groups: encoders no two of which differ on these tasks, `on_these_tasks` at 0.05.
        friedman: of the mean scores by task; None for too few encoders or tasks.
    """

    values: pd.DataFrame
    low: pd.DataFrame
    high: pd.DataFrame
    tasks: int
    on_these_tasks: pd.DataFrame | None
    on_such_tasks: pd.DataFrame
    groups: tuple[tuple[str, ...], ...]
    friedman: Friedman | None


def rate(ranking: Ranking) -> Ratings:
    """Ranks, Borda points, win rate, Elo and skill of the encoders of a ranking."""
    encoders = ranking.by_seed.index
    scores = ranking.by_seed.to_numpy(dtype=np.float64)
    weights = column_weights(ranking.by_seed.columns)
    measured = measures(scores, weights, _reference(encoders))
    values = _frame(encoders, measured)
    low = high = pd.DataFrame(np.nan, encoders, list(MEASURES))
    these = None
    if ranking.replicates is not None and len(encoders):
        drawn = whole(ranking.replicates)
        found = measures(widened(scores, drawn), weights, None)
        found["skill"] = measures(drawn, weights, _reference(encoders))["skill"]
        low, high = (_frame(encoders, _ends(found, measured, side)) for side in (0, 1))
        of_tasks = _task_means(ranking.by_seed.columns)
        p = score_gaps_p(
            scores.clip(min=TIE_FLOOR) @ of_tasks, drawn.clip(min=TIE_FLOOR) @ of_tasks
        )
        these = pd.DataFrame(holm_pairs(p), encoders, encoders)
    by_task = ranking.mean.loc[encoders].to_numpy(dtype=np.float64)
    such = pd.DataFrame(holm_pairs(signed_rank(by_task)), encoders, encoders)
    groups = () if these is None else tie_groups(values["rank"].to_numpy(), these.to_numpy())
    return Ratings(
        values=values,
        low=low,
        high=high,
        tasks=by_task.shape[1],
        on_these_tasks=these,
        on_such_tasks=such,
        groups=tuple(tuple(str(encoders[i]) for i in group) for group in groups),
        friedman=friedman(by_task),
    )


def column_weights(columns: pd.Index) -> Float:
    """Weights of (task, seed) columns: seeds alike, and within a seed its tasks alike."""
    _, seed, counts = np.unique(
        columns.get_level_values("seed"), return_inverse=True, return_counts=True
    )
    return np.asarray(1 / counts[seed] / len(counts))


def measures(scores: Float, weights: Float, reference: int | None) -> dict[str, Float]:
    """Every measure of scores `(..., E, C)`, `(..., E)` each.

    Args:
        scores: higher is better.
        weights: `(C,)`.
        reference: row of the encoder that skill is measured against, if it is there.
    """
    simple: dict[str, Callable[[Float, Float], Float]] = {
        "rank": mean_rank,
        "borda": borda,
        "win_rate": win_rate,
        "elo": elo,
    }
    found = {name: of(scores, weights) for name, of in simple.items()}
    found["skill"] = (
        np.full(scores.shape[:-1], np.nan)
        if reference is None
        else skill(scores, scores[..., reference, :], weights)
    )
    return found


def _task_means(columns: pd.Index) -> Float:
    """What turns scores by (task, seed) into means by task, `(C, T)`."""
    _, task, counts = np.unique(
        columns.get_level_values("task"), return_inverse=True, return_counts=True
    )
    return np.asarray(np.eye(len(counts))[task] / counts[task][:, None])


def _reference(encoders: pd.Index) -> int | None:
    return list(encoders).index(REFERENCE) if REFERENCE in encoders else None


def whole(replicates: Float) -> Float:
    """The replicates in which every score is defined."""
    return replicates[np.isfinite(replicates).all(axis=(1, 2))]


def _ends(found: Mapping[str, Float], measured: Mapping[str, Float], side: int) -> dict[str, Float]:
    return {
        name: np.array(
            [
                (interval(column, value) or (np.nan, np.nan))[side]
                for column, value in zip(values.T, measured[name].tolist(), strict=True)
            ]
        )
        for name, values in found.items()
    }


def _frame(encoders: pd.Index, found: Mapping[str, Float]) -> pd.DataFrame:
    return pd.DataFrame({name: found[name] for name in MEASURES}, index=encoders)
