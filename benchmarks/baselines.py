"""Baselines that need no encoder: what a score is worth depends on how far it is above these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from core.errors import UnknownNameError
from core.sphere import chord_to_km, unit_vectors

Target = NDArray[np.float64] | NDArray[np.int64]
Part = tuple[NDArray[np.float64], Target]

PREFIX = "baseline."


class BaselineCard(BaseModel):
    """What is known of a baseline; `settings` and `search` are part of a record's key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    description: str
    citation: str = ""
    settings: Mapping[str, str | int | float] = {}
    search: Mapping[str, tuple[int, ...]] = {}
    version: int = 1


CARDS: Mapping[str, BaselineCard] = {
    card.name: card
    for card in (
        BaselineCard(
            name="baseline.mean",
            title="Mean / majority",
            description="The training part's mean, or its class shares: what knowing nothing of "
            "the place scores.",
        ),
        BaselineCard(
            name="baseline.knn",
            title="k-NN on the sphere",
            description="Mean, or vote, of the k nearest training points by great-circle distance; "
            "k is chosen on the validation part.",
            search={"k": (1, 3, 5, 10, 20)},
        ),
        BaselineCard(
            name="baseline.idw",
            title="IDW on the sphere",
            description="Inverse-distance weighting: mean, or vote, of the k nearest training "
            "points, weighted by great-circle distance to the power -p; p is chosen on the "
            "validation part.",
            citation="Shepard 1968, A two-dimensional interpolation function for "
            "irregularly-spaced data, ACM National Conference",
            settings={"k": 20, "floor_km": 0.001},
            search={"power": (1, 2, 3, 4)},
        ),
    )
}


def list_baselines() -> tuple[str, ...]:
    """The names of all baselines."""
    return tuple(CARDS)


def baseline_card(name: str) -> BaselineCard:
    """The card of a baseline. Raises UnknownNameError."""
    if name not in CARDS:
        raise UnknownNameError(f"no baseline is called {name!r}. Known: {', '.join(CARDS)}.")
    return CARDS[name]


class SphereBaseline:
    """A baseline fitted on points, `(n, 2)` lonlat, rather than on embeddings.

    Args:
        name: of its card.
        kind: what is predicted.
    """

    def __init__(self, name: str, kind: Literal["regression", "classification"]) -> None:
        self.card = baseline_card(name)
        self.kind = kind
        self.chosen_: dict[str, int] = {}

    def fit(self, X: NDArray[np.float64], y: Target, validation: Part) -> Self:
        """Remember the training points, and choose on the validation part.

        Args:
            X: `(n, 2)` degrees, longitude first.
            y: `(n,)` targets or class indices.
            validation: `(m, 2)` and `(m,)` of the same.
        """
        from scipy.spatial import cKDTree

        # For classes the "value" of a point is its one-hot row, kept as a column number.
        self.classes_, codes = np.unique(y, return_inverse=True)
        self._y: Target = y if self.kind == "regression" else codes
        self._tree = cKDTree(unit_vectors(X))
        name, candidates = next(iter(self.card.search.items()), ("", ()))
        if candidates:
            near = self._neighbours(validation[0])
            loss = [self._loss(self._blend(*near, {name: c}), validation[1]) for c in candidates]
            self.chosen_ = {name: candidates[int(np.argmin(loss))]}
        return self

    def predict(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predicted targets, `(n,)`; for a regression only."""
        return self._values(X)[:, 0]

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Class shares, `(n, len(classes_))`, in the order of `classes_`."""
        return self._values(X)

    def _values(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        if not self.chosen_:
            return np.repeat(self._spread(self._y[None, :]).mean(axis=1), len(X), axis=0)
        return self._blend(*self._neighbours(X), self.chosen_)

    def _spread(self, labels: Target) -> NDArray[np.float64]:
        """Labels `(n, k)` as values `(n, k, C)`: themselves, or one-hot."""
        if self.kind == "regression":
            return labels[..., None].astype(np.float64)
        return np.eye(len(self.classes_))[labels.astype(np.int64)]

    def _neighbours(self, X: NDArray[np.float64]) -> tuple[Target, NDArray[np.float64]]:
        most = max((*self.card.search.get("k", ()), int(self.card.settings.get("k", 1))))
        chord, index = self._tree.query(unit_vectors(X), k=range(1, min(most, self._tree.n) + 1))
        return self._y[index], chord_to_km(np.asarray(chord))

    def _blend(
        self, labels: Target, km: NDArray[np.float64], chosen: Mapping[str, int]
    ) -> NDArray[np.float64]:
        nearest, power = chosen.get("k"), chosen.get("power")
        labels, km = labels[:, :nearest], km[:, :nearest]
        # A training point right here must decide, yet not divide by zero.
        weight = (
            np.ones_like(km)
            if power is None
            else np.maximum(km, float(self.card.settings["floor_km"])) ** -power
        )
        weight /= weight.sum(axis=1, keepdims=True)
        if self.kind == "regression":
            blended: NDArray[np.float64] = np.sum(weight * labels, axis=1, keepdims=True)
            return blended
        shares = np.zeros((len(labels), len(self.classes_)))
        rows = np.repeat(np.arange(len(labels)), labels.shape[1])
        np.add.at(shares, (rows, labels.ravel().astype(np.int64)), weight.ravel())
        return shares

    def _loss(self, values: NDArray[np.float64], target: Target) -> float:
        if self.kind == "regression":
            return float(np.mean((values[:, 0] - target) ** 2))
        return float(np.mean(self.classes_[values.argmax(axis=1)] != target))
