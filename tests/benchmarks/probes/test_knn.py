"""Equality with scikit-learn's nearest neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from satclip_bench.benchmarks.probes.knn import (
    NeighbourClassifier,
    NeighbourRegressor,
    inverse_distance,
)
from satclip_bench.benchmarks.probes.knn_card import NEIGHBOURS
from satclip_bench.tasks.base import TaskType
from tests.benchmarks.probes.sphere_data import parts


@pytest.mark.parametrize("task_type", ["regression", "classification"])
@pytest.mark.parametrize("columns", [3, 40])
@pytest.mark.parametrize("k", NEIGHBOURS)
def test_equals_scikit_learn(task_type: TaskType, columns: int, k: int) -> None:
    data = parts(task_type, columns=columns)
    # Some test points lie on training points: distance 0.
    X_test = np.vstack([data.X_test, data.X[:10]])
    make, other = (
        (NeighbourRegressor, KNeighborsRegressor)
        if task_type == "regression"
        else (NeighbourClassifier, KNeighborsClassifier)
    )
    probe: Any = make().fit(data.X, data.y, data.validation)
    probe.best_params_ = {"n_neighbors": k}
    expected = other(k, weights="distance").fit(data.X, data.y)
    np.testing.assert_array_equal(probe.predict(X_test), expected.predict(X_test))
    if task_type == "classification":
        np.testing.assert_array_equal(probe.predict_proba(X_test), expected.predict_proba(X_test))


@pytest.mark.parametrize("task_type", ["regression", "classification"])
@pytest.mark.parametrize("k", NEIGHBOURS)
def test_ties_are_broken_as_scikit_learn_breaks_them(task_type: TaskType, k: int) -> None:
    # Every point of a grid occurs twice with other labels; queries on it and half-way between.
    grid = np.stack(np.meshgrid(np.arange(6.0), np.arange(6.0)), axis=-1).reshape(-1, 2)
    X = np.vstack([grid, grid])
    y = np.random.default_rng(0).integers(4, size=len(X)) * 5
    queries = np.vstack([grid, grid + 0.5, grid + np.array([0.5, 0])])
    make, other = (
        (NeighbourRegressor, KNeighborsRegressor)
        if task_type == "regression"
        else (NeighbourClassifier, KNeighborsClassifier)
    )
    probe: Any = make().fit(X, y, (X, y))
    probe.best_params_ = {"n_neighbors": k}
    expected = other(k, weights="distance").fit(X, y)
    found = probe.predict(queries)
    if task_type == "regression":
        np.testing.assert_allclose(found, expected.predict(queries), rtol=1e-12)
        return
    shares = expected.predict_proba(queries)
    np.testing.assert_array_equal(probe.predict_proba(queries), shares)
    # Of classes with equal shares the first.
    np.testing.assert_array_equal(found, expected.classes_[shares.argmax(axis=1)])
    assert (np.sort(shares, axis=1)[:, -1] == np.sort(shares, axis=1)[:, -2]).any() == (k > 1)


@pytest.mark.parametrize("task_type", ["regression", "classification"])
def test_k_is_the_best_on_validation(task_type: TaskType) -> None:
    data = parts(task_type)
    make, other = (
        (NeighbourRegressor, KNeighborsRegressor)
        if task_type == "regression"
        else (NeighbourClassifier, KNeighborsClassifier)
    )
    scores = [
        other(k, weights="distance").fit(data.X, data.y).score(*data.validation) for k in NEIGHBOURS
    ]
    probe: Any = make().fit(data.X, data.y, data.validation)
    assert probe.best_params_ == {"n_neighbors": NEIGHBOURS[int(np.argmax(scores))]}


def test_embedding_is_taken_as_it_is() -> None:
    X = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 5.0]])
    probe = NeighbourRegressor().fit(X, [1.0, 2.0, 3.0], (X, [1.0, 2.0, 3.0]))
    assert probe.best_params_ == {"n_neighbors": 1}
    assert probe.predict([[0.9, 0.0], [0.0, 3.0]]).tolist() == [2.0, 3.0]


def test_points_at_distance_zero_count_alone() -> None:
    weights = inverse_distance(np.array([[0.0, 0.0, 2.0], [0.5, 2.0, 4.0]]))
    assert weights.tolist() == [[1.0, 1.0, 0.0], [2.0, 0.5, 0.25]]


def test_never_more_neighbours_than_rows() -> None:
    data = parts("regression", rows=4)
    assert NeighbourRegressor().fit(data.X, data.y, data.validation).best_params_[
        "n_neighbors"
    ] in (1, 3)
    assert NeighbourRegressor().fit(data.X[:3], data.y[:3]).best_params_ == {"n_neighbors": 3}


@pytest.mark.parametrize("columns", [5, 20])
@pytest.mark.parametrize("exponent", [-90, -60, -31, 31, 60, 110])
def test_the_unit_of_an_embedding_changes_no_prediction(columns: int, exponent: int) -> None:
    """Squares of such numbers are 0 or infinite in float32."""
    rng = np.random.default_rng(columns)
    X = rng.normal(size=(300, columns)).astype(np.float32)
    y = X[:, 0] + rng.normal(size=300)
    predictions = []
    for scaled in (X, np.ldexp(X, exponent)):
        probe = NeighbourRegressor().fit(scaled[:200], y[:200], (scaled[200:250], y[200:250]))
        predictions.append(probe.predict(scaled[250:]))
    np.testing.assert_array_equal(predictions[0], predictions[1])
