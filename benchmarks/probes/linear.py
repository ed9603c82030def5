"""The linear probe: ridge regression, multinomial logistic regression."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
from scipy.linalg import eigh
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from satclip_bench.benchmarks.probes.base import Probe, ProbeCard, Settings
from satclip_bench.benchmarks.probes.data import Dataset, Float64, Floats, Params
from satclip_bench.benchmarks.probes.estimators import (
    ProbeClassifier,
    ProbeRegressor,
    fit_scaler,
    log_loss,
    rows_of_seen_classes,
)


class LinearSettings(Settings):
    """Fixed hyper-parameters; the defaults are used if there are no validation rows."""

    default_alpha: float = 1.0
    default_C: float = 1.0  # noqa: N815  # as scikit-learn spells it
    tol: float = 1e-4
    max_multiply_adds: float = 1e10
    min_iter: int = 12
    max_iter: int = 200


SETTINGS = LinearSettings()

# Six digits, so that the last bit of a platform's pow() does not change a record's key.
ALPHAS = tuple(float(f"{10 ** (half / 2):.6g}") for half in range(-8, 13))
STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)

CARD = ProbeCard(
    name="linear",
    title="Linear",
    description=(
        "Features are standardised on the training set. Regression: ridge regression with an "
        "unpenalised intercept, in float64; alpha is the half-decade with the lowest validation "
        "MSE, and the larger one of equally good values. Classification: multinomial logistic "
        "regression with an L2 penalty, fitted by L-BFGS in the precision of the embedding; C (as "
        "in scikit-learn) has the lowest validation log loss, which is finer than accuracy on few "
        "rows; validation labels that are not in the training set are left out. C is increased "
        "step by step, each fit starts from the previous one, and the search ends at the first "
        "fit that is worse. Nothing is refitted on training and validation together."
    ),
    settings=SETTINGS.model_dump(mode="json"),
    search={"alpha": ALPHAS, "C": STRENGTHS},
    bounds=(
        "Regression: one eigendecomposition of the smaller Gram matrix serves every alpha. "
        "Classification: iterations for each C are max_multiply_adds / (rows x columns x classes), "
        "clipped to min_iter and max_iter; a fit that did not converge is used as it is."
    ),
)


class LinearRegressor(ProbeRegressor):
    """Ridge regression on standardised embeddings; alpha is chosen on the validation set.

    Examples:
        >>> X = np.arange(20.0)[:, None]
        >>> probe = LinearRegressor(random_state=0).fit(X, 3 * X[:, 0] + 1)
        >>> probe.predict([[100.0]]).round(1)
        array([301.])
        >>> probe.best_params_
        {'alpha': 0.0001}
    """

    scaler_: Any
    coef_: Float64
    intercept_: float

    def _fit_sets(self, train: Dataset, validation: Dataset | None, seed: int) -> Params:
        self.scaler_ = fit_scaler(train.X)
        self.intercept_ = float(train.y.mean())
        alphas = np.array([SETTINGS.default_alpha] if validation is None else ALPHAS)
        coefs = ridge_path(self._standardise(train.X), train.y - self.intercept_, alphas)
        best = 0
        if validation is not None:
            residuals = self._standardise(validation.X) @ coefs
            residuals += (self.intercept_ - validation.y)[:, None]
            losses = np.square(residuals).mean(axis=0)
            best = int(np.flatnonzero(losses == losses.min())[-1])
        self.coef_ = coefs[:, best].copy()
        return {"alpha": float(alphas[best])}

    def _predict(self, X: Floats) -> Float64:
        return np.asarray(self._standardise(X) @ self.coef_ + self.intercept_)

    def _standardise(self, X: Floats) -> Float64:
        # Small alphas use directions that float32 would round away.
        return np.asarray(self.scaler_.transform(X.astype(np.float64, copy=False)))


def ridge_path(Z: Float64, y: Float64, alphas: Float64) -> Float64:
    """Ridge coefficients for every alpha from one eigendecomposition, `(D, A)`.

    Minimises ||y - Z w||^2 + alpha ||w||^2 in the primal form, or in the dual form if there are
    more columns than rows (Saunders, Gammerman and Vovk, ICML 1998). scikit-learn's RidgeCV shares
    a decomposition only across leave-one-out folds, not across alphas scored on other rows.

    Args:
        Z: `(n, D)` centred features.
        y: `(n,)` centred target.
        alphas: `(A,)` penalties, above 0.

    Examples:
        >>> Z, y = np.array([[-1.0], [1.0]]), np.array([-2.0, 2.0])
        >>> ridge_path(Z, y, np.array([1e-9, 2.0])).round(3)
        array([[2., 1.]])
    """
    wide = Z.shape[1] > Z.shape[0]
    values, vectors = eigh(Z @ Z.T if wide else Z.T @ Z, driver="evd", check_finite=False)
    target = vectors.T @ (y if wide else Z.T @ y)
    weights = vectors @ (target[:, None] / (values.clip(min=0)[:, None] + alphas))
    return np.asarray(Z.T @ weights if wide else weights)


class LinearClassifier(ProbeClassifier):
    """Logistic regression on standardised embeddings; C is chosen on the validation set.

    Examples:
        >>> X, y = np.arange(20.0)[:, None], np.repeat(["low", "high"], 10)
        >>> probe = LinearClassifier(random_state=0).fit(X, y)
        >>> probe.predict([[1.0], [18.0]])
        array(['low', 'high'], dtype='<U4')
    """

    scaler_: Any
    model_: Any

    def _fit_sets(self, train: Dataset, validation: Dataset | None, seed: int) -> Params:
        self.scaler_ = fit_scaler(train.X)
        Z, held_out = self.scaler_.transform(train.X), rows_of_seen_classes(validation)
        Z_held_out = None if held_out is None else self.scaler_.transform(held_out.X)
        multiply_adds = Z.size * len(self.classes_)
        affordable = int(SETTINGS.max_multiply_adds / multiply_adds)
        model = LogisticRegression(
            tol=SETTINGS.tol,
            max_iter=min(max(affordable, SETTINGS.min_iter), SETTINGS.max_iter),
            warm_start=True,
        )
        lowest = np.inf
        for strength in STRENGTHS if held_out is not None else (SETTINGS.default_C,):
            with warnings.catch_warnings():
                # Fits may stop early to bound the cost; `best_params_` has the iterations.
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.set_params(C=strength).fit(Z, train.y)
            loss = -np.inf
            if held_out is not None:
                loss = log_loss(model.predict_proba(Z_held_out), held_out.y)
            if loss >= lowest:
                break
            # The next fit makes new arrays, so that a shallow copy keeps the current ones.
            lowest, self.model_ = loss, copy.copy(model)
        return {"C": float(self.model_.C), "n_iter": int(self.model_.n_iter_[0])}

    def _predict_proba(self, X: Floats) -> Float64:
        # In float64, the probabilities of a row do not depend on the other rows of the call.
        Z = self.scaler_.transform(X.astype(np.float64, copy=False))
        return np.asarray(self.model_.predict_proba(Z), dtype=np.float64)


PROBE = Probe(CARD, LinearRegressor, LinearClassifier)
