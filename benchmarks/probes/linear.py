"""The linear probe: ridge regression, multinomial logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
from scipy.special import softmax

from satclip_bench.benchmarks.probes.data import (
    Dataset,
    Float64,
    Floats,
    InnerSets,
    Params,
    compact,
    seen_only,
)
from satclip_bench.benchmarks.probes.estimators import (
    ProbeClassifier,
    ProbeRegressor,
    log_loss,
)
from satclip_bench.benchmarks.probes.linear_card import SETTINGS, STRENGTHS
from satclip_bench.benchmarks.probes.logistic import LogisticPath
from satclip_bench.benchmarks.probes.ridge_card import ALPHAS
from satclip_bench.benchmarks.probes.ridge_path import RidgePath, standardise
from satclip_bench.benchmarks.probes.rows import blocks
from satclip_bench.benchmarks.targets import clip_to, range_of


class LinearRegressor(ProbeRegressor):
    """Ridge regression on standardised embeddings; alpha is chosen on the validation data.

    Examples:
        >>> X = np.arange(20.0)[:, None]
        >>> probe = LinearRegressor(random_state=0).fit(X, 3 * X[:, 0] + 1)
        >>> probe.predict([[8.5], [100.0]]).round(1)
        array([26.5, 58. ])
        >>> probe.best_params_, probe.target_range_
        ({'alpha': 1e-08}, Range(low=1.0, high=58.0))
    """

    reads_blocks: ClassVar[bool] = True

    scaler_: Any
    coef_: Float64
    intercept_: float

    def _fit_folds(self, data: Dataset, folds: Sequence[InnerSets], seed: int) -> Params:
        path, losses = _path(data), np.zeros(len(ALPHAS))
        alpha = SETTINGS.default_alpha
        for fold in folds:
            fitted = path if fold.train is data else _path(fold.train)
            limits, (X, y) = range_of(fold.train.y), fold.validation
            for part, block in blocks(X):
                predictions = np.hstack([*fitted.predict(block, ALPHAS)]).T
                losses += np.square(clip_to(predictions, limits) - y[part]).sum(axis=1)
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
    """Logistic regression on standardised embeddings; C is chosen on the validation data.

    Examples:
        >>> X, y = np.arange(20.0)[:, None], np.repeat(["low", "high"], 10)
        >>> probe = LinearClassifier(random_state=0).fit(X, y)
        >>> probe.predict([[1.0], [18.0]])
        array(['low', 'high'], dtype='<U4')
        >>> probe.converged_
        True
    """

    reads_blocks: ClassVar[bool] = True

    scaler_: Any
    coef_: Float64
    """Coefficients `(K, D)` of the standardised features, one row per class."""
    intercept_: Float64
    """Intercepts `(K,)`."""

    def _fit_folds(self, data: Dataset, folds: Sequence[InnerSets], seed: int) -> Params:
        path, searched = LogisticPath(data.X, data.y), []
        for train, held_out in seen_only([compact(fold) for fold in folds]):
            fitted = path if train is data else LogisticPath(train.X, train.y)
            searched.append((fitted, held_out))
        return self._fit_path(path, searched)

    def _fit_path(
        self, path: LogisticPath, searched: Sequence[tuple[LogisticPath, Dataset]]
    ) -> Params:
        strength, lowest, best = SETTINGS.default_C, np.inf, path.weights
        products = 0
        for candidate in STRENGTHS if searched else ():
            loss = 0.0
            for fitted, held_out in searched:
                limit = SETTINGS.hopeless_loss * lowest - loss
                hopeless = partial(_exceeds, fitted, held_out, limit)
                fit = fitted.fit(candidate, SETTINGS.search_tolerance, hopeless)
                products += fit.products
                loss += _summed_loss(fitted, held_out)
                if loss >= lowest:
                    break
            if loss >= lowest:
                break
            strength, lowest, best = candidate, loss, path.weights
        path.weights, approach = best, 0
        if all(fitted is not path for fitted, _ in searched):
            # A weak penalty takes many more steps from zero than from one penalty to the next.
            for lower in (candidate for candidate in STRENGTHS if candidate < strength):
                approach += path.fit(lower, SETTINGS.search_tolerance).products
        fit = path.fit(strength, SETTINGS.tolerance)
        self.scaler_ = path.scaler
        self.coef_, self.intercept_ = path.coefficients.T.copy(), path.intercepts
        self.converged_ = fit.converged
        self.fit_info_ = {
            "n_iter": fit.n_iter,
            "hessian_products": approach + fit.products,
            "search_hessian_products": products,
            "objective": fit.objective,
            "newton_decrement": fit.decrement,
            "gradient_norm": fit.gradient_norm,
        }
        return {"C": strength}

    def _predict_proba(self, X: Floats) -> Float64:
        # In float64, the probabilities of a row do not depend on the other rows of the call.
        logits = standardise(self.scaler_, X) @ self.coef_.T + self.intercept_
        return np.asarray(softmax(logits, axis=1))


def _summed_loss(path: LogisticPath, held_out: Dataset) -> float:
    X, y = held_out
    classes = path.weights.shape[1]
    return sum(
        log_loss(path.probabilities(block), y[part]) * len(block)
        for part, block in blocks(X, classes)
    )


def _exceeds(path: LogisticPath, held_out: Dataset, limit: float) -> bool:
    return _summed_loss(path, held_out) > limit
