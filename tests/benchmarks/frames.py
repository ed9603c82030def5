"""Synthetic tidy frames for tests of ranks and reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.runs.columns import COLUMNS

METRICS = {"air_temperature": "r2", "elevation": "r2", "biomes": "accuracy"}
ENCODERS = ("baseline.mean", "baseline.knn", "direct", "wrap", "geoclip")
REGIONS = ("Africa", "Asia", "Europe", "Oceania")


def score(encoder: str, task: str, seed: int, fold: str) -> float:
    """Score of a cell: better encoders come later in ENCODERS; seeds and folds shift all alike."""
    shift = 0.01 * seed + 0.02 * (REGIONS.index(fold) if fold in REGIONS else 0)
    return 0.3 + 0.1 * ENCODERS.index(encoder) + shift + (task == "biomes") * 0.05


def frame(
    value: Callable[[str, str, int, str], float] = score,
    seeds: Iterable[int] = (0, 1, 2),
    tasks: Iterable[str] = tuple(METRICS),
    encoders: Iterable[str] = ENCODERS,
) -> pd.DataFrame:
    """A run of every encoder on every task, random and held-out region, with probe `linear`."""
    rows = [
        {
            "task": task,
            "task_type": "classification" if METRICS[task] == "accuracy" else "regression",
            "edition": "open",
            "encoder": encoder,
            "encoder_title": encoder.upper(),
            "split": split,
            "fold": fold,
            "probe": "none" if is_baseline(encoder) else "linear",
            "seed": seed,
            "metric": metric,
            "value": value(encoder, task, seed, fold) if metric == METRICS[task] else 0.5,
            "low": -1e9,
            "high": 1e9,
            "interval": "places",
            "status": "done",
            "reason": "",
            "best_params": "{}",
            "converged": True,
            "n_train": 3000,
            "n_validation": 0,
            "n_test": 1000,
            "n_unseen": 0,
            "n_clipped": 0,
            "n_shared": 0,
            "contaminated": False,
            "recipe_chosen": False,
            "caveat": "",
            "protocol": "p/1",
            "data_sha256": "d",
            "encoder_version": 1,
            "weights_sha256": "",
            "split_version": 1,
            "fold_sha256": "f",
            "probe_version": 1,
            "key": "k",
        }
        for task in tasks
        for encoder in encoders
        for split, folds in (("random", ("0",)), ("held-out-region", REGIONS))
        for fold in folds
        for seed in seeds
        for metric in (METRICS[task], "other")
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


REFERENCE = {"r2": 2.0, "accuracy": 0.25}
"""RMSE of the training mean, and accuracy of the training majority, in `with_losses`."""


def with_losses(table: pd.DataFrame) -> pd.DataFrame:
    """The same frame with the losses that skill is made from, and equal references in all cells.

    The skill of a regression's cell is its R2; that of a classification is (accuracy - .25) / .75.
    """
    parts = [table]
    for metric, name, reference in (
        ("r2", "rmse", "reference_rmse"),
        ("accuracy", None, "reference_accuracy"),
    ):
        main = table[(table["metric"] == metric) & (table["status"] == "done")]
        parts.append(main.assign(metric=reference, value=REFERENCE[metric]))
        if name is not None:
            values = REFERENCE[metric] * np.sqrt(1 - main["value"])
            parts.append(main.assign(metric=name, value=values))
    return pd.concat(parts, ignore_index=True)


def fail(
    table: pd.DataFrame, encoder: str, task: str, reason: str = "it raised RuntimeError"
) -> pd.DataFrame:
    """The same frame with all cells of an encoder on a task failed."""
    hit = (table["encoder"] == encoder) & (table["task"] == task)
    kept = table[~hit | (table["metric"] != "other")].copy()
    hit = (kept["encoder"] == encoder) & (kept["task"] == task)
    kept.loc[hit, "value"] = np.nan
    kept.loc[hit, "status"] = "failed"
    kept.loc[hit, "reason"] = reason
    return kept


def assert_same_figures(first: Sequence[Path], second: Sequence[Path]) -> None:
    """Assert that the figures of a frame were written twice, with the same bytes."""
    assert [path.name for path in first] == [
        "scores.linear.png",
        "ranks.random.linear.png",
        "ranks.held-out-region.linear.png",
        "gap.linear.png",
        "captions.md",
    ]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
