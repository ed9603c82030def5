"""Skill by distance: by hand, and against distances by haversine and sums by pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import BallTree

from satclip_bench.benchmarks.commands.record_figures import distance_bins
from satclip_bench.benchmarks.diagnostics.distance_skill import (
    reference_predictions,
    skill_by_distance,
)
from satclip_bench.benchmarks.diagnostics.predictions import Predictions, nearest_km
from satclip_bench.benchmarks.diagnostics.reading import TaskPredictions
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table, make_folds
from satclip_bench.benchmarks.splits import Fold
from satclip_bench.core.sphere import EARTH_RADIUS_KM


def test_skill_by_hand() -> None:
    km = np.array([0.0, 10.0, 10.0, 99.0])
    loss = np.array([1.0, 4.0, 0.0, 9.0])
    reference = np.array([4.0, 4.0, 4.0, 0.0])
    near, middle, far = skill_by_distance(
        km, loss, reference, np.zeros(4, dtype=np.int64), np.array([10.0, 50.0])
    )
    # A point at an edge is in the farther bin: 1 - 1/4, then 1 - (4 + 0)/(4 + 4).
    assert (near.bin, near.km, near.n, near.skill) == (0, 0.0, 1, 0.75)
    assert (middle.bin, middle.km, middle.n, middle.skill) == (1, 10.0, 2, 0.5)
    # The reference makes no error.
    assert far.n == 1
    assert np.isnan(far.skill)
    # One block shows no interval.
    assert np.isnan([near.low, near.high]).all()


def test_an_interval_of_equal_losses_is_a_point() -> None:
    n = 40
    (only,) = skill_by_distance(
        np.ones(n), np.full(n, 1.0), np.full(n, 4.0), np.arange(n), np.array([])
    )
    assert (only.low, only.high) == pytest.approx((0.75, 0.75))


def test_references_are_the_mean_or_majority_of_each_training_set() -> None:
    target = np.array([1.0, 3.0, 5.0, 5.0, 9.0])
    first, middle, last = (np.array(rows, dtype=np.int64) for rows in ([0, 1], [2], [3, 4]))
    folds = (Fold("a", first, middle, last), Fold("b", last, middle, first))
    regression = reference_predictions(folds, target, "regression")
    assert regression.tolist() == [2.0, 2.0, 7.0, 7.0]
    classes = reference_predictions(folds, target, "classification")
    assert classes.tolist() == [1.0, 1.0, 5.0, 5.0]


@pytest.mark.parametrize("split", ["random", "held-out-region"])
def test_bins_are_those_of_haversine_distances_and_pandas(split: str) -> None:
    source = TaskSource("median_income")
    table, folds = load_table(source), make_folds(TaskSource("median_income"), split, 0)
    row = np.concatenate([fold.test for fold in folds])
    noise = np.random.default_rng(0).normal(0, table.target.std() / 2, len(row))
    km = np.concatenate([nearest_km(table.lonlat, fold.test, fold.train) for fold in folds])
    target = table.target[row]
    predictions = Predictions("wrap", 0, "regression", row, target, target + noise, km)
    read = TaskPredictions(table, {"wrap": [predictions]}, {"wrap": 0.5}, {"wrap": "Wrap"}, ())
    bins = distance_bins(read, split, ["wrap"])["wrap"]

    radians = np.radians(table.lonlat[:, ::-1])
    distance, reference = [], []
    for fold in folds:
        tree = BallTree(radians[fold.train], metric="haversine")
        distance.append(tree.query(radians[fold.test])[0][:, 0] * EARTH_RADIUS_KM)
        reference.append((table.target[fold.test] - table.target[fold.train].mean()) ** 2)
    frame = pd.DataFrame({"km": np.concatenate(distance), "loss": noise**2})
    frame["reference"] = np.concatenate(reference)
    sizes = np.cumsum([0, *(b.n for b in bins)])
    assert sizes[-1] == len(frame)
    ordered = frame.sort_values("km", kind="stable")
    for b, first, last in zip(bins, sizes[:-1], sizes[1:], strict=True):
        part = ordered.iloc[first:last]
        assert b.km == pytest.approx(part["km"].median(), abs=1e-3)
        assert b.skill == pytest.approx(1 - part["loss"].sum() / part["reference"].sum(), rel=1e-3)
        assert b.low <= b.skill <= b.high
