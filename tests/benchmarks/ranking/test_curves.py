"""Curves of skill and gains of combinations, against sums of losses added by hand."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import pytest

from satclip_bench.benchmarks.ranking.combinations import combinations
from satclip_bench.benchmarks.ranking.curves import curves

Cell = tuple[str, str, int, str, float]
"""Encoder, split, seed, fold and RMSE."""


def frame(cells: Iterable[Cell]) -> pd.DataFrame:
    """A tidy frame of regressions: folds a and b test 10 and 30 points; reference RMSE 2."""
    rows = []
    for encoder, split, seed, fold, rmse in cells:
        cell = {"task": "elevation", "task_type": "regression", "probe": "linear"}
        cell |= {"encoder": encoder, "split": split, "fold": fold}
        numbers = {"seed": seed, "n_test": 30 if fold == "b" else 10, "n_train": 7}
        for metric, value in {"rmse": rmse, "reference_rmse": 2.0}.items():
            rows.append({**cell, **numbers, "metric": metric, "value": value})
    return pd.DataFrame(rows)


def test_a_curve_over_blocks_pools_folds_and_leaves_out_random() -> None:
    found = curves(
        frame(
            [
                ("wrap", "blocks.10", 0, "a", 1.0),
                ("wrap", "blocks.10", 0, "b", 0.0),
                ("wrap", "blocks.0.5", 0, "a", 0.0),
                ("wrap", "random", 0, "a", 0.0),
                ("wrap", "buffered.10-500", 0, "a", 0.0),
            ]
        )
    )
    assert found["x"].tolist() == [0.5, 10]
    # Squared errors of 10 points of 4 each and 30 of 4 each, against 10 of 1.
    assert found["skill"].tolist() == pytest.approx([1, 1 - 10 / 160])


def test_random_is_the_end_of_a_curve_over_labels_and_seeds_are_a_range() -> None:
    found = curves(
        frame(
            [
                ("wrap", "labels.10", 0, "a", 1.0),
                ("wrap", "labels.10", 1, "a", 2.0),
                ("wrap", "random", 0, "a", 0.0),
            ]
        )
    )
    assert found["x"].tolist() == [10, 100]
    assert found["skill"].tolist() == pytest.approx([0.375, 1])
    assert found[["low_seed", "high_seed", "seeds"]].to_numpy()[0] == pytest.approx([0, 0.75, 2])


def test_a_seed_with_a_failed_or_missing_fold_is_left_out() -> None:
    cells: list[Cell] = [
        (encoder, "blocks.5", seed, fold, 1.0)
        for encoder in ("wrap", "direct")
        for seed in (0, 1)
        for fold in "ab"
    ]
    cells.remove(("wrap", "blocks.5", 1, "b", 1.0))
    cells[cells.index(("direct", "blocks.5", 0, "a", 1.0))] = ("direct", "blocks.5", 0, "a", np.nan)
    found = curves(frame(cells)).set_index("encoder")
    assert found["seeds"].to_dict() == {"direct": 1, "wrap": 1}


def test_a_run_without_such_splits_has_no_curves() -> None:
    assert curves(frame([("wrap", "random", 0, "a", 1.0)])).empty


def test_gain_is_over_the_best_part_in_the_mean_over_common_seeds() -> None:
    found = combinations(
        frame(
            [
                ("wrap", "random", 0, "a", 2.0),
                ("wrap", "random", 1, "a", 1.0),
                ("wrap", "random", 2, "a", 0.0),
                ("direct", "random", 0, "a", 1.0),
                ("direct", "random", 1, "a", 1.0),
                ("wrap+direct", "random", 0, "a", 0.0),
                ("wrap+direct", "random", 1, "a", 1.0),
                ("wrap+geoclip", "random", 1, "a", 1.0),
            ]
        )
    )
    (row,) = found.to_dict("records")
    assert (row["combination"], row["best_part"], row["seeds"]) == ("wrap+direct", "direct", 2)
    assert row["gain"] == pytest.approx(0.125)
    assert (row["low_seed"], row["high_seed"]) == pytest.approx((0, 0.25))
