"""Baselines of nearby training points, and of all training points alike."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.benchmarks.baselines.base import (
    Baseline,
    BaselineCard,
    Choice,
    HeldOut,
    Lonlat,
    Method,
    Points,
    Target,
    Values,
    as_values,
)
from satclip_bench.core.sphere import chord_to_km, unit_vectors

N_NEIGHBORS = 20
MIN_DISTANCE_KM = 0.001
PART_NUMBERS = 2**21
"""Number of shares of classes, or of distances, that are computed at once: 16 MiB."""


class Mean(Method):
    """The mean of the training targets, or their class shares, at every point."""

    @override
    def fit(self, train: Points, held_out: HeldOut) -> Choice:
        if self.classes is None:
            self._mean = as_values(train.labels[None, :], None).mean(axis=1)
        else:
            counts = np.bincount(train.labels.astype(np.int64), minlength=self.classes)
            self._mean = counts[None, :] / len(train.labels)
        return {}

    @override
    def values(self, lonlat: Lonlat) -> Values:
        return np.repeat(self._mean, len(lonlat), axis=0)


class _Neighbours(Method):
    """Weighted mean, or vote, of the nearest training points."""

    _tree: Any
    _labels: Target
    _max_neighbors: int
    _best: int

    @abstractmethod
    def _combine(self, labels: Target, km: NDArray[np.float64], candidate: int) -> Values:
        """Values of points from the labels and distances of their `(m, k)` neighbours."""

    @override
    def fit(self, train: Points, held_out: HeldOut) -> Choice:
        name, candidates = next(iter(self.card.search.items()))
        searched = name == "n_neighbors"
        self._max_neighbors = max(int(c) for c in candidates) if searched else N_NEIGHBORS
        losses = np.zeros(len(candidates))
        for fitted, held in held_out.rounds(train):
            self._learn(fitted)
            predictions = self._predictions(held.lonlat, [int(c) for c in candidates])
            losses += [self._loss(one, held.labels) for one in predictions]
        self._best = int(candidates[int(np.argmin(losses))])
        self._learn(train)
        return {name: self._best}

    def _learn(self, train: Points) -> None:
        from scipy.spatial import cKDTree

        self._tree, self._labels = cKDTree(unit_vectors(train.lonlat)), train.labels

    @override
    def values(self, lonlat: Lonlat) -> Values:
        values = np.empty((len(lonlat), self.classes or 1))
        for part in self._parts(len(lonlat)):
            values[part] = self._combine(*self._nearest(lonlat[part]), self._best)
        return values

    def _predictions(self, lonlat: Lonlat, candidates: Sequence[int]) -> NDArray[np.float64]:
        """Predicted target, or most probable class, with each candidate, `(candidates, m)`."""
        predictions = np.empty((len(candidates), len(lonlat)))
        for part in self._parts(len(lonlat)):
            nearest = self._nearest(lonlat[part])
            for row, candidate in enumerate(candidates):
                values = self._combine(*nearest, candidate)
                answer = values[:, 0] if self.classes is None else values.argmax(axis=1)
                predictions[row, part] = answer
        return predictions

    def _parts(self, rows: int) -> Iterator[slice]:
        """Ranges of rows whose neighbours and shares of classes take a few tens of megabytes."""
        size = max(1, PART_NUMBERS // max(self.classes or 1, self._max_neighbors))
        return (slice(start, start + size) for start in range(0, rows, size))

    def _nearest(self, lonlat: Lonlat) -> tuple[Target, NDArray[np.float64]]:
        ranks = range(1, min(self._max_neighbors, self._tree.n) + 1)
        chord, index = self._tree.query(unit_vectors(lonlat), k=ranks)
        return self._labels[index], chord_to_km(np.asarray(chord))

    def _average(self, labels: Target, weight: NDArray[np.float64]) -> Values:
        weight /= weight.sum(axis=1, keepdims=True)
        if self.classes is None:
            mean: Values = np.sum(weight * labels, axis=1, keepdims=True)
            return mean
        shares = np.zeros((len(labels), self.classes))
        rows = np.repeat(np.arange(len(labels)), labels.shape[1])
        np.add.at(shares, (rows, labels.ravel().astype(np.int64)), weight.ravel())
        return shares

    def _loss(self, predictions: NDArray[np.float64], labels: Target) -> float:
        if self.classes is None:
            return float(np.sum((predictions - labels) ** 2))
        return float(np.sum(predictions != labels))


class Nearest(_Neighbours):
    """Unweighted mean, or vote, of the k nearest training points; k is searched."""

    @override
    def _combine(self, labels: Target, km: NDArray[np.float64], candidate: int) -> Values:
        return self._average(labels[:, :candidate], np.ones_like(km[:, :candidate]))


class InverseDistance(_Neighbours):
    """Mean, or vote, of a fixed number of neighbours, weighted by distance; the power is searched.

    Training points nearer than `MIN_DISTANCE_KM` count as if they were at that distance.
    """

    @override
    def _combine(self, labels: Target, km: NDArray[np.float64], candidate: int) -> Values:
        # A training point at the same place must decide without a division by zero.
        return self._average(labels, np.maximum(km, MIN_DISTANCE_KM) ** -candidate)


MEAN = Baseline(
    BaselineCard(
        name="baseline.mean",
        title="Mean / majority",
        description="The mean of the training set, or its class shares, at every point: the score "
        "of a prediction that does not depend on the place.",
    ),
    Mean,
)

KNN = Baseline(
    BaselineCard(
        name="baseline.knn",
        title="k-NN on the sphere",
        description="Mean, or vote, of the k nearest training points by great-circle distance; "
        "k is chosen on the validation set or the inner folds.",
        search={"n_neighbors": (1, 3, 5, 10, 20)},
        version=2,
    ),
    Nearest,
)

IDW = Baseline(
    BaselineCard(
        name="baseline.idw",
        title="IDW on the sphere",
        description="Inverse-distance weighting: mean, or vote, of the k nearest training "
        "points, weighted by great-circle distance to the power -p; p is chosen on the "
        "validation set or the inner folds.",
        citation="Shepard 1968, A two-dimensional interpolation function for "
        "irregularly-spaced data, ACM National Conference",
        settings={"n_neighbors": N_NEIGHBORS, "min_distance_km": MIN_DISTANCE_KM},
        search={"power": (1, 2, 3, 4)},
        version=2,
    ),
    InverseDistance,
)
