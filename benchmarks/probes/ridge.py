"""The ridge probe: the linear probe's ridge regression, also on one-hot labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from satclip_bench.benchmarks.probes.base import Probe, ProbeCard, Settings
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
from satclip_bench.benchmarks.probes.ridge_path import ALPHAS, RidgePath, standardise
from satclip_bench.benchmarks.probes.rows import blocks


class RidgeSettings(Settings):
    """Fixed hyper-parameters; the default is used if there is no validation data."""

    default_alpha: float = 1.0


SETTINGS = RidgeSettings()

CARD = ProbeCard(
    name="ridge",
    title="Ridge",
    description=(
        "Ridge regression with an unpenalised intercept on features standardised on the training "
        "set, as RANGE and CoordBench use it. Regression: the same as the probe `linear`, with the "
        "same predictions. Classification: least squares on one-hot labels, in closed form; the "
        "class with the highest score is predicted, the first of equal ones. alpha is the "
        "half-decade with the highest validation accuracy, and the largest one of equally good "
        "values; validation labels that are not in the training set count as wrong. Scores are no "
        "probabilities: what is reported as such are the scores, negative ones set to 0, divided "
        "by their sum, so that log losses and calibration errors of this probe mean little. With a "
        "validation set, nothing is refitted on training and validation together. With inner "
        "folds, squared errors or wrong labels are summed over all of them, and all rows are "
        "fitted with the chosen alpha."
    ),
    settings=SETTINGS.model_dump(mode="json"),
    search={"alpha": ALPHAS},
    bounds="One singular value decomposition, and one for each inner fold, serves every alpha.",
    version=2,
)


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


PROBE = Probe(CARD, RidgeRegressor, RidgeClassifier)
