"""The k-nearest-neighbours probe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.probes.data import (
    Codes,
    Dataset,
    Float64,
    Floats,
    InnerSets,
    Params,
)
from satclip_bench.benchmarks.probes.estimators import ProbeClassifier, ProbeRegressor
from satclip_bench.benchmarks.probes.knn_card import NEIGHBOURS, SETTINGS
from satclip_bench.benchmarks.probes.neighbours import NeighbourIndex
from satclip_bench.benchmarks.probes.rows import blocks


class NeighbourRegressor(ProbeRegressor):
    """Inverse-distance weighted mean of the targets of the nearest training rows.

    Examples:
        >>> probe = NeighbourRegressor()
        >>> probe = probe.fit([[0], [1], [2]], [0.0, 1.0, 5.0], validation=([[1.1]], [1.0]))
        >>> probe.best_params_
        {'n_neighbors': 1}
        >>> probe.predict([[0.2], [1.9]])
        array([0., 5.])
    """

    reads_blocks: ClassVar[bool] = True

    index_: NeighbourIndex
    targets_: Float64

    def _fit_folds(self, data: Dataset, folds: Sequence[InnerSets], seed: int) -> Params:
        def loss(distances: Floats, targets: Float64, true: Float64) -> float:
            return float(np.square(_mean(distances, targets) - true).sum())

        self.targets_ = data.y
        self.index_, n_neighbors = _fit_index(data, folds, loss)
        return {"n_neighbors": n_neighbors}

    def _predict(self, X: Floats) -> Float64:
        distances, rows = self.index_.nearest(X, cast(int, self.best_params_["n_neighbors"]))
        return _mean(distances, self.targets_[rows])


class NeighbourClassifier(ProbeClassifier):
    """Inverse-distance weighted vote of the nearest training rows.

    Examples:
        >>> probe = NeighbourClassifier()
        >>> probe = probe.fit([[0], [1], [2]], ["a", "a", "b"], validation=([[1.9]], ["b"]))
        >>> probe.predict([[0.2], [1.9]])
        array(['a', 'b'], dtype='<U1')
    """

    reads_blocks: ClassVar[bool] = True

    index_: NeighbourIndex
    codes_: Codes

    def _fit_folds(self, data: Dataset, folds: Sequence[InnerSets], seed: int) -> Params:
        classes = len(self.classes_)

        def loss(distances: Floats, codes: Codes, true: Codes) -> float:
            return float((_votes(distances, codes, classes).argmax(axis=1) != true).sum())

        self.codes_ = data.y
        self.index_, n_neighbors = _fit_index(data, folds, loss, classes)
        return {"n_neighbors": n_neighbors}

    def _predict_proba(self, X: Floats) -> Float64:
        distances, rows = self.index_.nearest(X, cast(int, self.best_params_["n_neighbors"]))
        return _votes(distances, self.codes_[rows], len(self.classes_))


def inverse_distance(distances: Floats) -> Float64:
    """Weights 1 / distance, `(m, k)`; in rows with distances of 0, these get 1 and others get 0.

    Examples:
        >>> inverse_distance(np.array([[0.5, 2.0], [0.0, 2.0]]))
        array([[2. , 0.5],
               [1. , 0. ]])
    """
    with np.errstate(divide="ignore"):
        weights = 1.0 / distances.astype(np.float64)
    infinite = np.isinf(weights)
    rows = infinite.any(axis=1)
    weights[rows] = infinite[rows]
    return weights


def _mean(distances: Floats, targets: Float64) -> Float64:
    weights = inverse_distance(distances)
    return np.asarray((targets * weights).sum(axis=1) / weights.sum(axis=1))


def _votes(distances: Floats, codes: Codes, classes: int) -> Float64:
    cells = np.arange(len(codes))[:, None] * classes + codes
    weights = inverse_distance(distances).ravel()
    votes = np.bincount(cells.ravel(), weights, len(codes) * classes).reshape(-1, classes)
    return np.asarray(votes / votes.sum(axis=1, keepdims=True))


def _fit_index(
    data: Dataset,
    folds: Sequence[InnerSets],
    loss: Callable[[Floats, NDArray[Any], NDArray[Any]], float],
    width: int = 1,
) -> tuple[NeighbourIndex, int]:
    """Index of all rows, and the number of neighbours with the lowest loss over the folds.

    Args:
        data: rows among which neighbours are searched.
        folds: folds on which the number is chosen; the default number if there are none.
        loss: summed loss, given the distances `(m, k)` of the neighbours in the fold's training
            set, their targets `(m, k)`, and the true targets `(m,)`.
        width: number of values that are predicted for a row.
    """
    index = NeighbourIndex(data.X, SETTINGS.metric)
    if not folds:
        return index, min(SETTINGS.default_n_neighbors, len(data.y))
    fewest = min(len(fold.train.y) for fold in folds)
    candidates = tuple(k for k in NEIGHBOURS if k <= fewest)
    losses = np.zeros(len(candidates))
    for fold in folds if len(candidates) > 1 else ():
        nested = fold.train is not data
        fitted = NeighbourIndex(fold.train.X, SETTINGS.metric) if nested else index
        for part, block in blocks(fold.validation.X, width):
            distances, rows = fitted.nearest(block, candidates[-1])
            targets, true = fold.train.y[rows], fold.validation.y[part]
            losses += [loss(distances[:, :k], targets[:, :k], true) for k in candidates]
    return index, candidates[int(losses.argmin())]
