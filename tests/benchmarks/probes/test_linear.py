"""Agreement with scikit-learn's ridge and logistic regression."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from satclip_bench.benchmarks.probes import linear, make_probe
from satclip_bench.benchmarks.probes.linear import (
    STRENGTHS,
    LinearClassifier,
    LinearRegressor,
)
from satclip_bench.benchmarks.probes.ridge_path import ALPHAS, RidgePath
from satclip_bench.tasks.base import TaskType
from tests.benchmarks.probes.sphere_data import parts


def ridge(alpha: float) -> Any:
    return make_pipeline(StandardScaler(), Ridge(alpha=alpha, solver="svd"))


def test_alphas_are_half_decades() -> None:
    np.testing.assert_allclose(ALPHAS, np.logspace(-8, 8, 33), rtol=1e-5)


@pytest.mark.parametrize(("rows", "columns"), [(300, 40), (60, 60), (40, 200), (3, 2)])
def test_ridge_path_agrees(rows: int, columns: int) -> None:
    random = np.random.default_rng(rows)
    X, Y = random.standard_normal((rows, columns)), random.standard_normal((rows, 3)) + 5
    path = RidgePath(X, Y)
    predictions = path.predict(X[:20], *ALPHAS)
    for alpha, predicted in zip(ALPHAS, predictions, strict=True):
        expected = ridge(alpha).fit(X, Y)
        np.testing.assert_allclose(predicted, expected.predict(X[:20]), rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(
            path.coefficients(alpha).T, expected[-1].coef_, rtol=1e-6, atol=1e-7
        )


def test_small_penalties_are_those_of_least_squares_on_ill_conditioned_features() -> None:
    # Singular values from 1 to 1e-7: their squares are below the rounding of a Gram matrix.
    random = np.random.default_rng(0)
    U, _ = np.linalg.qr(random.standard_normal((80, 8)))
    V, _ = np.linalg.qr(random.standard_normal((8, 8)))
    X = U * np.logspace(0, -7, 8) @ V
    y = X @ V.T[:, -1] * 1e7
    assert np.abs(RidgePath(X, y[:, None]).predict(X, 1e-14)[0, :, 0] - y).max() < 0.01


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
            assert probe.clipped(X_test) == ((expected < low) | (expected > high)).sum()
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


def change(monkeypatch: pytest.MonkeyPatch, **settings: float) -> None:
    monkeypatch.setattr(linear, "SETTINGS", linear.SETTINGS.model_copy(update=settings))


def cut(y: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    return y if classes == 6 else (y > 20).astype(np.int64)


@pytest.mark.parametrize("classes", [2, 6])
def test_logistic_regression_agrees(classes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch, tol=1e-8, max_iter=20_000)
    data = parts("classification", columns=12)
    X, X_held, X_test = (a.astype(float) for a in (data.X, data.validation[0], data.X_test))
    y, y_held = cut(data.y, classes), cut(data.validation[1], classes)
    probe = LinearClassifier().fit(X, y, (X_held, y_held))
    losses = {}
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, tol=1e-8, max_iter=20_000)
        exact = make_pipeline(StandardScaler(), model).fit(X, y)
        losses[strength] = sklearn_log_loss(y_held, exact.predict_proba(X_held))
        if strength == probe.best_params_["C"]:
            np.testing.assert_allclose(
                probe.predict_proba(X_test), exact.predict_proba(X_test), atol=1e-5
            )
    assert probe.best_params_["C"] == min(losses, key=lambda c: losses[c])


@pytest.mark.parametrize("classes", [2, 6])
def test_the_same_strength_gives_the_same_logistic_regression(classes: int) -> None:
    data = parts("classification")
    X, X_test, y = data.X.astype(float), data.X_test.astype(float), cut(data.y, classes)
    # No validation label that training knows: the default strength stands in, one fit alone.
    probe = LinearClassifier().fit(X, y, (X[:5], np.full(5, 999)))
    assert probe.best_params_["C"] == linear.SETTINGS.default_C
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=linear.SETTINGS.default_C, max_iter=200)
    )
    model.fit(X, y)
    np.testing.assert_allclose(probe.model_.coef_, model[-1].coef_, atol=1e-8)
    np.testing.assert_allclose(
        probe.predict_proba(X_test), model.predict_proba(X_test), rtol=1e-8, atol=1e-12
    )
    assert probe.predict(X_test).tolist() == model.predict(X_test).tolist()


@pytest.mark.parametrize("strength", STRENGTHS)
def test_the_optimum_is_another_solvers(strength: float, monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch, tol=1e-10, max_iter=50_000)
    monkeypatch.setattr(linear, "STRENGTHS", (strength,))
    data = parts("classification", columns=8)
    X, X_test = data.X.astype(float), data.X_test.astype(float)
    probe = LinearClassifier().fit(
        X, data.y, (data.validation[0].astype(float), data.validation[1])
    )
    assert probe.best_params_["C"] == strength
    model = LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-10, max_iter=1000)
    exact = make_pipeline(StandardScaler(), model).fit(X, data.y)
    np.testing.assert_allclose(probe.predict_proba(X_test), exact.predict_proba(X_test), atol=1e-5)


@pytest.mark.parametrize("classes", [2, 6])
def test_float32_and_bounded_iterations_cost_no_score(classes: int) -> None:
    data = parts("classification", columns=12)
    y, y_held, y_test = (cut(a, classes) for a in (data.y, data.validation[1], data.y_test))
    probe = LinearClassifier().fit(data.X, y, (data.validation[0], y_held))
    assert probe.model_.coef_.dtype == np.float32
    model = LogisticRegression(C=probe.best_params_["C"], tol=1e-8, max_iter=20_000)
    exact = make_pipeline(StandardScaler(), model).fit(data.X.astype(float), y)
    ours, theirs = (
        sklearn_log_loss(y_test, model.predict_proba(data.X_test)) for model in (probe, exact)
    )
    assert ours == pytest.approx(theirs, abs=0.01)
    assert probe.score(data.X_test, y_test) == pytest.approx(
        exact.score(data.X_test, y_test), abs=0.015
    )


def test_iterations_are_bounded_by_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch, max_multiply_adds=1.0, min_iter=3)
    data = parts("classification")
    probe = LinearClassifier().fit(data.X, data.y, data.validation)
    assert probe.best_params_["n_iter"] == 3
