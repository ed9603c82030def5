"""A tidy frame in; scores, ranks and ties out, with their uncertainty. No torch, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.metrics.bootstrap import interval, mean_of_drawn
from satclip_bench.benchmarks.ranking.ties import tied_with_best
from satclip_bench.benchmarks.runs.columns import BASELINE_PROBE, CELL, REPLICATE_KEY
from satclip_bench.core.errors import BenchError


@dataclass(frozen=True)
class Missing:
    """A cell that an encoder lacks, and why."""

    task: str
    seed: int
    fold: str
    reason: str


@dataclass(frozen=True)
class Ranking:
    """How encoders fare on the tasks of one split and probe.

    Attributes:
        mean: encoder x task, mean over folds and then over the seeds that have all folds; NaN
            where no seed has.
        std: encoder x task, standard deviation over those seeds (ddof 1); NaN for a single one.
        by_fold: encoder x (task, fold), mean over the seeds that are done.
        best: encoder x task, whether it has the highest mean of those that lack nothing there.
        low, high: encoder x task, ends of the 95 % interval of the mean by the bootstrap of spatial
            blocks; NaN where it is not known.
        tied: encoder x task, whether the difference to the best is within noise (the best itself
            is); all False for the tasks in `untold`.
        untold: tasks with neither replicates nor pairs enough to claim or deny a tie.
        rank: mean rank over tasks, then over seeds, of the complete encoders; best first.
        rank_std: standard deviation of the mean rank over seeds; NaN for a single seed.
        by_seed: encoder x (task, seed), mean over folds, of the complete encoders.
        replicates: the same in every replicate of the bootstrap, `(B, encoder, task and seed)`;
            None where any of them is not known.
        missing: the cells that each encoder lacks, which is therefore not ranked.
        undefined: cells that ran but whose score is defined for no encoder (R2 of a region where
            the target does not vary); they count for nobody.
        seeds: how many seeds there are.
    """

    mean: pd.DataFrame
    std: pd.DataFrame
    by_fold: pd.DataFrame
    best: pd.DataFrame
    low: pd.DataFrame
    high: pd.DataFrame
    tied: pd.DataFrame
    untold: tuple[str, ...]
    rank: pd.Series[float]
    rank_std: pd.Series[float]
    by_seed: pd.DataFrame
    replicates: NDArray[np.float64] | None
    missing: Mapping[str, tuple[Missing, ...]]
    undefined: tuple[Missing, ...]
    seeds: int


def select(frame: pd.DataFrame, split: str, probe: str) -> pd.DataFrame:
    """Rows of a split and probe, with the baselines' cells of the same tasks, seeds and folds."""
    of_split = frame[frame["split"] == split]
    probed = of_split[of_split["probe"] == probe]
    wanted = pd.MultiIndex.from_frame(probed[CELL].drop_duplicates())
    baselines = of_split[of_split["probe"] == BASELINE_PROBE]
    if probe == BASELINE_PROBE:
        return baselines
    same = pd.MultiIndex.from_frame(baselines[CELL]).isin(wanted)
    return pd.concat([probed, baselines[same]], ignore_index=True)


def rank(
    frame: pd.DataFrame,
    metrics: Mapping[str, str],
    split: str,
    probe: str,
    replicates: pd.DataFrame | None = None,
) -> Ranking:
    """Scores, ties and ranks of one split and probe.

    An encoder is ranked only if every cell that any encoder of the selection has is done for it;
    nothing is imputed. Within a task and seed, encoders are ranked by the mean over folds, equal
    scores sharing the mean of their ranks. A seed's rank is the mean over the tasks that have it.

    `benchmarks/ranking/ties.py` defines when a difference to the best of a task is a tie. Without
    replicates and three pairs ties are neither claimed nor denied.

    An encoder that lacks a cell of a task is neither its best nor tied with it.

    Args:
        frame: the tidy table.
        metrics: the score that each task is ranked by; higher is better. Other tasks are left out.
        split: which split.
        probe: which probe; baselines are always among the encoders.
        replicates: scores in every replicate, `(cells, B)`, indexed by `REPLICATE_KEY`.

    Raises:
        BenchError: there is nothing to rank, or a cell occurs twice, as where two editions share
            a table.
    """
    rows = select(frame, split, probe)
    rows = rows[rows["metric"] == rows["task"].map(dict(metrics))]
    if rows.empty:
        raise BenchError(f"there is nothing to rank for split {split!r} and probe {probe!r}")
    _require_single(rows)
    cells, undefined = _cells(rows)
    missing = _missing(cells, rows)
    by_seed = cells.T.groupby(level=["task", "seed"]).mean().T
    by_seed = by_seed.where(~cells.isna().T.groupby(level=["task", "seed"]).any().T)
    mean = by_seed.T.groupby(level="task").mean().T
    std = by_seed.T.groupby(level="task").std(ddof=1).T
    comparable = mean.where(~cells.isna().T.groupby(level="task").any().T)
    complete = [e for e in cells.index if e not in missing]
    ranks = by_seed.loc[complete].rank(axis=0, ascending=False, method="average")
    per_seed = ranks.T.groupby(level="seed").mean().T
    order = per_seed.mean(axis=1).sort_values(kind="stable")
    drawn = _drawn(replicates, cells, split, probe)
    low, high = _ends(drawn, cells, mean)
    tied = tied_with_best(cells, comparable, rows, drawn)
    return Ranking(
        mean=mean,
        std=std,
        low=low,
        high=high,
        by_fold=cells.T.groupby(level=["task", "fold"]).mean().T,
        best=comparable.eq(comparable.max(axis=0), axis="columns"),
        tied=tied,
        untold=tuple(str(task) for task in mean.columns if not tied[task].any()),
        rank=order,
        rank_std=per_seed.std(axis=1, ddof=1).reindex(order.index),
        by_seed=by_seed.loc[order.index],
        replicates=_by_seed_drawn(drawn, cells, by_seed.columns, order.index),
        missing=missing,
        undefined=undefined,
        seeds=int(cells.columns.get_level_values("seed").nunique()),
    )


