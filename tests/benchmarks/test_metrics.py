from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.metrics import (
    METRICS,
    SEEN,
    classification_scores,
    rank_classes,
    regression_scores,
)


def test_regression_by_hand() -> None:
    scores = regression_scores(np.array([1.0, 2, 3]), np.array([1.0, 2, 5]))
    assert scores == {
        "r2": pytest.approx(1 - 4 / 2),
        "rmse": pytest.approx(np.sqrt(4 / 3)),
        "mae": pytest.approx(2 / 3),
    }


def test_r2_of_a_constant_is_not_defined() -> None:
    assert np.isnan(regression_scores(np.ones(5), np.zeros(5))["r2"])
    assert np.isnan(regression_scores(np.ones(1), np.zeros(1))["r2"])


def test_classification_by_hand() -> None:
    target = np.array([0, 0, 1, 1, 2, 7])
    ranked = np.array([[0, 1, 2], [1, 0, 2], [1, 0, 2], [1, 2, 0], [0, 1, -1], [0, 1, 2]])
    scores = classification_scores(target, ranked, trained=np.array([0, 1, 2]))
    assert scores["accuracy"] == pytest.approx(3 / 6)
    assert scores["accuracy" + SEEN] == pytest.approx(3 / 5)
    assert scores["balanced_accuracy"] == pytest.approx((0.5 + 1 + 0 + 0) / 4)
    assert scores["balanced_accuracy" + SEEN] == pytest.approx((0.5 + 1 + 0) / 3)
    assert scores["top5_accuracy"] == pytest.approx(4 / 6)
    # F1 of class 0: precision 1/3, recall 1/2; of 1: 2/3 and 1; 2 and 7 are never hit.
    assert scores["macro_f1"] == pytest.approx((0.4 + 0.8 + 0 + 0) / 4)
    assert set(scores) == {m + s for m in list(METRICS)[3:] for s in ("", SEEN)}


def test_no_test_point_of_a_trained_class() -> None:
    scores = classification_scores(np.array([5]), np.array([[0]]), trained=np.array([0]))
    assert scores["accuracy"] == 0
    assert np.isnan(scores["accuracy" + SEEN])


@given(st.integers(1, 30), st.integers(1, 15), st.integers(0, 100))
def test_ranked_classes_are_the_most_probable(n: int, classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Coarse probabilities, so that ties occur.
    p = np.round(rng.dirichlet(np.ones(classes), n), 1)
    labels = np.sort(rng.choice(100, classes, replace=False))
    ranked, weight = rank_classes(p, labels)
    assert ranked.shape == weight.shape == (n, 10)
    kept = min(10, classes)
    assert (ranked[:, kept:] == -1).all()
    assert (weight[:, kept:] == 0).all()
    for row in range(n):
        wanted = sorted(range(classes), key=lambda c: (-p[row, c], c))[:kept]
        assert ranked[row, :kept].tolist() == labels[wanted].tolist()
