"""Rank changes of encoders from one split to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.bootstrap import MIN_DEFINED
from satclip_bench.benchmarks.metrics.replicates import Replicates, RunReplicates
from satclip_bench.benchmarks.ranking.aggregates import mean_rank
from satclip_bench.benchmarks.ranking.ranking import Ranking, rank
from satclip_bench.benchmarks.ranking.ratings import column_weights
from satclip_bench.benchmarks.ranking.significance import bootstrap_p, holm, kendall, widened
from satclip_bench.benchmarks.ranking.ties import TIE_FLOOR
from satclip_bench.benchmarks.ranking.training_noise import with_training_noise
from satclip_bench.benchmarks.runs.columns import BASELINE_PROBE
from satclip_bench.core.errors import BenchError

Float = NDArray[np.float64]

FLOOR = ("tau", "change")
"""Columns of the noise floor."""

MAX_HALVES = 200
"""Maximum number of ways to halve the seeds that the noise floor is computed from; more of them are
drawn at random."""


@dataclass(frozen=True)
class RankChanges:
    """Mean ranks under several splits, and their differences from those under the first.

    Only encoders and tasks that are complete under all of the splits are ranked, so that ranks are
    among the same encoders.

    Attributes:
        tasks: names of the tasks that the ranks are over.
        ranks: encoder x split, best first under the first split.
        low, high: ends of the ranks' 95 % intervals; NaN without replicates.
        change: encoder x other split, rank under it minus rank under the first.
        change_low, change_high: ends of their intervals.
        p: adjusted p that a change is zero (Holm over all changes); NaN without replicates.
        tau: Kendall's tau of the order under each other split with that under the first.
        tau_low, tau_high: ends of their intervals.
        floor: split x `FLOOR`, what the choice of the seeds alone does to the ranks under a split:
            tau between the orders by two disjoint halves of its seeds, and the change of a mean
            rank between them that 95 of 100 do not exceed, over all ways to halve the seeds
            that all tasks have, or `MAX_HALVES` random ones. Halves of the seeds are noisier than
            all of them. NaN for a split with a single seed, whose noise cannot be known.
    """

    tasks: tuple[str, ...]
    ranks: pd.DataFrame
    low: pd.DataFrame
    high: pd.DataFrame
    change: pd.DataFrame
    change_low: pd.DataFrame
    change_high: pd.DataFrame
    p: pd.DataFrame
    tau: pd.Series[float]
    tau_low: pd.Series[float]
    tau_high: pd.Series[float]
    floor: pd.DataFrame


def rank_changes(
    frame: pd.DataFrame,
    metrics: Mapping[str, str],
    splits: Sequence[str],
    probe: str,
    replicates: RunReplicates | None = None,
) -> RankChanges | None:
    """Compare the ranks under splits, the first of which is the standard.

    Args:
        frame: tidy table of a run.
        metrics: score that each task is ranked by.
        splits: names of two or more splits.
        probe: name of the probe; baselines are always among the encoders.
        replicates: bootstrap scores; see `satclip_bench.benchmarks.runs.replicates`.

    Returns:
        None if fewer than two encoders, or no task, are complete under all of the splits.
    """
    rankings = _common(frame, metrics, splits, probe, replicates)
    if rankings is None:
        return None
    order = rankings[0].by_seed.index
    scores = [r.by_seed.loc[order].to_numpy(dtype=np.float64) for r in rankings]
    weights = [column_weights(r.by_seed.columns) for r in rankings]
    ranks = np.stack([mean_rank(s, w) for s, w in zip(scores, weights, strict=True)], axis=-1)
    mean_ranks = _mean_ranks(rankings, scores, order, weights)
    others = list(splits[1:])
    change = ranks[:, 1:] - ranks[:, :1]
    tau = np.array([kendall(ranks[:, 0], ranks[:, i]) for i in range(1, len(splits))])
    unknown = np.full((2, *ranks.shape), np.nan)
    ends, change_ends, tau_ends = unknown, unknown[..., 1:], np.full((2, len(others)), np.nan)
    p = np.full_like(change, np.nan)
    if mean_ranks is not None:
        gaps = mean_ranks[..., 1:] - mean_ranks[..., :1]
        orders = np.moveaxis(mean_ranks, -1, 0)
        taus = np.stack([kendall(orders[0], other) for other in orders[1:]], axis=-1)
        ends, change_ends, tau_ends = (
            np.stack(Replicates.from_leading(values).interval(measured))
            for values, measured in ((mean_ranks, ranks), (gaps, change), (taus, tau))
        )
        p = holm(bootstrap_p(change, gaps).ravel()).reshape(change.shape)

    def of(values: Float) -> pd.DataFrame:
        columns = list(splits) if values.shape[1] == len(splits) else others
        return pd.DataFrame(values, index=order, columns=columns)

    return RankChanges(
        tasks=tuple(map(str, rankings[0].mean.columns)),
        ranks=of(ranks),
        low=of(ends[0]),
        high=of(ends[1]),
        change=of(change),
        change_low=of(change_ends[0]),
        change_high=of(change_ends[1]),
        p=of(p),
        tau=pd.Series(tau, others),
        tau_low=pd.Series(tau_ends[0], others),
        tau_high=pd.Series(tau_ends[1], others),
        floor=pd.DataFrame(
            [noise_floor(r.by_seed.loc[order]) for r in rankings], list(splits), list(FLOOR)
        ),
    )


def noise_floor(by_seed: pd.DataFrame) -> tuple[float, float]:
    """Tau and largest usual change of a mean rank between two disjoint halves of the seeds.

    Args:
        by_seed: encoder x (task, seed), scores of the complete encoders.

    Returns:
        Mean of Kendall's tau over all ways to halve the seeds that all tasks have, or `MAX_HALVES`
        random ones, and the 95 % quantile of the absolute changes of all encoders; NaN for fewer
        than two such seeds or encoders.
    """
    seed_of = by_seed.columns.get_level_values("seed")
    seeds_of = by_seed.columns.to_frame(index=False).groupby("task")["seed"].agg(set)
    seeds = sorted(set.intersection(*seeds_of)) if len(seeds_of) else []
    if len(seeds) < 2 or len(by_seed) < 2:
        return float("nan"), float("nan")

    def ranks(chosen: tuple[int, ...]) -> Float:
        of_half = by_seed.loc[:, seed_of.isin(chosen)]
        return mean_rank(of_half.to_numpy(dtype=np.float64), column_weights(of_half.columns))

    taus, changes = [], []
    for half in _halves(seeds):
        one, other = ranks(half), ranks(tuple(set(seeds) - set(half)))
        taus.append(kendall(one, other))
        changes.append(np.abs(one - other))
    return float(np.nanmean(taus)), float(np.quantile(changes, 0.95))


def _halves(seeds: Sequence[int]) -> list[tuple[int, ...]]:
    """Smaller halves of seeds: one of each way to halve them, or `MAX_HALVES` random ones.

    >>> _halves([0, 1, 2])
    [(0,), (1,), (2,)]
    >>> _halves([0, 1, 2, 3])
    [(0, 1), (0, 2), (0, 3)]
    """
    size, even = len(seeds) // 2, len(seeds) % 2 == 0
    if comb(len(seeds), size) // (1 + even) > MAX_HALVES:
        rng = np.random.default_rng(0)
        return [tuple(rng.permutation(seeds)[:size].tolist()) for _ in range(MAX_HALVES)]
    halves = list(combinations(seeds, size))
    # The other half of each of the first ones comes later.
    return halves[: len(halves) // 2] if even else halves


def _common(
    frame: pd.DataFrame,
    metrics: Mapping[str, str],
    splits: Sequence[str],
    probe: str,
    replicates: RunReplicates | None,
) -> tuple[Ranking, ...] | None:
    """Rankings over the tasks of all splits, among the encoders that are complete under each."""
    rows = frame[frame["split"].isin(splits) & frame["probe"].isin([probe, BASELINE_PROBE])]
    of_probe = rows[rows["probe"] == probe]
    tasks = set.intersection(*(set(of_probe[of_probe["split"] == s]["task"]) for s in splits))
    rows = rows[rows["task"].isin(tasks)]
    try:
        first = [rank(rows, metrics, split, probe) for split in splits]
        complete = set.intersection(*(set(r.rank.index) for r in first))
        if len(complete) < 2:
            return None
        rows = rows[rows["encoder"].isin(complete)]
        return tuple(rank(rows, metrics, split, probe, replicates) for split in splits)
    except BenchError:
        # The splits have no task in common.
        return None


def _mean_ranks(
    rankings: Sequence[Ranking], scores: Sequence[Float], order: pd.Index, weights: Sequence[Float]
) -> Float | None:
    """Mean ranks in every widened replicate that all splits have, `(B, encoder, split)`.

    None without replicates, or if under 90 % of them are in all splits.
    """
    bootstrap = []
    for ranking, measured in zip(rankings, scores, strict=True):
        if ranking.replicates is None:
            return None
        noisy = with_training_noise(
            ranking.by_seed, ranking.replicates, ranking.rows, floor=TIE_FLOOR
        )
        rows = ranking.by_seed.index.get_indexer(order)
        bootstrap.append(widened(measured, noisy.leading[:, rows]))
    defined = np.logical_and.reduce([np.isfinite(r).all(axis=(1, 2)) for r in bootstrap])
    if defined.mean() < MIN_DEFINED:
        return None
    pairs = zip(bootstrap, weights, strict=True)
    return np.stack([mean_rank(r[defined], weight) for r, weight in pairs], axis=-1)
