"""Skill over the training mean or majority, pooled over folds, and which score leads a board."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.bootstrap import draws_points, skill_of_sums
from satclip_bench.benchmarks.runs.columns import CELL
from satclip_bench.core.errors import BenchError

SKILL = "skill"
"""Name of the metric that is pooled over folds."""

ScoreChoice = Literal["skill", "task"]
"""What boards show: pooled skill, or the metric of each task (R2, accuracy), a mean over folds."""

REFERENCES = {"regression": ("rmse", "reference_rmse"), "other": ("accuracy", "reference_accuracy")}
"""Metric of an encoder, and that of the reference, from which losses are made, by task type. The
reference predicts the mean of the training set, or its most frequent class."""

_KEY = ["encoder", *CELL]


def default_score(frame: pd.DataFrame, split: str) -> ScoreChoice:
    """The score that leads the board of a split.

    The tasks' own if test points are drawn at random, else the skill. In one fold of such a split,
    R2 and skill order encoders alike. Tables of records from before skill existed have the tasks'
    own scores alone.

    Args:
        frame: tidy table of a run.
        split: name of the split.
    """
    if draws_points(split):
        return "task"
    return "skill" if has_skill(frame, split) else "task"


def has_skill(frame: pd.DataFrame, split: str) -> bool:
    """Whether the rows of a split hold the references that skill is made from."""
    metrics = frame.loc[frame["split"] == split, "metric"]
    return bool(metrics.isin([reference for _, reference in REFERENCES.values()]).any())


def ranked_metrics(
    frame: pd.DataFrame,
    metrics: Mapping[str, str],
    split: str,
    choice: ScoreChoice | None = None,
) -> dict[str, str]:
    """The metric that each task is ranked by on the board of a split.

    Args:
        frame: tidy table of a run.
        metrics: each task's own metric.
        split: name of the split.
        choice: score that is asked for; None for the default of the split.

    Raises:
        BenchError: there is no such score, or skill is asked for, and no record of the split has
            it.
    """
    if choice not in (None, *get_args(ScoreChoice)):
        raise BenchError(
            f"no score is called {choice!r}: choose `skill`, or `task` for each task's own metric"
        )
    if (choice or default_score(frame, split)) == "task":
        return dict(metrics)
    if choice == "skill" and not has_skill(frame, split):
        raise BenchError(
            f"the records of split {split!r} have no skill: they were made by an earlier version. "
            "Run the same command again to compute them, or choose --score task"
        )
    return dict.fromkeys(metrics, SKILL)


def skill_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per cell, with its skill as the value, and the columns `loss` and `reference`.

    Losses are sums over the test points: squared errors for a regression, n RMSE^2, and errors
    for a classification, n (1 - accuracy). Cells without them, such as failed ones, have NaN.

    Args:
        rows: rows of the tidy table, all metrics, no metric of a cell twice.

    Example:
        >>> cell = {"encoder": "wrap", "task": "elevation", "seed": 0, "fold": "Asia"}
        >>> cell |= {"task_type": "regression", "n_test": 10, "status": "done"}
        >>> values = {"rmse": 1.0, "reference_rmse": 2.0}
        >>> rows = pd.DataFrame([cell | {"metric": m, "value": v} for m, v in values.items()])
        >>> skill_rows(rows)[["value", "loss", "reference"]].iloc[0].tolist()
        [0.75, 10.0, 40.0]
    """
    cell_of = rows.groupby(_KEY, sort=False).ngroup().to_numpy()
    cells = rows.iloc[np.unique(cell_of, return_index=True)[1]]
    values = {
        name: _of_metric(rows, name, cell_of, len(cells))
        for pair in REFERENCES.values()
        for name in pair
    }
    tested = cells["n_test"].to_numpy(dtype=np.float64)
    regression = (cells["task_type"] == "regression").to_numpy()
    losses = {}
    for name, place in (("loss", 0), ("reference", 1)):
        squared = values[REFERENCES["regression"][place]] ** 2
        wrong = 1 - values[REFERENCES["other"][place]]
        losses[name] = tested * np.where(regression, squared, wrong)
    value = skill_of_sums(losses["loss"], losses["reference"])
    return cells.assign(metric=SKILL, value=value, low=np.nan, high=np.nan, **losses)


def _of_metric(
    rows: pd.DataFrame, metric: str, cell_of: NDArray[np.integer], cells: int
) -> NDArray[np.float64]:
    """Values of a metric, `(cells,)`; NaN for cells without it.

    Args:
        rows: rows of the tidy table.
        metric: name of the metric.
        cell_of: number of the cell of each row.
        cells: number of cells.
    """
    chosen = (rows["metric"] == metric).to_numpy()
    if np.bincount(cell_of[chosen], minlength=1).max() > 1:
        raise ValueError(f"a cell has the metric {metric!r} twice")
    values = np.full(cells, np.nan)
    values[cell_of[chosen]] = rows["value"].to_numpy(dtype=np.float64)[chosen]
    return values


def pooled_skill(loss: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Skill over all test points of a seed: losses are added over its folds before dividing.

    Args:
        loss: encoder x (task, seed, fold), sums of losses; NaN for a missing cell.
        reference: the same for the reference.

    Returns:
        Encoder x (task, seed); NaN where a fold is missing or the reference makes no error.
    """
    levels = ["task", "seed"]
    sums = [
        table.T.groupby(level=levels).sum().T.where(~table.isna().T.groupby(level=levels).any().T)
        for table in (loss, reference)
    ]
    return pd.DataFrame(
        skill_of_sums(*(table.to_numpy(dtype=np.float64) for table in sums)),
        index=sums[0].index,
        columns=sums[0].columns,
    )
