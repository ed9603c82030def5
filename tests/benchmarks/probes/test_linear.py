"""Agreement with scikit-learn's ridge regression."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from satclip_bench.benchmarks.probes import linear, make_probe, ridge_path
from satclip_bench.benchmarks.probes.linear import LinearRegressor
from satclip_bench.benchmarks.probes.ridge_card import ALPHAS
from satclip_bench.benchmarks.probes.ridge_path import RidgePath
from satclip_bench.benchmarks.targets import count_outside
from satclip_bench.tasks.base import TaskType
from tests.benchmarks.probes.sphere_data import parts


def ridge(alpha: float) -> Any:
    return make_pipeline(StandardScaler(), Ridge(alpha=alpha, solver="svd"))


def test_alphas_are_half_decades() -> None:
    np.testing.assert_allclose(ALPHAS, np.logspace(-8, 8, 33), rtol=1e-5)


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize(("rows", "columns"), [(300, 40), (60, 60), (40, 200), (3, 2)])
def test_ridge_path_agrees(rows: int, columns: int, targets: int) -> None:
    random = np.random.default_rng(rows)
    X, Y = random.standard_normal((rows, columns)), random.standard_normal((rows, targets)) + 5
    path = RidgePath(X, Y)
    predictions = path.predict(X[:20], ALPHAS)
    for alpha, predicted in zip(ALPHAS, predictions, strict=True):
        expected = ridge(alpha).fit(X, Y)
        right = expected.predict(X[:20]).reshape(-1, targets)
        np.testing.assert_allclose(predicted, right, rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(
            path.coefficients(alpha).T,
            expected[-1].coef_.reshape(targets, -1),
            rtol=1e-6,
            atol=1e-7,
        )


@pytest.mark.parametrize("rows", [100, 75, 40])
def test_ridge_path_of_blocks_of_rows_is_that_of_all_rows(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    X, Y = random.standard_normal((rows, 50)) + 3, random.standard_normal((rows, 2))
    whole = RidgePath(X, Y)
    monkeypatch.setattr(ridge_path, "BLOCK_NUMBERS", 30 * 50)
    monkeypatch.setattr(ridge_path, "MIN_ROWS_PER_COLUMN", 0)
    for alpha in (1e-8, 1e-2, 10.0):
        found = RidgePath(X, Y).coefficients(alpha)
        np.testing.assert_allclose(found, whole.coefficients(alpha), rtol=1e-8, atol=1e-10)


def test_small_penalties_are_those_of_least_squares_on_ill_conditioned_features() -> None:
    # Singular values from 1 to 1e-7: their squares are below the rounding of a Gram matrix.
    random = np.random.default_rng(0)
    U, _ = np.linalg.qr(random.standard_normal((80, 8)))
    V, _ = np.linalg.qr(random.standard_normal((8, 8)))
    X = U * np.logspace(0, -7, 8) @ V
    y = X @ V.T[:, -1] * 1e7
    (predictions,) = RidgePath(X, y[:, None]).predict(X, [1e-14])
    assert np.abs(predictions[:, 0] - y).max() < 0.01


def assert_same_coefficients(found: NDArray[np.float64], expected: NDArray[np.float64]) -> None:
    # Single ones are no surer than the largest: columns may cancel.
    np.testing.assert_allclose(found, expected, atol=1e-8 * np.abs(expected).max())


@pytest.mark.parametrize(("rows", "columns"), [(400, 32), (100, 250)])
def test_ridge_agrees_from_end_to_end(rows: int, columns: int) -> None:
    data = parts("regression", rows, columns)
    probe = LinearRegressor().fit(data.X, data.y, data.validation)
    X, X_held, X_test = (a.astype(float) for a in (data.X, data.validation[0], data.X_test))
    low, high = probe.target_range_
    assert (low, high) == (data.y.min(), data.y.max())
    losses = {}
    for alpha in ALPHAS:
        model = ridge(alpha).fit(X, data.y)
        clipped = model.predict(X_held).clip(low, high)
        losses[alpha] = float(np.square(clipped - data.validation[1]).mean())
        if alpha == probe.best_params_["alpha"]:
            expected = model.predict(X_test)
            np.testing.assert_allclose(probe.predict(X_test), expected.clip(low, high), rtol=1e-8)
            np.testing.assert_allclose(probe.unclipped(X_test), expected, rtol=1e-8)
            outside = ((expected < low) | (expected > high)).sum()
            assert count_outside(probe.unclipped(X_test), probe.target_range_) == outside
            assert_same_coefficients(probe.coef_, model[-1].coef_)
            assert probe.intercept_ == pytest.approx(model[-1].intercept_, rel=1e-12)
    assert probe.best_params_ == {"alpha": min(losses, key=lambda a: losses[a])}
    assert (probe.converged_, probe.fit_info_) == (True, {})


def test_alpha_of_inner_folds_has_the_lowest_summed_error_and_all_rows_are_fitted() -> None:
    data = parts("regression", rows=90)
    X = data.X.astype(float)
    inner = [(np.arange(30, 90), np.arange(30)), (np.arange(50), np.arange(55, 90))]
    probe = LinearRegressor().fit(X, data.y, inner=inner)
    losses = {}
    for alpha in ALPHAS:
        errors = [
            ridge(alpha).fit(X[a], data.y[a]).predict(X[b]).clip(data.y[a].min(), data.y[a].max())
            - data.y[b]
            for a, b in inner
        ]
        losses[alpha] = sum(np.square(e).sum() for e in errors)
    best = min(losses, key=lambda a: losses[a])
    assert probe.best_params_ == {"alpha": best}
    assert_same_coefficients(probe.coef_, ridge(best).fit(X, data.y)[-1].coef_)


def test_without_validation_rows_the_default_stands_in() -> None:
    data = parts("regression", rows=3)
    assert LinearRegressor().fit(data.X, data.y).best_params_ == {"alpha": 1.0}


@pytest.mark.parametrize("alpha", [ALPHAS[0], 1.0, ALPHAS[-1]])
@pytest.mark.parametrize(("rows", "columns"), [(400, 32), (100, 250), (5, 3)])
def test_the_same_alpha_gives_the_same_ridge(
    alpha: float, rows: int, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linear, "ALPHAS", (alpha,))
    data = parts("regression", rows, columns)
    probe = LinearRegressor().fit(data.X, data.y, data.validation)
    model = ridge(alpha).fit(data.X.astype(float), data.y)
    expected = model.predict(data.X_test.astype(float)).clip(*probe.target_range_)
    np.testing.assert_allclose(probe.predict(data.X_test), expected, rtol=1e-8)
    assert_same_coefficients(probe.coef_, model[-1].coef_)


@pytest.mark.parametrize("task_type", ["regression", "classification"])
def test_standardisation_is_the_training_parts(task_type: TaskType) -> None:
    data = parts(task_type)
    X_held, y_held = data.validation
    probe: Any = make_probe("linear", task_type, 0).fit(data.X, data.y, (X_held * 9 + 5, y_held))
    expected = StandardScaler().fit(data.X.astype(float))
    np.testing.assert_allclose(probe.scaler_.mean_, expected.mean_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(probe.scaler_.scale_, expected.scale_, rtol=1e-6)
