"""The estimator that the runner fits for every baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.baselines.base import (
    UNSEEN,
    BaselineCard,
    Choice,
    Method,
    Part,
    Target,
)
from satclip_bench.benchmarks.baselines.kriging import GP, Kriging
from satclip_bench.benchmarks.baselines.neighbours import (
    IDW,
    KNN,
    MEAN,
    InverseDistance,
    Mean,
    Nearest,
)
from satclip_bench.core.errors import UnknownNameError
from satclip_bench.tasks.base import TaskType

PREFIX = "baseline."

_METHODS: Mapping[str, tuple[BaselineCard, type[Method]]] = {
    card.name: (card, method)
    for card, method in (
        (MEAN, Mean),
        (KNN, Nearest),
        (IDW, InverseDistance),
        (GP, Kriging),
    )
}

CARDS: Mapping[str, BaselineCard] = {name: card for name, (card, _) in _METHODS.items()}


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
        task_type: what is predicted.
    """

    def __init__(self, name: str, task_type: TaskType) -> None:
        self.card = baseline_card(name)
        self.task_type = task_type
        self.best_params_: Choice = {}

    def fit(
        self,
        X: NDArray[np.float64],
        y: Target,
        validation: tuple[NDArray[np.float64], Target],
    ) -> Self:
        """Learn from the training points, and choose on the validation part.

        Args:
            X: `(n, 2)` degrees, longitude first.
            y: `(n,)` targets or class indices.
            validation: `(m, 2)` and `(m,)` of the same.
        """
        method = _METHODS[self.card.name][1]
        if self.task_type == "regression":
            self._method = method(self.card, None)
            train, held = Part(X, y), Part(*validation)
        else:
            self.classes_ = np.unique(y)
            self._method = method(self.card, len(self.classes_))
            train, held = Part(X, self._codes(y)), Part(validation[0], self._codes(validation[1]))
        self.best_params_ = self._method.fit(train, held)
        return self

    def predict(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predicted targets, `(n,)`; for a regression only."""
        return self._method.values(X)[:, 0]

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Class shares, `(n, len(classes_))`, in the order of `classes_`."""
        return self._method.values(X)

    def _codes(self, labels: Target) -> NDArray[np.int64]:
        place = np.searchsorted(self.classes_, labels).clip(max=len(self.classes_) - 1)
        return np.where(self.classes_[place] == labels, place, UNSEEN).astype(np.int64)
