"""Agreement with scikit-learn's ridge and logistic regression."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.probes.linear import (
    ALPHAS,
    STRENGTHS,
    LinearClassifier,
    LinearRegressor,
    ridge_path,
)
from tests.benchmarks.probes.sphere_data import parts


def test_alphas_are_half_decades() -> None:
    np.testing.assert_allclose(ALPHAS, np.logspace(-4, 6, 21), rtol=1e-5)


@pytest.mark.parametrize(("rows", "columns"), [(300, 40), (60, 60), (40, 200), (3, 2)])
def test_ridge_path_agrees(rows: int, columns: int) -> None:
    random = np.random.default_rng(rows)
    Z = random.standard_normal((rows, columns))
    Z -= Z.mean(axis=0)
    y = random.standard_normal(rows)
    y -= y.mean()
    coefs = ridge_path(Z, y, np.array(ALPHAS))
    for alpha, coef in zip(ALPHAS, coefs.T, strict=True):
        expected = Ridge(alpha=alpha, fit_intercept=False, solver="cholesky").fit(Z, y).coef_
        np.testing.assert_allclose(coef, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(("rows", "columns"), [(400, 32), (100, 250)])
def test_ridge_agrees_from_end_to_end(rows: int, columns: int) -> None:
    data = parts("regression", rows, columns)
    probe = LinearRegressor().fit(data.X, data.y, data.validation)
    X, X_held, X_test = (a.astype(float) for a in (data.X, data.validation[0], data.X_test))
    losses = {}
    for alpha in ALPHAS:
        model = make_pipeline(StandardScaler(), Ridge(alpha=alpha, solver="svd")).fit(X, data.y)
        losses[alpha] = float(np.square(model.predict(X_held) - data.validation[1]).mean())
        if alpha == probe.chosen_["alpha"]:
            np.testing.assert_allclose(probe.predict(X_test), model.predict(X_test), rtol=1e-8)
    assert probe.chosen_ == {"alpha": min(losses, key=lambda a: losses[a])}


def test_without_validation_rows_the_default_stands_in() -> None:
    data = parts("regression", rows=3)
    assert LinearRegressor().fit(data.X, data.y).chosen_ == {"alpha": 1.0}


@pytest.mark.parametrize("classes", [2, 6])
def test_logistic_regression_agrees(classes: int) -> None:
    data = parts("classification", columns=12)
    X, X_test = data.X.astype(float), data.X_test.astype(float)
    y = data.y if classes == 6 else data.y > 20
    y_held = data.validation[1] if classes == 6 else data.validation[1] > 20
    probe = LinearClassifier().fit(data.X, y, (data.validation[0], y_held))
    strength = probe.chosen_["C"]
    assert strength in STRENGTHS
    model = LogisticRegression(C=strength, tol=1e-9, max_iter=5000)
    exact = make_pipeline(StandardScaler(), model).fit(X, y)
    np.testing.assert_allclose(probe.predict_proba(X_test), exact.predict_proba(X_test), atol=0.01)
    assert probe.coef_ is not None if hasattr(probe, "coef_") else True
    assert probe.model_.coef_.dtype == np.float32


def test_iterations_are_bounded_by_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    import benchmarks.probes.linear as module

    data = parts("classification")
    small = module.SETTINGS.model_copy(update={"multiply_adds": 1.0, "least_iterations": 3})
    monkeypatch.setattr(module, "SETTINGS", small)
    probe = LinearClassifier().fit(data.X, data.y, data.validation)
    assert probe.chosen_["iterations"] == 3
