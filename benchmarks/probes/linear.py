"""The linear probe: ridge regression, multinomial logistic regression."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
from pydantic import JsonValue
from scipy.linalg import eigh
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from satclip_bench.benchmarks.probes.base import Probe, ProbeCard, Settings
from satclip_bench.benchmarks.probes.estimators import (
    Float64,
    Floats,
    Part,
    ProbeClassifier,
    ProbeRegressor,
    fit_scaler,
    log_loss,
    seen,
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

# Six digits, so that a last bit of somebody's pow() does not change a record's key.
ALPHAS = tuple(float(f"{10 ** (half / 2):.6g}") for half in range(-8, 13))
STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)

CARD = ProbeCard(
    name="linear",
    title="Linear",
    description=(
        "Features are standardised on the training part. Regression: ridge with an unpenalised "
        "intercept, in float64; alpha is the half-decade with the lowest validation MSE, the "
        "larger of equals. Classification: multinomial logistic regression with an L2 penalty by "
        "L-BFGS in the embedding's own precision; C, scikit-learn's, by validation log loss "
        "(finer than accuracy on few rows), validation labels unseen in training left out. C "
        "rises, each fit starts from the one before, and the first that is worse ends the path. "
        "Nothing is refitted on training and validation together."
    ),
    settings=SETTINGS.model_dump(mode="json"),
    search={"alpha": ALPHAS, "C": STRENGTHS},
    bounds=(
        "Regression: one eigendecomposition of the smaller Gram matrix serves every alpha. "
        "Classification: iterations for each C are max_multiply_adds / (rows x columns x classes), "
        "held between min_iter and max_iter; a fit cut short is used as it is."
    ),
)


class LinearRegressor(ProbeRegressor):
    """Ridge regression on standardised embeddings, alpha chosen on the validation part."""

    scaler_: Any
    coef_: Float64
    intercept_: float

    def _fit_parts(self, train: Part, validation: Part | None, seed: int) -> dict[str, JsonValue]:
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
        # Small alphas resolve directions that float32 has already rounded away.
        return np.asarray(self.scaler_.transform(X.astype(np.float64, copy=False)))


def ridge_path(Z: Float64, y: Float64, alphas: Float64) -> Float64:
    """Ridge coefficients for every alpha from one eigendecomposition, `(D, A)`.

    Minimises ||y - Z w||^2 + alpha ||w||^2 in its primal form, or for more columns than rows in
    its dual (Saunders, Gammerman and Vovk, ICML 1998). scikit-learn's RidgeCV shares a
    decomposition only across leave-one-out folds, not across alphas scored on other rows.

    Args:
        Z: `(n, D)` centred features.
        y: `(n,)` centred target.
        alphas: `(A,)`, above 0.
    """
    wide = Z.shape[1] > Z.shape[0]
    values, vectors = eigh(Z @ Z.T if wide else Z.T @ Z, driver="evd", check_finite=False)
    target = vectors.T @ (y if wide else Z.T @ y)
    weights = vectors @ (target[:, None] / (values.clip(min=0)[:, None] + alphas))
    return np.asarray(Z.T @ weights if wide else weights)


class LinearClassifier(ProbeClassifier):
    """Logistic regression on standardised embeddings, C chosen on the validation part."""

    scaler_: Any
    model_: Any

    def _fit_parts(self, train: Part, validation: Part | None, seed: int) -> dict[str, JsonValue]:
        self.scaler_ = fit_scaler(train.X)
        Z, held = self.scaler_.transform(train.X), seen(validation)
        Z_held = None if held is None else self.scaler_.transform(held.X)
        work = Z.size * len(self.classes_)
        cap = int(SETTINGS.max_multiply_adds / work)
        model = LogisticRegression(
            tol=SETTINGS.tol,
            max_iter=min(max(cap, SETTINGS.min_iter), SETTINGS.max_iter),
            warm_start=True,
        )
        lowest = np.inf
        for strength in STRENGTHS if held is not None else (SETTINGS.default_C,):
            with warnings.catch_warnings():
                # Being cut short is how the cost is bounded; the iterations are in `best_params_`.
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.set_params(C=strength).fit(Z, train.y)
            loss = -np.inf if held is None else log_loss(model.predict_proba(Z_held), held.y)
            if loss >= lowest:
                break
            # A fit makes new arrays, so that a shallow copy keeps these.
            lowest, self.model_ = loss, copy.copy(model)
        return {"C": float(self.model_.C), "n_iter": int(self.model_.n_iter_[0])}

    def _predict_proba(self, X: Floats) -> Float64:
        # Coefficients in float64: a row's probabilities do not depend on which rows it comes with.
        Z = self.scaler_.transform(X.astype(np.float64, copy=False))
        return np.asarray(self.model_.predict_proba(Z), dtype=np.float64)


PROBE = Probe(CARD, LinearRegressor, LinearClassifier)
