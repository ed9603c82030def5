"""Intervals of scores over classes: only if every class is common, and then with the truth."""

from __future__ import annotations

import numpy as np
from sklearn import metrics

from satclip_bench.benchmarks.metrics.bootstrap import interval
from satclip_bench.benchmarks.metrics.intervals import _classification, classification_intervals
from satclip_bench.benchmarks.metrics.resampling import Points


def _intervals_of_classes(
    truth: np.ndarray, first: np.ndarray, blocks: np.ndarray
) -> dict[str, set[str]]:
    """Names of the scores with intervals by kind, for a single prediction of each point."""
    found = classification_intervals(
        *(np.arange(len(truth)), blocks, truth, first[:, None]),
        *(np.full(len(truth), 0.5), np.unique(truth), 0),
    )
    return {kind: set(ends) for kind, ends in found.items()}


def test_scores_over_classes_have_intervals_only_if_all_classes_are_common() -> None:
    truth, blocks = np.repeat([0, 1, 2], [400, 80, 20]), np.arange(500) % 50
    both = {"balanced_accuracy", "macro_f1"}
    found = _intervals_of_classes(truth, truth, blocks)
    assert both <= found["map"] & found["places"]
    assert "ece" not in found["map"]
    # Twenty points of the last class, in four blocks.
    found = _intervals_of_classes(truth, truth, np.sort(blocks))
    assert both <= found["map"]
    assert not both & found["places"]
    rare = np.where(np.arange(500) < 5, 3, truth)
    assert not both & _intervals_of_classes(rare, rare, blocks)["map"]
    # A class that is only predicted counts for macro F1 alone.
    found = _intervals_of_classes(truth, rare, blocks)
    assert both & found["map"] == {"balanced_accuracy"}


def test_intervals_of_scores_over_classes_hold_the_truth() -> None:
    """Classes with shares of 52 to 2 %: coverage of the mean recall and F1 of all points."""
    rng, shares = np.random.default_rng(5), np.array([0.52, 0.3, 0.1, 0.06, 0.02])
    recall = np.array([0.9, 0.8, 0.6, 0.5, 0.3])
    population = rng.choice(5, 200_000, p=shares)
    right = rng.random(len(population)) < recall[population]
    predicted = np.where(right, population, rng.choice(5, len(population)))
    true = {
        "balanced_accuracy": metrics.balanced_accuracy_score(population, predicted),
        "macro_f1": metrics.f1_score(population, predicted, average="macro"),
    }
    held: dict[str, list[bool]] = {name: [] for name in true}
    for trial in range(100):
        drawn = rng.choice(len(population), 800, replace=False)
        truth, first = population[drawn], predicted[drawn]
        units = Points(np.arange(800) + 1000 * trial, 300)
        replicates = _classification(units, truth, first[:, None], np.full(800, 0.5), 0)
        for name, value in true.items():
            # The rarest class has sixteen points in the mean.
            if name in replicates:
                ends = interval(replicates[name])
                assert ends is not None
                held[name].append(ends[0] <= value <= ends[1])
    for inside in held.values():
        assert len(inside) > 80
        assert np.mean(inside) > 0.87
