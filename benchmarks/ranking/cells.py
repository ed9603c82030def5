"""Main scores of a split and probe, cell by cell, and the cells that are missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.runs.columns import BASELINE_PROBE, CELL
from satclip_bench.core.errors import BenchError


@dataclass(frozen=True)
class Missing:
    """A cell without a score, and the reason."""

    task: str
    seed: int
    fold: str
    reason: str


@dataclass(frozen=True)
class CellScores:
    """Main scores of encoders by cell.

    Attributes:
        scores: encoder x (task, seed, fold), both sorted; NaN where there is no score.
        missing: missing cells by encoder; encoders that have every cell are not in it.
        undefined: cells that ran, but whose score is defined for no encoder, such as R2 in a region
            where the target does not vary. They are not columns of `scores`.
    """

    scores: pd.DataFrame
    missing: Mapping[str, tuple[Missing, ...]]
    undefined: tuple[Missing, ...]

    def by_seed(self) -> pd.DataFrame:
        """Means over folds, encoder x (task, seed); NaN where a fold is missing."""
        levels = ["task", "seed"]
        means = self.scores.T.groupby(level=levels).mean().T
        return means.where(~self.scores.isna().T.groupby(level=levels).any().T)


def select(frame: pd.DataFrame, split: str, probe: str) -> pd.DataFrame:
    """Rows of a split and probe, with the baselines' cells of the same tasks, seeds and folds.

    Raises:
        BenchError: the rows are of several versions of a protocol.
    """
    of_split = frame[frame["split"] == split]
    _require_one_protocol(of_split)
    baselines = of_split[of_split["probe"] == BASELINE_PROBE]
    if probe == BASELINE_PROBE:
        return baselines
    probed = of_split[of_split["probe"] == probe]
    cells = pd.MultiIndex.from_frame(probed[CELL].drop_duplicates())
    shared = pd.MultiIndex.from_frame(baselines[CELL]).isin(cells)
    return pd.concat([probed, baselines[shared]], ignore_index=True)


def cell_scores(rows: pd.DataFrame) -> CellScores:
    """Scores by encoder and cell, from rows of the tidy table with one metric per task.

    Raises:
        BenchError: an encoder has two scores for one cell, as when two editions share a table.
    """
    _require_single(rows)
    # Not `pivot_table`: it drops or invents cells that are NaN throughout.
    scores = rows.set_index(["encoder", *CELL])["value"].unstack(CELL)  # noqa: PD010
    scores = scores.replace([np.inf, -np.inf], np.nan).sort_index(axis=0).sort_index(axis=1)
    ran = pd.MultiIndex.from_frame(rows.loc[rows["status"] == "done", CELL])
    nowhere = scores.isna().all(axis=0).to_numpy() & scores.columns.isin(ran)
    undefined = tuple(
        Missing(str(task), int(seed), str(fold), "the score is not defined")
        for task, seed, fold in scores.columns[nowhere].to_frame().itertuples(index=False)
    )
    scores = scores.loc[:, ~nowhere]
    return CellScores(scores, _missing(scores, rows), undefined)


def _require_one_protocol(rows: pd.DataFrame) -> None:
    if "protocol" not in rows:
        return
    protocols = sorted(rows["protocol"].unique())
    if len(protocols) > 1:
        raise BenchError(
            f"the table has scores of several protocols, {' and '.join(protocols)}, which cannot "
            "be ranked together: choose the rows of one of them by the column `protocol`"
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


def _missing(scores: pd.DataFrame, rows: pd.DataFrame) -> dict[str, tuple[Missing, ...]]:
    cells = zip(*(rows[name] for name in ("encoder", *CELL)), strict=True)
    why = [
        (str(reason) or "failed") if status == "failed" else "the score is not a number"
        for status, reason in zip(rows["status"], rows["reason"], strict=True)
    ]
    reasons = dict(zip(cells, why, strict=True))
    missing = {
        str(encoder): tuple(
            Missing(
                str(task),
                int(seed),
                str(fold),
                reasons.get((encoder, task, seed, fold), "not run"),
            )
            for task, seed, fold in scores.columns[scores.loc[encoder].isna()]
        )
        for encoder in scores.index
    }
    return {encoder: cells for encoder, cells in missing.items() if cells}
