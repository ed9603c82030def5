"""Scores, ranks and ties with their uncertainty, from a tidy frame. No torch, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.metrics.replicates import Replicates
from satclip_bench.benchmarks.ranking.cells import Missing, cell_scores, select
from satclip_bench.benchmarks.ranking.ties import tied_with_best
from satclip_bench.benchmarks.runs.columns import BASELINE_PROBE, REPLICATE_KEY
from satclip_bench.core.errors import BenchError


@dataclass(frozen=True)
class Ranking:
    """Scores and ranks of the encoders on the tasks of one split and probe.

    Attributes:
        rows: rows of the frame for this split and probe, all metrics.
        mean: encoder x task, mean over folds and then over the seeds that have all folds; NaN if
            no seed has.
        std: encoder x task, standard deviation over those seeds (ddof 1); NaN for a single one.
        by_fold: encoder x (task, fold), mean over the seeds that are done.
        best: encoder x task, whether it has the highest mean of the encoders that have every cell
            of the task.
        low, high: encoder x task, ends of the 95 % interval of the mean by the bootstrap of spatial
            blocks; NaN if it is not known.
        tied: encoder x task, whether the difference to the best is within noise (the best itself
            is); all False for the tasks in `undecided`.
        undecided: tasks with neither replicates nor enough pairs to claim or deny a tie.
        rank: mean rank over tasks, then over seeds, of the complete encoders; best first.
        rank_std: standard deviation of the mean rank over seeds; NaN for a single seed.
        by_seed: encoder x (task, seed), mean over folds, of the complete encoders.
        replicates: bootstrap scores `(encoder, task and seed, B)` of `by_seed`; None if any of them
            is not known.
        missing: cells that each encoder is missing, which is therefore not ranked.
        excluded: contaminated encoders that were left out.
        undefined: cells that ran but whose score is defined for no encoder (R2 of a region where
            the target does not vary); they count for no encoder.
        seeds: number of seeds.
    """

    rows: pd.DataFrame
    mean: pd.DataFrame
    std: pd.DataFrame
    by_fold: pd.DataFrame
    best: pd.DataFrame
    low: pd.DataFrame
    high: pd.DataFrame
    tied: pd.DataFrame
    undecided: tuple[str, ...]
    rank: pd.Series[float]
    rank_std: pd.Series[float]
    by_seed: pd.DataFrame
    replicates: Replicates | None
    missing: Mapping[str, tuple[Missing, ...]]
    excluded: tuple[str, ...]
    undefined: tuple[Missing, ...]
    seeds: int


def rank(
    frame: pd.DataFrame,
    metrics: Mapping[str, str],
    split: str,
    probe: str,
    replicates: Replicates | None = None,
    *,
    contaminated: bool = True,
) -> Ranking:
    """Scores, ties and ranks of one split and probe.

    An encoder is ranked only if every cell that any encoder of the selection has is done for it;
    nothing is imputed. Within a task and seed, encoders are ranked by the mean over folds, equal
    scores sharing the mean of their ranks. A seed's rank is the mean over the tasks that have it.

    `benchmarks/ranking/ties.py` defines when a difference to the best of a task is a tie. Without
    replicates and three pairs ties are neither claimed nor denied. An encoder that is missing a
    cell of a task is neither its best nor tied with it.

    Args:
        frame: tidy table of a run.
        metrics: score that each task is ranked by; higher is better. Other tasks are left out.
        split: name of the split.
        probe: name of the probe; baselines are always among the encoders.
        replicates: bootstrap scores labelled by `REPLICATE_KEY`.
        contaminated: whether encoders trained on the data of one of the tasks take part.

    Raises:
        BenchError: there is nothing to rank, or a cell occurs twice, as when two editions share a
            table.
    """
    rows = select(frame, split, probe)
    excluded: tuple[str, ...] = ()
    if not contaminated:
        excluded = tuple(sorted(set(map(str, rows.loc[rows["contaminated"], "encoder"]))))
        rows = select(frame[~frame["encoder"].isin(excluded)], split, probe)
    main = rows[rows["metric"] == rows["task"].map(dict(metrics))]
    if rows.empty:
        raise BenchError(f"there is nothing to rank for split {split!r} and probe {probe!r}")
    if main.empty:
        tasks = ", ".join(sorted(rows["task"].unique()))
        raise BenchError(f"there is no card for any of the tasks of this run: {tasks}")
    table = cell_scores(main)
    cells, by_seed = table.scores, table.by_seed()
    mean = by_seed.T.groupby(level="task").mean().T
    comparable = mean.where(~cells.isna().T.groupby(level="task").any().T)
    complete = [encoder for encoder in cells.index if encoder not in table.missing]
    ranks = by_seed.loc[complete].rank(axis=0, ascending=False, method="average")
    per_seed = ranks.T.groupby(level="seed").mean().T
    order = per_seed.mean(axis=1).sort_values(kind="stable")
    of_cells = _align(replicates, cells, split, probe)
    of_seeds = _seed_means(of_cells, cells, by_seed.columns)
    low, high = _intervals(of_seeds, by_seed, mean)
    tied = tied_with_best(cells, comparable, main, of_cells)
    return Ranking(
        rows=rows,
        mean=mean,
        std=by_seed.T.groupby(level="task").std(ddof=1).T,
        low=low,
        high=high,
        by_fold=cells.T.groupby(level=["task", "fold"]).mean().T,
        best=comparable.eq(comparable.max(axis=0), axis="columns"),
        tied=tied,
        undecided=tuple(str(task) for task in mean.columns if not tied[task].any()),
        rank=order,
        rank_std=per_seed.std(axis=1, ddof=1).reindex(order.index),
        by_seed=by_seed.loc[order.index],
        replicates=_of_ranked(of_seeds, cells.index.get_indexer(order.index)),
        missing=table.missing,
        excluded=excluded,
        undefined=table.undefined,
        seeds=int(cells.columns.get_level_values("seed").nunique()),
    )


def _align(
    replicates: Replicates | None, cells: pd.DataFrame, split: str, probe: str
) -> Replicates | None:
    """Bootstrap scores of `cells`, `(encoder, cell, B)`; NaN where they are not known."""
    if replicates is None:
        return None
    labels = pd.MultiIndex.from_tuples(
        [
            (*cell, encoder, split, BASELINE_PROBE if is_baseline(encoder) else probe)
            for encoder in map(str, cells.index)
            for cell in cells.columns
        ],
        names=REPLICATE_KEY,
    )
    return Replicates(replicates.align(labels).scores.reshape(*cells.shape, -1))


def _seed_means(
    of_cells: Replicates | None, cells: pd.DataFrame, columns: pd.Index
) -> Replicates | None:
    """Mean over the folds of each (task, seed), `(encoder, len(columns), B)`.

    A fold of which a replicate drew no block is left out of that replicate.
    """
    if of_cells is None or not len(columns):
        return None
    levels = (cells.columns.get_level_values(name) for name in ("task", "seed"))
    pairs = list(zip(*levels, strict=True))
    means = []
    for column in columns:
        of_pair = np.compress([pair == column for pair in pairs], of_cells.scores, axis=1)
        means.append(Replicates(of_pair).mean(axis=1).scores)
    return Replicates(np.stack(means, axis=-1).transpose(0, 2, 1))


def _intervals(
    of_seeds: Replicates | None, by_seed: pd.DataFrame, mean: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """95 % intervals of the means over the seeds that have all folds, encoder x task."""
    low, high = (pd.DataFrame(np.nan, mean.index, mean.columns) for _ in range(2))
    if of_seeds is None:
        return low, high
    task_of = by_seed.columns.get_level_values("task")
    scored = by_seed.notna().to_numpy()
    for i, encoder in enumerate(mean.index):
        for task in mean.columns:
            seeds = np.flatnonzero(scored[i] & (task_of == task))
            if len(seeds):
                of_task = np.mean([of_seeds.scores[i, seed] for seed in seeds], axis=0)
                low.loc[encoder, task], high.loc[encoder, task] = Replicates(of_task).interval()
    return low, high


def _of_ranked(of_seeds: Replicates | None, encoders: np.ndarray) -> Replicates | None:
    """The rows of the ranked encoders; None if under 90 % of their scores are known."""
    if of_seeds is None:
        return None
    # Copied with the replicates before the columns, the order that ratings read them in.
    scores = of_seeds.scores.transpose(0, 2, 1)[encoders].transpose(0, 2, 1)
    # If every cell failed, no encoder is ranked.
    return Replicates(scores) if scores.size and np.isfinite(scores).mean() > 0.9 else None
