"""A tidy frame in; scores, ranks and ties out, with their uncertainty. No torch, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

BASELINE_PROBE = "none"

TIE_PAIRS = 3
"""Fewer paired cells than these say nothing about noise."""

TIE_WIDTH = 2.0
"""Standard errors within which a difference counts as a tie."""


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
        mean: encoder x task, mean over folds and then over seeds; NaN where nothing is done.
        std: encoder x task, standard deviation over seeds (ddof 1); NaN for a single seed.
        tied: encoder x task, whether the difference to the best is within noise (the best itself
            is); all False where there are too few pairs to tell.
        rank: mean rank over tasks, then over seeds, of the complete encoders; best first.
        rank_std: standard deviation of the mean rank over seeds; NaN for a single seed.
        missing: cells that the other encoders lack, which are therefore not ranked.
        seeds: how many seeds there are.
    """

    mean: pd.DataFrame
    std: pd.DataFrame
    tied: pd.DataFrame
    rank: pd.Series[float]
    rank_std: pd.Series[float]
    missing: Mapping[str, tuple[Missing, ...]]
    seeds: int


def select(frame: pd.DataFrame, split: str, probe: str) -> pd.DataFrame:
    """Rows of a split and probe, with the baselines' cells of the same tasks, seeds and folds."""
    of_split = frame[frame["split"] == split]
    probed = of_split[of_split["probe"] == probe]
    cells = ["task", "seed", "fold"]
    wanted = pd.MultiIndex.from_frame(probed[cells].drop_duplicates())
    baselines = of_split[of_split["probe"] == BASELINE_PROBE]
    if probe == BASELINE_PROBE:
        return baselines
    same = pd.MultiIndex.from_frame(baselines[cells]).isin(wanted)
    return pd.concat([probed, baselines[same]], ignore_index=True)


def rank(frame: pd.DataFrame, metrics: Mapping[str, str], split: str, probe: str) -> Ranking:
    """Scores, ties and ranks of one split and probe.

    An encoder is ranked only if every cell that any encoder of the selection has is done for it;
    nothing is imputed. Within a task and seed, encoders are ranked by the mean over folds, equal
    scores sharing the mean of their ranks.

    A difference to the best of a task is a tie if the mean of the paired differences over seeds
    and folds is within two of its standard errors, corrected for overlapping training parts:
    se^2 = (1/n + n_test/n_train) var (Nadeau and Bengio 2003, Machine Learning 52, eq. 9).

    Args:
        frame: the tidy table.
        metrics: the score that each task is ranked by; higher is better.
        split: which split.
        probe: which probe; baselines are always among the encoders.
    """
    rows = select(frame, split, probe)
    rows = rows[rows["metric"] == rows["task"].map(metrics)]
    cells = rows.pivot_table(
        index="encoder", columns=["task", "seed", "fold"], values="value", sort=True, dropna=False
    )
    expected = (
        rows[["task", "seed", "fold"]].drop_duplicates().sort_values(["task", "seed", "fold"])
    )
    cells = cells.reindex(
        index=sorted(rows["encoder"].unique()), columns=pd.MultiIndex.from_frame(expected)
    )
    missing = _missing(cells, rows)
    by_seed = cells.T.groupby(level=["task", "seed"]).mean().T
    by_seed = by_seed.where(~cells.isna().T.groupby(level=["task", "seed"]).any().T)
    mean = by_seed.T.groupby(level="task").mean().T
    std = by_seed.T.groupby(level="task").std(ddof=1).T
    complete = [e for e in cells.index if e not in missing]
    ranks = by_seed.loc[complete].rank(axis=0, ascending=False, method="average")
    per_seed = ranks.T.groupby(level="seed").mean().T
    order = per_seed.mean(axis=1).sort_values(kind="stable")
    return Ranking(
        mean=mean,
        std=std,
        tied=_tied(cells, mean, rows),
        rank=order,
        rank_std=per_seed.std(axis=1, ddof=1).reindex(order.index),
        missing=missing,
        seeds=int(rows["seed"].nunique()),
    )


def _missing(cells: pd.DataFrame, rows: pd.DataFrame) -> dict[str, tuple[Missing, ...]]:
    failed = rows[rows["status"] == "failed"]
    keys = zip(failed["encoder"], failed["task"], failed["seed"], failed["fold"], strict=True)
    reasons = dict(zip(keys, failed["reason"], strict=True))
    lacking = {
        str(encoder): tuple(
            Missing(
                str(task),
                int(seed),
                str(fold),
                str(reasons.get((encoder, task, seed, fold), "not run")),
            )
            for task, seed, fold in cells.columns[cells.loc[encoder].isna()]
        )
        for encoder in cells.index
    }
    return {encoder: gaps for encoder, gaps in lacking.items() if gaps}


def _tied(cells: pd.DataFrame, mean: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    tied = pd.DataFrame(False, index=mean.index, columns=mean.columns)
    for task in mean.columns:
        if mean[task].isna().all():
            continue
        best = str(mean[task].idxmax())
        of_task = cells.xs(task, axis=1, level="task")
        sizes = rows[rows["task"] == task][["n_test", "n_train"]].mean()
        ratio = sizes["n_test"] / sizes["n_train"] if sizes["n_train"] > 0 else 0.0
        for encoder in mean.index:
            gaps = (of_task.loc[best] - of_task.loc[encoder]).dropna().to_numpy(dtype=np.float64)
            if len(gaps) >= TIE_PAIRS:
                error = np.sqrt((1 / len(gaps) + ratio) * gaps.var(ddof=1))
                tied.loc[encoder, task] = bool(gaps.mean() <= TIE_WIDTH * error)
    return tied
