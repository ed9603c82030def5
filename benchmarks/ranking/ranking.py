"""Scores, ranks and ties with their uncertainty, from a tidy frame. No torch, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.metrics.bootstrap import MIN_DEFINED, MIN_UNITS
from satclip_bench.benchmarks.metrics.replicates import Replicates, RunReplicates
from satclip_bench.benchmarks.ranking.by_task import columns_by_task
from satclip_bench.benchmarks.ranking.cells import (
    CellScores,
    LeftOut,
    Missing,
    by_seeds,
    cell_scores,
    select,
)
from satclip_bench.benchmarks.ranking.column_ranks import DIGITS
from satclip_bench.benchmarks.ranking.known_intervals import KnownIntervals
from satclip_bench.benchmarks.ranking.seed_replicates import RankedReplicates, SeedReplicates
from satclip_bench.benchmarks.ranking.ties import beside, differences_to_best
from satclip_bench.benchmarks.runs.columns import BASELINE_PROBE, CELL, REPLICATE_KEY
from satclip_bench.core.errors import BenchError
from satclip_bench.core.threads import in_threads


@dataclass(frozen=True)
class Ranking:
    """Scores and ranks of the encoders on the tasks of one split and probe.

    Attributes:
        rows: rows of the frame for this split and probe, all metrics.
        metrics: metric of each task; `skill` is pooled over folds.
        mean: encoder x task, score over all folds (pooled skill, or the mean of another metric),
            then the mean over the seeds that have all folds; NaN if no seed has.
        std: encoder x task, standard deviation over those seeds (ddof 1); NaN for a single one.
        by_fold: encoder x (task, fold), mean over the seeds that are done.
        best: encoder x task, whether it has the highest mean of the encoders that have every cell
            of the task, scores below -1 counting as -1.
        low, high: encoder x task, ends of the 95 % interval of the mean by the bootstrap; NaN if it
            is not known.
        gap: encoder x task, mean minus that of the best, scores below -1 counting as -1; NaN for an
            encoder that is missing a cell.
        gap_low, gap_high: ends of the 95 % interval of the gap, simultaneous for all pairs of
            encoders of a task; NaN if it is not known.
        gap_p: p that the gap is zero, adjusted for all pairs; NaN if it is not known.
        tied: encoder x task, whether the interval of the gap holds 0 (that of the best does); all
            False for the tasks in `undecided`.
        undecided: tasks with neither replicates nor enough pairs to claim or deny a tie.
        rank: mean rank over tasks, then over seeds, of the complete encoders; best first.
        rank_std: standard deviation of the mean rank over seeds; NaN for a single seed.
        by_seed: encoder x (task, seed), score over all folds, of the complete encoders.
        replicates: bootstrap scores `(encoder, task and seed, B)` of `by_seed`; None if fewer than
            nine in ten replicates have all of them.
        missing: cells that each encoder is missing, which is therefore not ranked.
        excluded: encoders that were left out because they, or their recipe, saw data of a task.
        undefined: cells that ran but whose score is defined for no encoder (R2 of a region where
            the target does not vary); they count for no encoder.
        left_out: tasks that are not ranked, because a cell of them failed for every encoder.
        seeds: number of seeds.
    """

    rows: pd.DataFrame
    metrics: Mapping[str, str]
    mean: pd.DataFrame
    std: pd.DataFrame
    by_fold: pd.DataFrame
    best: pd.DataFrame
    low: pd.DataFrame
    high: pd.DataFrame
    gap: pd.DataFrame
    gap_low: pd.DataFrame
    gap_high: pd.DataFrame
    gap_p: pd.DataFrame
    tied: pd.DataFrame
    undecided: tuple[str, ...]
    rank: pd.Series[float]
    rank_std: pd.Series[float]
    by_seed: pd.DataFrame
    replicates: RankedReplicates | None
    missing: Mapping[str, tuple[Missing, ...]]
    excluded: tuple[str, ...]
    undefined: tuple[Missing, ...]
    left_out: tuple[LeftOut, ...]
    seeds: int


def rank(
    frame: pd.DataFrame,
    metrics: Mapping[str, str],
    split: str,
    probe: str,
    replicates: RunReplicates | None = None,
    *,
    contaminated: bool = True,
    known: KnownIntervals | None = None,
) -> Ranking:
    """Scores, ties and ranks of one split and probe.

    An encoder is ranked only if every cell that any encoder of the selection has is done for it;
    nothing is imputed. A task with a cell that failed for every encoder is left out for all. Within
    a task and seed, encoders are ranked by the score over all folds, equal scores sharing the mean
    of their ranks. A seed's rank is the mean over the tasks that have it.

    `benchmarks/ranking/ties.py` defines when a difference to the best of a task is a tie. Without
    replicates and three pairs ties are neither claimed nor denied. An encoder that is missing a
    cell of a task is neither its best nor tied with it.

    Args:
        frame: tidy table of a run.
        metrics: score that each task is ranked by, as `pooling.ranked_metrics` chooses it; higher
            is better. Skill is pooled: losses are added over the folds of a seed. Other tasks are
            left out.
        split: name of the split.
        probe: name of the probe; baselines are always among the encoders.
        replicates: bootstrap scores labelled by `REPLICATE_KEY`.
        contaminated: whether encoders trained on the data of one of the tasks take part, and those
            whose recipe was chosen with its labels.
        known: intervals and differences to use without replicates.

    Raises:
        BenchError: there is nothing to rank, a cell occurs twice, as when two editions share a
            table, or the known intervals are of other scores.
    """
    rows = select(frame, split, probe)
    excluded: tuple[str, ...] = ()
    if not contaminated:
        seen = rows["contaminated"] | rows["recipe_chosen"]
        excluded = tuple(sorted(set(map(str, rows.loc[seen, "encoder"]))))
        rows = select(frame[~frame["encoder"].isin(excluded)], split, probe)
    if rows.empty:
        raise BenchError(f"there is nothing to rank for split {split!r} and probe {probe!r}")
    if not rows["task"].isin(list(metrics)).any():
        tasks = ", ".join(sorted(rows["task"].unique()))
        raise BenchError(f"there is no card for any of the tasks of this run: {tasks}")
    table = cell_scores(rows, metrics)
    cells, by_seed = table.scores, table.by_seed().round(DIGITS)
    mean = by_seed.T.groupby(level="task").mean().T
    incomplete = {(name, gap.task) for name, gaps in table.missing.items() for gap in gaps}
    comparable = mean.copy()
    for encoder, task in incomplete:
        comparable.loc[encoder, task] = np.nan
    complete = [encoder for encoder in cells.index if encoder not in table.missing]
    ranks = by_seed.loc[complete].rank(axis=0, ascending=False, method="average")
    per_seed = ranks.T.groupby(level="seed").mean().T.round(DIGITS)
    order = per_seed.mean(axis=1).round(DIGITS).sort_values(kind="stable")
    of_seeds = _seed_replicates(replicates, rows, table, by_seed, split, probe)
    ranked = by_seed.index.get_indexer(order.index)
    if replicates is None and known is not None:
        of_ranked = None
        low, high, of_known = known.of_board(mean, metrics, split, probe)
        others = comparable.drop(columns=of_known.gap.columns)
        differences = beside(of_known, differences_to_best(by_seed, others, rows, None), mean)
    else:
        low, high, of_ranked = _intervals(of_seeds, by_seed, mean, ranked)
        differences = differences_to_best(by_seed, comparable, rows, of_seeds)
    tied = differences.tied
    return Ranking(
        rows=rows,
        metrics={task: metric for task, metric in metrics.items() if task in mean.columns},
        mean=mean,
        std=by_seed.T.groupby(level="task").std(ddof=1).T,
        low=low,
        high=high,
        by_fold=cells.T.groupby(level=["task", "fold"]).mean().T,
        best=differences.best,
        gap=differences.gap,
        gap_low=differences.low,
        gap_high=differences.high,
        gap_p=differences.p,
        tied=tied,
        undecided=tuple(str(task) for task in mean.columns if not tied[task].any()),
        rank=order,
        rank_std=per_seed.std(axis=1, ddof=1).reindex(order.index),
        by_seed=by_seed.loc[order.index],
        replicates=of_ranked,
        missing=table.missing,
        excluded=excluded,
        undefined=table.undefined,
        left_out=table.left_out,
        seeds=int(cells.columns.get_level_values("seed").nunique()),
    )


def _rows(replicates: Replicates, cells: pd.DataFrame, split: str, probe: str) -> NDArray[np.intp]:
    """Row of bootstrap scores of each of `cells`, `(encoder, cell)`; -1 where they have none."""
    encoders = list(map(str, cells.index))
    probes = [BASELINE_PROBE if is_baseline(encoder) else probe for encoder in encoders]
    encoder, cell = np.divmod(np.arange(cells.size), cells.shape[1])
    labels = pd.MultiIndex.from_arrays(
        [
            *(cells.columns.get_level_values(name)[cell] for name in CELL),
            *(pd.Index(encoders)[encoder], [split] * cells.size, pd.Index(probes)[encoder]),
        ],
        names=REPLICATE_KEY,
    )
    return replicates.rows(labels).reshape(cells.shape)


def _seed_replicates(
    replicates: RunReplicates | None,
    rows: pd.DataFrame,
    table: CellScores,
    by_seed: pd.DataFrame,
    split: str,
    probe: str,
) -> SeedReplicates | None:
    """Bootstrap scores of each (task, seed), as the rows of `by_seed`."""
    columns = by_seed.columns
    if replicates is None or not len(columns):
        return None
    enough = columns.isin(with_enough_units(rows))
    return SeedReplicates(
        cells=replicates,
        rows=_rows(replicates.score, table.scores.loc[by_seed.index], split, probe),
        folds=tuple(_positions(columns, by_seeds(table.scores.columns))),
        pooled=columns.isin(by_seeds(table.loss.columns)),
        enough=np.asarray(enough, dtype=bool),
    )


def with_enough_units(rows: pd.DataFrame) -> pd.MultiIndex:
    """Tasks and seeds whose test sets have `MIN_UNITS` points or blocks for an interval, or more.

    The number of units is not in the table. A cell with an interval has enough of them, and so have
    `MIN_UNITS` folds together, each of which has one at least.

    Args:
        rows: rows of the tidy table of one split.
    """
    known = rows["low"].notna().groupby([rows[name] for name in CELL]).any()
    of_seeds = known.groupby(level=["task", "seed"]).agg(["any", "size"])
    enough = of_seeds.index[of_seeds["any"] | (of_seeds["size"] >= MIN_UNITS)]
    return pd.MultiIndex.from_tuples(enough, names=["task", "seed"])


def _positions(columns: pd.Index, pairs: pd.MultiIndex) -> list[np.ndarray]:
    """Positions in `pairs` of each (task, seed) of `columns`."""
    column_of = columns.get_indexer(pairs)
    order = np.argsort(column_of, kind="stable")
    return np.split(order, np.searchsorted(column_of[order], np.arange(1, len(columns))))


def _intervals(
    of_seeds: SeedReplicates | None,
    by_seed: pd.DataFrame,
    mean: pd.DataFrame,
    ranked: NDArray[np.intp],
) -> tuple[pd.DataFrame, pd.DataFrame, RankedReplicates | None]:
    """95 % intervals of the means over the seeds that have all folds, encoder x task.

    Also the bootstrap scores of the ranked encoders, whose rows are `ranked`.
    """
    low, high = (np.full(mean.shape, np.nan) for _ in range(2))
    of_ranked = None
    if of_seeds is not None:
        columns, rows = columns_by_task(by_seed.columns), by_seed.index.get_indexer(mean.index)
        scored = by_seed.notna().to_numpy()

        def fill(place: int) -> NDArray[np.bool_]:
            """Fill a column, and say in which replicates all ranked encoders have the task."""
            of_task = columns[str(mean.columns[place])]
            scores = of_seeds.of_columns(of_task)
            means = scores.mean(axis=1)
            for i in np.flatnonzero(~scored[:, of_task].all(axis=1)):
                known = scores[i, scored[i, of_task]]
                means[i] = known.mean(axis=0) if len(known) else np.nan
            low[:, place], high[:, place] = Replicates(means[rows]).interval()
            # Ranked encoders have all seeds, so that a mean is defined if all of its scores are.
            return np.asarray(np.isfinite(means[ranked]).all(axis=0))

        defined = in_threads(fill, range(len(mean.columns)))
        of_ranked = _of_ranked(of_seeds, ranked, np.logical_and.reduce(defined))
    of_low, of_high = (pd.DataFrame(ends, mean.index, mean.columns) for ends in (low, high))
    return of_low, of_high, of_ranked


def _of_ranked(
    of_seeds: SeedReplicates, encoders: NDArray[np.intp], defined: NDArray[np.bool_]
) -> RankedReplicates | None:
    """Bootstrap scores of the ranked encoders; None if under 90 % of replicates have all."""
    # If every cell failed, no encoder is ranked.
    if not len(encoders):
        return None
    ranked = RankedReplicates(
        cells=of_seeds.cells,
        rows=of_seeds.rows[encoders],
        folds=of_seeds.folds,
        pooled=of_seeds.pooled,
        enough=of_seeds.enough,
        defined=slice(None) if defined.all() else defined,
    )
    return ranked if defined.mean() >= MIN_DEFINED else None