def _require_single(rows: pd.DataFrame) -> None:
    twice = rows[rows.duplicated(["encoder", *CELL])]
    if len(twice):
        encoder, task, seed, fold = twice.iloc[0][["encoder", *CELL]]
        of_task = rows[rows["task"] == task]
        editions = ", ".join(sorted(of_task["edition"].unique()))
        raise BenchError(
            f"{encoder!r} has two scores for task {task!r}, seed {seed}, fold {fold!r} (editions "
            f"in the table: {editions}). Keep editions in different folders with --out."
        )


def _cells(rows: pd.DataFrame) -> tuple[pd.DataFrame, tuple[Missing, ...]]:
    """Encoder x cell, both sorted, NaN where there is no score; and what is defined nowhere."""
    # Not `pivot_table`: it drops or invents cells that are NaN throughout.
    cells = rows.set_index(["encoder", *CELL])["value"].unstack(CELL)  # noqa: PD010
    cells = cells.replace([np.inf, -np.inf], np.nan).sort_index(axis=0).sort_index(axis=1)
    ran = pd.MultiIndex.from_frame(rows.loc[rows["status"] == "done", CELL])
    nowhere = cells.isna().all(axis=0).to_numpy() & cells.columns.isin(ran)
    undefined = tuple(
        Missing(str(task), int(seed), str(fold), "the score is not defined")
        for task, seed, fold in cells.columns[nowhere].to_frame().itertuples(index=False)
    )
    return cells.loc[:, ~nowhere], undefined


def _missing(cells: pd.DataFrame, rows: pd.DataFrame) -> dict[str, tuple[Missing, ...]]:
    here = zip(*(rows[name] for name in ("encoder", *CELL)), strict=True)
    why = [
        (str(reason) or "failed") if status == "failed" else "the score is not a number"
        for status, reason in zip(rows["status"], rows["reason"], strict=True)
    ]
    reasons = dict(zip(here, why, strict=True))
    lacking = {
        str(encoder): tuple(
            Missing(
                str(task),
                int(seed),
                str(fold),
                reasons.get((encoder, task, seed, fold), "not run"),
            )
            for task, seed, fold in cells.columns[cells.loc[encoder].isna()]
        )
        for encoder in cells.index
    }
    return {encoder: gaps for encoder, gaps in lacking.items() if gaps}


def _drawn(
    replicates: pd.DataFrame | None, cells: pd.DataFrame, split: str, probe: str
) -> NDArray[np.float64] | None:
    """Scores of `cells` in every replicate, `(encoder, cell, B)`; NaN where they are not known."""
    if replicates is None or replicates.empty:
        return None
    levels = replicates.index.names
    wanted = pd.MultiIndex.from_tuples(
        [
            (*cell, encoder, split, BASELINE_PROBE if is_baseline(encoder) else probe)
            for encoder in map(str, cells.index)
            for cell in cells.columns
        ],
        names=REPLICATE_KEY,
    ).reorder_levels(levels)
    found = replicates.reindex(wanted).to_numpy(dtype=np.float64)
    return found.reshape(*cells.shape, replicates.shape[1])


def _ends(
    drawn: NDArray[np.float64] | None, cells: pd.DataFrame, mean: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    low, high = (pd.DataFrame(np.nan, mean.index, mean.columns) for _ in range(2))
    if drawn is None:
        return low, high
    for task in mean.columns:
        for i, encoder in enumerate(mean.index):
            if not np.isnan(mean.loc[encoder, task]):
                ends = interval(_mean_drawn(drawn[i], cells.loc[encoder], str(task)))
                if ends is not None:
                    low.loc[encoder, task], high.loc[encoder, task] = ends
    return low, high


def _mean_drawn(
    drawn: NDArray[np.float64], values: pd.Series[float], task: str
) -> NDArray[np.float64]:
    """Mean over folds, then over the seeds that have all, of a task's replicates, `(B,)`.

    A fold of which a replicate drew nothing is left out of that replicate.
    """
    of_task = values.index.get_level_values("task") == task
    seeds = values.index.get_level_values("seed")
    whole = [
        mean_of_drawn(drawn[chosen])
        for seed in seeds[of_task].unique()
        if not values[chosen := of_task & (seeds == seed)].isna().any()
    ]
    return np.asarray(np.mean(whole, axis=0))


def _by_seed_drawn(
    drawn: NDArray[np.float64] | None,
    cells: pd.DataFrame,
    columns: pd.Index,
    encoders: pd.Index,
) -> NDArray[np.float64] | None:
    if drawn is None:
        return None
    here = cells.index.get_indexer(encoders)
    pairs = list(zip(*(cells.columns.get_level_values(name) for name in CELL[:2]), strict=True))
    means = [
        mean_of_drawn(drawn[np.ix_(here, [pair == column for pair in pairs])], axis=1)
        for column in columns
    ]
    if not means:
        return None
    found = np.stack(means, axis=-1).transpose(1, 0, 2)
    # Where every cell failed there is nobody.
    return found if found.size and np.isfinite(found).mean() > 0.9 else None
