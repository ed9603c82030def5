"""The tables of docs/tasks.md on what the tasks outside the paper add.

    python docs/studies/wide_tasks.py targets
    python docs/studies/wide_tasks.py scores RUN [RUN ...]

`targets` prints the association of the tasks' targets with one another, over the places that two
tables share or, for tables with other points, over pairs of places up to 25 km apart.

`scores` prints the rank correlations of the encoders' scores between tasks, on random splits with
the linear probe, from the folders of runs of the suites open and open-wide.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.core.sphere import chord_to_km, unit_vectors
from satclip_bench.tasks import SHIPPED_TASKS, WIDE_TASKS, TaskTable, get_task

WITHIN_KM = 25.0
MIN_PAIRS = 300
"""Fewest pairs of places from which an association is computed."""

BASELINES = "baseline."


def paired_rows(
    first: TaskTable, second: TaskTable
) -> tuple[NDArray[np.int64], NDArray[np.int64], bool]:
    """Rows of the same place in two tables, and whether the places are the same or only near."""
    from scipy.spatial import cKDTree

    chord, nearest = cKDTree(unit_vectors(second.lonlat)).query(unit_vectors(first.lonlat))
    km = chord_to_km(np.asarray(chord))
    shared = bool(np.mean(km < 1e-3) > 0.5)
    rows = np.flatnonzero(km <= (1e-3 if shared else WITHIN_KM))
    return rows, np.asarray(nearest)[rows], shared


def association(
    a: NDArray[np.float64] | NDArray[np.int64],
    b: NDArray[np.float64] | NDArray[np.int64],
    *,
    a_is_class: bool,
    b_is_class: bool,
) -> float:
    """Strength of the association of two targets, 0 to 1, corrected for the number of classes.

    The absolute value of Spearman's correlation of two numbers; the root of epsilon squared, the
    corrected correlation ratio of Kelley (1935), of the ranks of a number over classes; Cramer's V
    of two classes as corrected by Bergsma (2013).
    """
    from scipy.stats import rankdata, spearmanr

    if not a_is_class and not b_is_class:
        return float(abs(spearmanr(a, b).statistic))
    if a_is_class and b_is_class:
        return corrected_cramers_v(np.asarray(pd.crosstab(a, b)))
    number, classes = (b, a) if a_is_class else (a, b)
    ranks = pd.Series(rankdata(number))
    groups = ranks.groupby(np.asarray(classes))
    within = float(((ranks - groups.transform("mean")) ** 2).sum()) / (len(ranks) - groups.ngroups)
    return float(np.sqrt(max(0.0, 1 - within / float(ranks.var()))))


def corrected_cramers_v(counts: NDArray[np.int64]) -> float:
    """Cramer's V of a table of counts, corrected for its bias (Bergsma 2013)."""
    from scipy.stats import chi2_contingency

    n = counts.sum()
    rows, columns = counts.shape
    phi2 = chi2_contingency(counts, correction=False).statistic / n
    phi2 = max(0.0, phi2 - (rows - 1) * (columns - 1) / (n - 1))
    rows_corrected = rows - (rows - 1) ** 2 / (n - 1)
    columns_corrected = columns - (columns - 1) ** 2 / (n - 1)
    return float(np.sqrt(phi2 / (min(rows_corrected, columns_corrected) - 1)))


def print_targets() -> None:
    """Print the associations of wide tasks with all tasks with enough places in common."""
    tables = {name: get_task(name).load() for name in SHIPPED_TASKS}
    found = pd.DataFrame(np.nan, SHIPPED_TASKS, SHIPPED_TASKS)
    near = pd.DataFrame("", SHIPPED_TASKS, SHIPPED_TASKS)
    for one, other in combinations(SHIPPED_TASKS, 2):
        rows, others, shared = paired_rows(tables[one], tables[other])
        if len(rows) < MIN_PAIRS:
            continue
        value = association(
            tables[one].target[rows],
            tables[other].target[others],
            a_is_class=tables[one].classes is not None,
            b_is_class=tables[other].classes is not None,
        )
        found.loc[one, other] = found.loc[other, one] = value
        near.loc[one, other] = near.loc[other, one] = "" if shared else "*"
    print(markdown(found.loc[list(WIDE_TASKS)], near.loc[list(WIDE_TASKS)]))


def print_scores(folders: Sequence[Path]) -> None:
    """Print Spearman's correlations of encoders' mean scores between the tasks of some runs."""
    frame = pd.concat([pd.read_parquet(folder / "results.parquet") for folder in folders])
    chosen = frame[
        (frame["split"] == "random")
        & (frame["probe"] == "linear")
        & ~frame["encoder"].str.startswith(BASELINES)
        & frame["metric"].isin(["r2", "accuracy"])
    ]
    scores = chosen.pivot_table(index="encoder", columns="task", values="value").dropna()
    scores = scores[[task for task in SHIPPED_TASKS if task in scores.columns]]
    print(f"{len(scores)} encoders: {', '.join(scores.index)}\n")
    correlations = scores.corr(method="spearman")
    print(markdown(correlations, pd.DataFrame("", correlations.index, correlations.columns)))


def markdown(values: pd.DataFrame, marks: pd.DataFrame) -> str:
    """A table in Markdown, with two decimals and marks behind them; empty where unknown."""
    lines = ["| | " + " | ".join(values.columns) + " |", "|---" * (len(values.columns) + 1) + "|"]
    for name in values.index:
        cells = [
            "" if np.isnan(value) else f"{value:.2f}{mark}"
            for value, mark in zip(values.loc[name], marks.loc[name], strict=True)
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:] == ["targets"]:
        print_targets()
    elif sys.argv[1:2] == ["scores"] and len(sys.argv) > 2:
        print_scores([Path(folder) for folder in sys.argv[2:]])
    else:
        sys.exit(__doc__)
