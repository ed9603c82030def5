"""Baselines of the training points nearby, and of none in particular."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.benchmarks.baselines.base import (
    BaselineCard,
    Choice,
    Lonlat,
    Method,
    Part,
    Target,
    Values,
    spread,
)
from satclip_bench.core.sphere import chord_to_km, unit_vectors

MEAN = BaselineCard(
    name="baseline.mean",
    title="Mean / majority",
    description="The training part's mean, or its class shares: what knowing nothing of "
    "the place scores.",
)

K = 20
FLOOR_KM = 0.001

KNN = BaselineCard(
    name="baseline.knn",
    title="k-NN on the sphere",
    description="Mean, or vote, of the k nearest training points by great-circle distance; "
    "k is chosen on the validation part.",
    search={"n_neighbors": (1, 3, 5, 10, 20)},
)

IDW = BaselineCard(
    name="baseline.idw",
    title="IDW on the sphere",
    description="Inverse-distance weighting: mean, or vote, of the k nearest training "
    "points, weighted by great-circle distance to the power -p; p is chosen on the "
    "validation part.",
    citation="Shepard 1968, A two-dimensional interpolation function for "
    "irregularly-spaced data, ACM National Conference",
    settings={"n_neighbors": K, "min_distance_km": FLOOR_KM},
    search={"power": (1, 2, 3, 4)},
)


class Mean(Method):
    """The same everywhere."""

    @override
    def fit(self, train: Part, validation: Part) -> Choice:
        self._mean = spread(train.labels[None, :], self.classes).mean(axis=1)
        return {}

    @override
    def values(self, lonlat: Lonlat) -> Values:
        return np.repeat(self._mean, len(lonlat), axis=0)


class _Neighbours(Method):
    """Weighted mean, or vote, of the nearest training points."""

    _tree: Any
    _labels: Target
    _most: int
    _chosen: int

    @abstractmethod
    def _blend(self, labels: Target, km: NDArray[np.float64], candidate: int) -> Values:
        """Values of points whose `(m, k)` neighbours have these labels and distances."""

    @override
    def fit(self, train: Part, validation: Part) -> Choice:
        from scipy.spatial import cKDTree

        self._tree, self._labels = cKDTree(unit_vectors(train.lonlat)), train.labels
        name, candidates = next(iter(self.card.search.items()))
        self._most = max(int(c) for c in candidates) if name == "n_neighbors" else K
        near = self._nearest(validation.lonlat)
        losses = [self._loss(self._blend(*near, int(c)), validation.labels) for c in candidates]
        self._chosen = int(candidates[int(np.argmin(losses))])
        return {name: self._chosen}

    @override
    def values(self, lonlat: Lonlat) -> Values:
        return self._blend(*self._nearest(lonlat), self._chosen)

    def _nearest(self, lonlat: Lonlat) -> tuple[Target, NDArray[np.float64]]:
        ranks = range(1, min(self._most, self._tree.n) + 1)
        chord, index = self._tree.query(unit_vectors(lonlat), k=ranks)
        return self._labels[index], chord_to_km(np.asarray(chord))

    def _mix(self, labels: Target, weight: NDArray[np.float64]) -> Values:
        weight /= weight.sum(axis=1, keepdims=True)
        if self.classes is None:
            blended: Values = np.sum(weight * labels, axis=1, keepdims=True)
            return blended
        shares = np.zeros((len(labels), self.classes))
        rows = np.repeat(np.arange(len(labels)), labels.shape[1])
        np.add.at(shares, (rows, labels.ravel().astype(np.int64)), weight.ravel())
        return shares

    def _loss(self, values: Values, labels: Target) -> float:
        if self.classes is None:
            return float(np.mean((values[:, 0] - labels) ** 2))
        return float(np.mean(values.argmax(axis=1) != labels))


class Nearest(_Neighbours):
    """The k nearest count alike; k is the candidate."""

    @override
    def _blend(self, labels: Target, km: NDArray[np.float64], candidate: int) -> Values:
        return self._mix(labels[:, :candidate], np.ones_like(km[:, :candidate]))


class InverseDistance(_Neighbours):
    """A fixed number of neighbours counts by distance; its power is the candidate."""

    @override
    def _blend(self, labels: Target, km: NDArray[np.float64], candidate: int) -> Values:
        # A training point right here must decide, yet not divide by zero.
        return self._mix(labels, np.maximum(km, FLOOR_KM) ** -candidate)
