"""The linear probe: ridge regression, multinomial logistic regression."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from satclip_bench.benchmarks.probes.base import Probe, ProbeCard, Settings
from satclip_bench.benchmarks.probes.data import (
    Dataset,
    Float64,
    Floats,
    InnerSets,
    Params,
    as_folds,
)
from satclip_bench.benchmarks.probes.estimators import (
    ProbeClassifier,
    ProbeRegressor,
    clip_to,
    fit_scaler,
    log_loss,
    rows_of_seen_classes,
)
from satclip_bench.benchmarks.probes.ridge_path import ALPHAS, RidgePath, standardise


class LinearSettings(Settings):
    """Fixed hyper-parameters; the defaults are used if there are no validation rows."""

    default_alpha: float = 1.0
    default_C: float = 1.0  # noqa: N815  # as scikit-learn spells it
    tol: float = 1e-4
    max_multiply_adds: float = 1e10
    min_iter: int = 12
    max_iter: int = 200


SETTINGS = LinearSettings()

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
    """Ridge regression on standardised embeddings; alpha is chosen on the validation data.

    Examples:
        >>> X = np.arange(20.0)[:, None]
        >>> probe = LinearRegressor(random_state=0).fit(X, 3 * X[:, 0] + 1)
        >>> probe.predict([[8.5], [100.0]]).round(1)
        array([26.5, 58. ])
        >>> probe.best_params_, probe.target_range_
        ({'alpha': 1e-08}, (1.0, 58.0))
    """

    scaler_: Any
    coef_: Float64
    intercept_: float

    def _fit_sets(self, train: Dataset, validation: Dataset | None, seed: int) -> Params:
        return self._fit_folds(train, as_folds(train, validation), seed)

    def _fit_folds(self, data: Dataset, folds: Sequence[InnerSets], seed: int) -> Params:
        path, losses = _path(data), np.zeros(len(ALPHAS))
        alpha = SETTINGS.default_alpha
        for fold in folds:
            fitted = path if fold.train is data else _path(fold.train)
            predictions = fitted.predict(fold.validation.X, *ALPHAS)[..., 0]
            errors = clip_to(predictions, fold.train.y) - fold.validation.y
            losses += np.square(errors).sum(axis=1)
            alpha = ALPHAS[int(np.flatnonzero(losses == losses.min())[-1])]
        self.scaler_ = path.scaler
        self.coef_ = path.coefficients(alpha)[:, 0]
        self.intercept_ = float(path.intercept[0])
        return {"alpha": alpha}

    def _predict(self, X: Floats) -> Float64:
        return np.asarray(standardise(self.scaler_, X) @ self.coef_ + self.intercept_)


def _path(data: Dataset) -> RidgePath:
    return RidgePath(data.X, data.y[:, None])


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

    def _fit_folds(self, data: Dataset, folds: Sequence[InnerSets], seed: int) -> Params:
        losses = np.zeros(len(STRENGTHS))
        for fold in folds:
            held_out = rows_of_seen_classes(fold.validation)
            if held_out is None:
                continue
            scaler = fit_scaler(fold.train.X)
            model = LogisticRegression(max_iter=SETTINGS.max_iter, warm_start=True)
            for number, strength in enumerate(STRENGTHS):
                model.set_params(C=strength).fit(scaler.transform(fold.train.X), fold.train.y)
                codes = np.searchsorted(model.classes_, held_out.y)
                probabilities = model.predict_proba(scaler.transform(held_out.X))
                losses[number] += log_loss(probabilities, codes) * len(codes)
        strength = STRENGTHS[int(losses.argmin())] if folds else SETTINGS.default_C
        self.scaler_ = fit_scaler(data.X)
        self.model_ = LogisticRegression(C=strength, max_iter=SETTINGS.max_iter)
        self.model_.fit(self.scaler_.transform(data.X), data.y)
        return {"C": strength}

    def _predict_proba(self, X: Floats) -> Float64:
        # In float64, the probabilities of a row do not depend on the other rows of the call.
        Z = self.scaler_.transform(X.astype(np.float64, copy=False))
        return np.asarray(self.model_.predict_proba(Z), dtype=np.float64)


PROBE = Probe(CARD, LinearRegressor, LinearClassifier)
