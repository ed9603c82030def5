"""Main scores of a split and probe by cell, and the cells that are missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.benchmarks.ranking.pooling import SKILL, pooled_skill, skill_rows
from satclip_bench.benchmarks.runs.columns import (
    BASELINE_PROBE,
    CELL,
    SPECIES_PROTOCOL,
    VERSIONS,
)
from satclip_bench.core.errors import BenchError

_SCORED = ["encoder", *CELL, "edition", "task_type", "status", "reason"]
_SCORED += ["metric", "value", "low", "high", "n_test"]
"""Columns of the tidy table that scores of cells are made from."""


@dataclass(frozen=True)
class Missing:
    """A cell without a score, and the reason."""

    task: str
    seed: int
    fold: str
    reason: str


@dataclass(frozen=True)
class LeftOut:
    """A task that is not ranked, because a cell of it failed for every encoder, and the reason."""

    task: str
    reason: str


@dataclass(frozen=True)
class CellScores:
    """Main scores of encoders by cell.

    Attributes:
        scores: encoder x (task, seed, fold), both sorted; NaN where there is no score.
        loss, reference: sums of losses and of those of the reference, encoder x the columns of
            `scores` whose tasks are ranked by pooled skill.
        missing: missing cells by encoder; encoders that have every cell are not in it.
        undefined: cells that ran, but whose score is defined for no encoder, such as R2 in a region
            where the target does not vary. They are not columns of `scores`.
        left_out: tasks with a cell that failed for every encoder, such as a split that cannot be
            made for the task. They are not columns of `scores`, unless that holds for all tasks.
    """

    scores: pd.DataFrame
    loss: pd.DataFrame
    reference: pd.DataFrame
    missing: Mapping[str, tuple[Missing, ...]]
    undefined: tuple[Missing, ...]
    left_out: tuple[LeftOut, ...]

    def by_seed(self) -> pd.DataFrame:
        """Scores over all folds, encoder x (task, seed); NaN where a fold is missing.

        Skill is pooled over the folds; of other metrics it is the mean over the folds.
        """
        levels = ["task", "seed"]
        means = self.scores.T.groupby(level=levels).mean().T
        means = means.where(~self.scores.isna().T.groupby(level=levels).any().T)
        pooled = pooled_skill(self.loss, self.reference)
        values = means.to_numpy(dtype=np.float64, copy=True)
        values[:, means.columns.get_indexer(pooled.columns)] = pooled.to_numpy(dtype=np.float64)
        return pd.DataFrame(values, means.index, means.columns)


def select(frame: pd.DataFrame, split: str, probe: str) -> pd.DataFrame:
    """Rows of a split and probe, with the baselines' cells of the same tasks, seeds and folds.

    Columns that no board shows are left out: hashes take most of the time of choosing rows.

    Raises:
        BenchError: the rows are of several protocols, or the frame of several versions of one.
    """
    frame = frame.drop(columns=[*VERSIONS, "best_params"], errors="ignore")
    of_split = (frame["split"] == split).to_numpy()
    require_one_protocol(frame, of_split)
    probed, baselines = (
        np.flatnonzero(of_split & (frame["probe"] == name).to_numpy())
        for name in (probe, BASELINE_PROBE)
    )
    if probe == BASELINE_PROBE:
        return frame.take(baselines)
    cells = frame[CELL]
    shared = pd.MultiIndex.from_frame(cells.take(baselines)).isin(
        pd.MultiIndex.from_frame(cells.take(probed).drop_duplicates())
    )
    # Rows are copied once, because copies of a large table take most of the time.
    return frame.take(np.concatenate([probed, baselines[shared]])).reset_index(drop=True)


def cell_scores(rows: pd.DataFrame, metrics: Mapping[str, str]) -> CellScores:
    """Scores by encoder and cell.

    Args:
        rows: rows of the tidy table for one split and probe, all metrics.
        metrics: metric of each task; `skill` is made from the losses. Other tasks are left out.

    Raises:
        BenchError: an encoder has two scores for one cell, as when two editions share a table.
    """
    rows = main_rows(rows, metrics)
    encoders, encoder_of = _labels(rows, ["encoder"])
    cells, cell_of = _labels(rows, CELL)

    def wide(column: str) -> pd.DataFrame:
        """Encoder x (task, seed, fold); NaN for what is not finite."""
        values = rows[column].to_numpy(dtype=np.float64)
        table = np.full((len(encoders), len(cells)), np.nan)
        table[encoder_of, cell_of] = np.where(np.isfinite(values), values, np.nan)
        return pd.DataFrame(table, encoders, cells)

    scores, loss, reference = (wide(name) for name in ("value", "loss", "reference"))
    pooled = scores.columns.get_level_values("task").map(metrics) == SKILL
    # The skill of a cell may be undefined although it ran; only skill has losses.
    known = scores.notna() | (loss.notna() & reference.notna())
    ran = np.zeros(len(cells), dtype=bool)
    ran[cell_of[(rows["status"] == "done").to_numpy()]] = True
    nowhere = ~known.any(axis=0).to_numpy()
    undefined = _undefined(scores.columns[nowhere & ran], "the score is not defined")
    perfect = pooled & (_sums_by_seed(reference) == 0) & known.any(axis=0).to_numpy()
    undefined += _undefined(scores.columns[perfect], "the reference makes no error")
    left_out = _left_out(scores.columns[nowhere & ~ran], rows)
    if set(scores.columns.get_level_values("task")) == {task.task for task in left_out}:
        left_out = ()
    kept = ~(nowhere & ran) & ~perfect
    kept &= ~scores.columns.get_level_values("task").isin([task.task for task in left_out])
    scores, known = scores.loc[:, kept], known.loc[:, kept]
    return CellScores(
        scores=scores,
        loss=loss.loc[:, kept & pooled],
        reference=reference.loc[:, kept & pooled],
        missing=_missing(known, rows),
        undefined=undefined,
        left_out=left_out,
    )


def require_one_protocol(frame: pd.DataFrame, of_split: NDArray[np.bool_]) -> None:
    """Refuse scores of two protocols, or of two versions of one: they are other measurements.

    Args:
        frame: tidy table of a run, in which no protocol may have two versions.
        of_split: whether each of its rows is of the split, whose rows must be of one protocol; that
            of species may stand beside another one, since no other task has it.

    Raises:
        BenchError: the message names the protocols.
    """
    if "protocol" not in frame:
        return
    protocols = sorted(map(str, frame["protocol"].unique()))
    names = {protocol.rpartition("/")[0] for protocol in protocols}
    if len(names) == len(protocols):
        shown = set(map(str, frame.loc[of_split, "protocol"].unique()))
        protocols = sorted(p for p in shown if p.rpartition("/")[0] != SPECIES_PROTOCOL)
    if len(protocols) > 1:
        raise BenchError(
            f"the table has scores of several protocols, {' and '.join(protocols)}, which cannot "
            "be ranked together: choose the rows of one of them by the column `protocol`"
        )


def main_rows(rows: pd.DataFrame, metrics: Mapping[str, str]) -> pd.DataFrame:
    """One row per cell with the score that it is ranked by; columns `loss` and `reference` added.

    Args:
        rows: rows of the tidy table for one split and probe, all metrics.
        metrics: metric of each task; rows of other tasks are left out.

    Raises:
        BenchError: an encoder has two scores for one cell.
    """
    rows = rows[rows.columns.intersection(_SCORED, sort=False)]
    metric = rows["task"].map(dict(metrics))
    own = rows[rows["metric"] == metric].assign(loss=np.nan, reference=np.nan)
    own = own[own["metric"] != SKILL]
    _require_single(own, ["encoder", *CELL])
    of_skill = rows[metric == SKILL]
    _require_single(of_skill, ["encoder", *CELL, "metric"])
    return pd.concat([part for part in (own, skill_rows(of_skill)) if len(part)] or [own])


def _labels(rows: pd.DataFrame, columns: list[str]) -> tuple[pd.Index, NDArray[np.integer]]:
    """Sorted distinct values of columns, and the place among them of each row."""
    place_of = rows.groupby(columns).ngroup().to_numpy()
    distinct = rows[columns].iloc[np.unique(place_of, return_index=True)[1]]
    if len(columns) == 1:
        return pd.Index(distinct[columns[0]]), place_of
    return pd.MultiIndex.from_frame(distinct), place_of


def by_seeds(cells: pd.Index) -> pd.MultiIndex:
    """Task and seed of each (task, seed, fold)."""
    levels = ("task", "seed")
    return pd.MultiIndex.from_arrays(
        [cells.get_level_values(name) for name in levels], names=levels
    )


def _sums_by_seed(reference: pd.DataFrame) -> np.ndarray:
    """The largest sum of reference losses of any encoder, for the task and seed of each column."""
    sums = reference.T.groupby(level=["task", "seed"]).sum().max(axis=1)
    return sums.reindex(by_seeds(reference.columns)).to_numpy(dtype=np.float64)


def _undefined(cells: pd.Index, reason: str) -> tuple[Missing, ...]:
    return tuple(
        Missing(str(task), int(seed), str(fold), reason)
        for task, seed, fold in cells.to_frame().itertuples(index=False)
    )


def _left_out(cells: pd.Index, rows: pd.DataFrame) -> tuple[LeftOut, ...]:
    if not len(cells):
        return ()
    reasons = rows.loc[pd.MultiIndex.from_frame(rows[CELL]).isin(cells)]
    first = reasons.drop_duplicates("task").sort_values("task")
    return tuple(
        LeftOut(str(task), str(reason) or "it failed for every encoder")
        for task, reason in zip(first["task"], first["reason"], strict=True)
    )


def _require_single(rows: pd.DataFrame, key: list[str]) -> None:
    twice = rows[rows.duplicated(key)]
    if len(twice):
        encoder, task, seed, fold = twice.iloc[0][["encoder", *CELL]]
        of_task = rows[rows["task"] == task]
        editions = ", ".join(sorted(of_task["edition"].unique()))
        raise BenchError(
            f"{encoder!r} has two scores for task {task!r}, seed {seed}, fold {fold!r} (editions "
            f"in the table: {editions}). Keep editions in different folders with --out."
        )


def _missing(known: pd.DataFrame, rows: pd.DataFrame) -> dict[str, tuple[Missing, ...]]:
    incomplete = known.index[~known.all(axis=1)]
    rows = rows[rows["encoder"].isin(incomplete)]
    cells = zip(*(rows[name] for name in ("encoder", *CELL)), strict=True)
    why = [
        (str(reason) or "failed") if status == "failed" else "the score is not a number"
        for status, reason in zip(rows["status"], rows["reason"], strict=True)
    ]
    reasons = dict(zip(cells, why, strict=True))
    return {
        str(encoder): tuple(
            Missing(
                str(task),
                int(seed),
                str(fold),
                reasons.get((encoder, task, seed, fold), "not run"),
            )
            for task, seed, fold in known.columns[~known.loc[encoder]]
        )
        for encoder in incomplete
    }
