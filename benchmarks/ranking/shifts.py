"""Whether the order of encoders changes from one split to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.bootstrap import interval
from satclip_bench.benchmarks.ranking.aggregates import mean_rank
from satclip_bench.benchmarks.ranking.ranking import Ranking, rank
from satclip_bench.benchmarks.ranking.ratings import column_weights
from satclip_bench.benchmarks.ranking.significance import bootstrap_p, holm, kendall, widened
from satclip_bench.benchmarks.runs.columns import BASELINE_PROBE
from satclip_bench.core.errors import BenchError

Float = NDArray[np.float64]


@dataclass(frozen=True)
class RankChanges:
    """Mean ranks under several splits, and how they differ from those under the first.

    Only encoders and tasks that all of the splits have whole take part, so that ranks are among the
    same.

    Attributes:
        tasks: what the ranks are over.
        ranks: encoder x split, best first under the first split.
        low, high: ends of the ranks' 95 % intervals; NaN without replicates.
        change: encoder x other split, rank there less rank under the first.
        change_low, change_high: ends of their intervals.
        p: adjusted p that a change is nil (Holm over all of them); NaN without replicates.
        tau: Kendall's tau of the order under each other split with that under the first.
        tau_low, tau_high: ends of their intervals.
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


def rank_changes(
    frame: pd.DataFrame,
    metrics: Mapping[str, str],
    splits: Sequence[str],
    probe: str,
    replicates: pd.DataFrame | None = None,
) -> RankChanges | None:
    """Compare the ranks under splits, the first of which is the standard.

    Args:
        frame: the tidy table.
        metrics: the score that each task is ranked by.
        splits: two or more.
        probe: which probe; baselines are always among the encoders.
        replicates: scores by replicate; see `satclip_bench.benchmarks.runs.replicates`.

    Returns:
        None where no two encoders, or no task, have all of the splits whole.
    """
    rankings = _common(frame, metrics, splits, probe, replicates)
    if rankings is None:
        return None
    order = rankings[0].by_seed.index
    scores = [r.by_seed.loc[order].to_numpy(dtype=np.float64) for r in rankings]
    weights = [column_weights(r.by_seed.columns) for r in rankings]
    ranks = np.stack([mean_rank(s, w) for s, w in zip(scores, weights, strict=True)], axis=-1)
    drawn = _drawn(rankings, scores, order, weights)
    others = list(splits[1:])
    change = ranks[:, 1:] - ranks[:, :1]
    tau = np.array([kendall(ranks[:, 0], ranks[:, i]) for i in range(1, len(splits))])
    unknown = np.full((2, *ranks.shape), np.nan)
    ends, change_ends, tau_ends = unknown, unknown[..., 1:], np.full((2, len(others)), np.nan)
    p = np.full_like(change, np.nan)
    if drawn is not None:
        gaps = drawn[..., 1:] - drawn[..., :1]
        ends, change_ends = _ends(drawn, ranks), _ends(gaps, change)
        orders = np.moveaxis(drawn, -1, 0)
        tau_ends = _ends(np.stack([kendall(orders[0], o) for o in orders[1:]], axis=-1), tau)
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
    )


def _common(
    frame: pd.DataFrame,
    metrics: Mapping[str, str],
    splits: Sequence[str],
    probe: str,
    replicates: pd.DataFrame | None,
) -> tuple[Ranking, ...] | None:
    """Rankings among the tasks that all splits have, and the encoders that have all of them."""
    chosen = frame[frame["split"].isin(splits) & frame["probe"].isin([probe, BASELINE_PROBE])]
    of_probe = chosen[chosen["probe"] == probe]
    tasks = set.intersection(*(set(of_probe[of_probe["split"] == s]["task"]) for s in splits))
    chosen = chosen[chosen["task"].isin(tasks)]
    try:
        first = [rank(chosen, metrics, split, probe) for split in splits]
        whole = set.intersection(*(set(r.rank.index) for r in first))
        if len(whole) < 2:
            return None
        chosen = chosen[chosen["encoder"].isin(whole)]
        return tuple(rank(chosen, metrics, split, probe, replicates) for split in splits)
    except BenchError:
        # No task in common.
        return None


def _drawn(
    rankings: Sequence[Ranking], scores: Sequence[Float], order: pd.Index, weights: Sequence[Float]
) -> Float | None:
    """Mean ranks in every widened replicate that all splits have, `(B, encoder, split)`."""
    found = []
    for ranking, measured in zip(rankings, scores, strict=True):
        if ranking.replicates is None:
            return None
        rows = ranking.by_seed.index.get_indexer(order)
        found.append(widened(measured, ranking.replicates[:, rows]))
    defined = np.logical_and.reduce([np.isfinite(drawn).all(axis=(1, 2)) for drawn in found])
    pairs = zip(found, weights, strict=True)
    return np.stack([mean_rank(drawn[defined], of) for drawn, of in pairs], axis=-1)


def _ends(drawn: Float, measured: Float) -> Float:
    """Interval of everything but the first axis, `(2, ...)`."""
    columns = zip(drawn.reshape(len(drawn), -1).T, measured.ravel().tolist(), strict=True)
    ends = [interval(column, value) or (np.nan, np.nan) for column, value in columns]
    return np.array(ends).T.reshape(2, *drawn.shape[1:])
