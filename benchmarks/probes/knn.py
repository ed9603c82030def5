"""The k-nearest-neighbours probe."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue
from sklearn.neighbors import NearestNeighbors

from satclip_bench.benchmarks.probes.base import Probe, ProbeCard, Settings
from satclip_bench.benchmarks.probes.estimators import (
    Codes,
    Float64,
    Floats,
    Part,
    ProbeClassifier,
    ProbeRegressor,
)


class NeighbourSettings(Settings):
    """Fixed hyper-parameters; `default_n_neighbors` is used where there is no validation row."""

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
        "Inverse-distance weighted neighbours by Euclidean distance in the embedding as it is: "
        "this probe asks what the encoder's own geometry knows, and standardising would give its "
        "nearly dead columns the weight of its best ones. On unit-sphere coordinates it is the "
        "nearest-neighbour baseline by chord length. Neighbours at distance 0 count alone. k is "
        "chosen on the validation part, by MSE or by accuracy (a log loss is infinite where no "
        "neighbour has the label); labels unseen in training count as wrong; the smaller k of "
        "equals. Nothing is refitted on training and validation together."
    ),
    settings=SETTINGS.model_dump(mode="json"),
    search={"n_neighbors": NEIGHBOURS},
    bounds=(
        "One query serves every k: a tree in few dimensions, else brute force in blocks, without "
        "ever holding all distances. Only k's that the training part has rows for are tried."
    ),
)

Rows = NDArray[np.int64]


class NeighbourRegressor(ProbeRegressor):
    """Inverse-distance weighted mean of the neighbours' targets, k chosen on validation."""

    index_: Any
    targets_: Float64

    def _fit_parts(self, train: Part, validation: Part | None, seed: int) -> dict[str, JsonValue]:
        self.targets_ = train.y
        candidates = _candidates(len(train.y), validation)
        self.index_ = _index(train, max(candidates))
        if validation is None or len(candidates) == 1:
            return {"n_neighbors": candidates[0]}
        distances, rows = self.index_.kneighbors(validation.X)
        losses = [
            np.square(_mean(distances[:, :k], self.targets_[rows[:, :k]]) - validation.y).mean()
            for k in candidates
        ]
        return {"n_neighbors": candidates[int(np.argmin(losses))]}

    def _predict(self, X: Floats) -> Float64:
        distances, rows = self.index_.kneighbors(X, n_neighbors=self.best_params_["n_neighbors"])
        return _mean(distances, self.targets_[rows])


class NeighbourClassifier(ProbeClassifier):
    """Inverse-distance weighted vote of the neighbours, k chosen on validation."""

    index_: Any
    codes_: Codes

    def _fit_parts(self, train: Part, validation: Part | None, seed: int) -> dict[str, JsonValue]:
        self.codes_ = train.y
        candidates = _candidates(len(train.y), validation)
        self.index_ = _index(train, max(candidates))
        if validation is None or len(candidates) == 1:
            return {"n_neighbors": candidates[0]}
        distances, rows = self.index_.kneighbors(validation.X)
        right = [
            (self._vote(distances[:, :k], rows[:, :k]).argmax(axis=1) == validation.y).mean()
            for k in candidates
        ]
        return {"n_neighbors": candidates[int(np.argmax(right))]}

    def _predict_proba(self, X: Floats) -> Float64:
        distances, rows = self.index_.kneighbors(X, n_neighbors=self.best_params_["n_neighbors"])
        return self._vote(distances, rows)

    def _vote(self, distances: Floats, rows: Rows) -> Float64:
        shape = len(rows), len(self.classes_)
        cells = np.arange(shape[0])[:, None] * shape[1] + self.codes_[rows]
        votes = np.bincount(cells.ravel(), inverse_distance(distances).ravel(), shape[0] * shape[1])
        votes = votes.reshape(shape)
        return np.asarray(votes / votes.sum(axis=1, keepdims=True))


def inverse_distance(distances: Floats) -> Float64:
    """Weights 1 / distance, `(m, k)`; where a row has distances of 0, 1 for these and 0 else."""
    with np.errstate(divide="ignore"):
        weights = 1.0 / distances.astype(np.float64)
    endless = np.isinf(weights)
    here = endless.any(axis=1)
    weights[here] = endless[here]
    return weights


def _mean(distances: Floats, targets: Float64) -> Float64:
    weights = inverse_distance(distances)
    return np.asarray((targets * weights).sum(axis=1) / weights.sum(axis=1))


def _index(train: Part, most: int) -> Any:
    return NearestNeighbors(n_neighbors=most, metric=SETTINGS.metric).fit(train.X)


def _candidates(rows: int, validation: Part | None) -> tuple[int, ...]:
    if validation is None:
        return (min(SETTINGS.default_n_neighbors, rows),)
    return tuple(k for k in NEIGHBOURS if k <= rows)


PROBE = Probe(CARD, NeighbourRegressor, NeighbourClassifier)
