"""The ridge probe: the linear probe's ridge regression, also on one-hot labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from satclip_bench.benchmarks.probes.data import (
    Codes,
    Dataset,
    Float64,
    Floats,
    InnerSets,
    Params,
)
from satclip_bench.benchmarks.probes.estimators import ProbeClassifier
from satclip_bench.benchmarks.probes.linear import LinearRegressor
from satclip_bench.benchmarks.probes.ridge_card import ALPHAS, SETTINGS
from satclip_bench.benchmarks.probes.ridge_path import RidgePath, standardise
from satclip_bench.benchmarks.probes.rows import blocks


class RidgeRegressor(LinearRegressor):
    """Ridge regression on standardised embeddings: the regressor of the linear probe.

    Examples:
        >>> X = np.arange(20.0)[:, None]
        >>> RidgeRegressor(random_state=0).fit(X, 3 * X[:, 0] + 1).predict([[8.5]]).round(1)
        array([26.5])
    """


class RidgeClassifier(ProbeClassifier):
    """Ridge regression on one-hot labels; alpha is chosen by accuracy on the validation data.

    Examples:
        >>> X, y = np.arange(20.0)[:, None], np.repeat(["low", "high"], 10)
        >>> RidgeClassifier(random_state=0).fit(X, y).predict([[1.0], [18.0]])
        array(['low', 'high'], dtype='<U4')
    """

    reads_blocks: ClassVar[bool] = True

    scaler_: Any
    coef_: Float64
    """Coefficients `(K, D)` of the standardised features, one row per class."""
    intercept_: Float64
    """Intercepts `(K,)`: the classes' shares of the training set."""

    def _fit_folds(self, data: Dataset, folds: Sequence[InnerSets], seed: int) -> Params:
        path, wrong = self._path(data), np.zeros(len(ALPHAS), dtype=np.int64)
        alpha = SETTINGS.default_alpha
        for fold in folds:
            fitted = path if fold.train is data else self._path(fold.train)
            X, y = fold.validation
            for part, block in blocks(X, len(self.classes_)):
                for number, scores in enumerate(fitted.predict(block, ALPHAS)):
                    wrong[number] += (scores.argmax(axis=1) != y[part]).sum()
            alpha = ALPHAS[int(np.flatnonzero(wrong == wrong.min())[-1])]
        self.scaler_ = path.scaler
        self.coef_, self.intercept_ = path.coefficients(alpha).T.copy(), path.intercept
        return {"alpha": alpha}

    def _path(self, data: Dataset) -> RidgePath:
        return RidgePath(data.X, _OneHot(data.y, len(self.classes_)))

    def _predict_proba(self, X: Floats) -> Float64:
        scores = standardise(self.scaler_, X) @ self.coef_.T + self.intercept_
        # Scores sum to 1, so that the highest of them is positive.
        positive = scores.clip(min=0)
        return np.asarray(positive / positive.sum(axis=1, keepdims=True))


class _OneHot:
    """One-hot labels `(n, K)` of class codes, made for a range of rows at a time."""

    def __init__(self, codes: Codes, classes: int) -> None:
        self._codes, self.shape = codes, (len(codes), classes)

    def mean(self, axis: int) -> Float64:
        return np.asarray(np.bincount(self._codes, minlength=self.shape[1]) / self.shape[axis])

    def __getitem__(self, part: slice) -> Float64:
        return np.eye(self.shape[1])[self._codes[part]]
