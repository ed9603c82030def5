"""The k-nearest-neighbours probe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from satclip_bench.benchmarks.probes.base import Probe, ProbeCard, Settings
from satclip_bench.benchmarks.probes.data import Codes, Dataset, Float64, Floats, Params
from satclip_bench.benchmarks.probes.estimators import ProbeClassifier, ProbeRegressor


class NeighbourSettings(Settings):
    """Fixed hyper-parameters; the default is used if there are no validation rows."""

    default_n_neighbors: int = 5
    metric: Literal["euclidean"] = "euclidean"
    weights: Literal["distance"] = "distance"
    standardize: Literal[False] = False


SETTINGS = NeighbourSettings()
NEIGHBOURS = (1, 3, 5, 10, 20)

CARD = ProbeCard(
    name="knn",
    title="k nearest neighbours",
    description=(
        "Neighbours by Euclidean distance between embeddings, weighted by the inverse distance. "
        "Embeddings are not standardised: the probe measures the encoder's own geometry, and "
        "standardising would give nearly constant columns the weight of informative ones. On "
        "coordinates on the unit sphere, it is the nearest-neighbour baseline by chord length. If "
        "some neighbours are at distance 0, only they count. The number of neighbours is chosen "
        "on the validation set by MSE or by accuracy (a log loss is infinite if no neighbour has "
        "the label); labels that are not in the training set count as wrong; of equally good "
        "numbers, the smallest is taken. Nothing is refitted on training and validation together."
    ),
    settings=SETTINGS.model_dump(mode="json"),
    search={"n_neighbors": NEIGHBOURS},
    bounds=(
        "One query serves all candidates: a tree in few dimensions, otherwise brute force in "
        "blocks, so that the matrix of all distances is never in memory. Only numbers of "
        "neighbours up to the size of the training set are tried."
    ),
)

RowNumbers = NDArray[np.int64]


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

    index_: Any
    targets_: Float64

    def _fit_sets(self, train: Dataset, validation: Dataset | None, seed: int) -> Params:
        def loss(distances: Floats, rows: RowNumbers, targets: Float64) -> float:
            return float(np.square(_mean(distances, self.targets_[rows]) - targets).mean())

        self.targets_ = train.y
        self.index_, n_neighbors = _fit_index(train, validation, loss)
        return {"n_neighbors": n_neighbors}

    def _predict(self, X: Floats) -> Float64:
        distances, rows = self.index_.kneighbors(X, n_neighbors=self.best_params_["n_neighbors"])
        return _mean(distances, self.targets_[rows])


class NeighbourClassifier(ProbeClassifier):
    """Inverse-distance weighted vote of the nearest training rows.

    Examples:
        >>> probe = NeighbourClassifier()
        >>> probe = probe.fit([[0], [1], [2]], ["a", "a", "b"], validation=([[1.9]], ["b"]))
        >>> probe.predict([[0.2], [1.9]])
        array(['a', 'b'], dtype='<U1')
    """

    index_: Any
    codes_: Codes

    def _fit_sets(self, train: Dataset, validation: Dataset | None, seed: int) -> Params:
        def loss(distances: Floats, rows: RowNumbers, codes: Codes) -> float:
            # Negative accuracy: equal accuracies stay equal, as they may not as error rates.
            return -float((self._vote(distances, rows).argmax(axis=1) == codes).mean())

        self.codes_ = train.y
        self.index_, n_neighbors = _fit_index(train, validation, loss)
        return {"n_neighbors": n_neighbors}

    def _predict_proba(self, X: Floats) -> Float64:
        distances, rows = self.index_.kneighbors(X, n_neighbors=self.best_params_["n_neighbors"])
        return self._vote(distances, rows)

    def _vote(self, distances: Floats, rows: RowNumbers) -> Float64:
        shape = len(rows), len(self.classes_)
        cells = np.arange(shape[0])[:, None] * shape[1] + self.codes_[rows]
        votes = np.bincount(cells.ravel(), inverse_distance(distances).ravel(), shape[0] * shape[1])
        votes = votes.reshape(shape)
        return np.asarray(votes / votes.sum(axis=1, keepdims=True))


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


def _fit_index(
    train: Dataset,
    validation: Dataset | None,
    loss: Callable[[Floats, RowNumbers, NDArray[Any]], float],
) -> tuple[Any, int]:
    """Index of the training set, and the number of neighbours with the lowest validation loss.

    Args:
        train: rows among which neighbours are searched.
        validation: rows on which the number is chosen; the default number if None.
        loss: loss, given distances and row numbers `(m, k)` of the neighbours, and targets `(m,)`.
    """
    candidates = _candidates(len(train.y), validation)
    index = NearestNeighbors(n_neighbors=max(candidates), metric=SETTINGS.metric).fit(train.X)
    if validation is None or len(candidates) == 1:
        return index, candidates[0]
    distances, rows = index.kneighbors(validation.X)
    losses = [loss(distances[:, :k], rows[:, :k], validation.y) for k in candidates]
    return index, candidates[int(np.argmin(losses))]


def _candidates(rows: int, validation: Dataset | None) -> tuple[int, ...]:
    if validation is None:
        return (min(SETTINGS.default_n_neighbors, rows),)
    return tuple(k for k in NEIGHBOURS if k <= rows)


PROBE = Probe(CARD, NeighbourRegressor, NeighbourClassifier)
