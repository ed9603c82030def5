"""The estimator that is fitted for every baseline."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.baselines.base import UNSEEN, Baseline, Choice, Points, Target
from satclip_bench.tasks.base import TaskType


class SphereBaseline:
    """An estimator whose features are points, `(n, 2)` lonlat, rather than embeddings.

    Args:
        baseline: card and method.
        task_type: whether the target is a number or a class.

    Examples:
        >>> from satclip_bench.benchmarks.baselines import get_baseline
        >>> lonlat = np.array([[0.0, 0.0], [10.0, 0.0], [20.0, 0.0]])
        >>> y = np.array([3, 7, 7])
        >>> knn = SphereBaseline(get_baseline("baseline.knn"), "classification")
        >>> knn.fit(lonlat, y, (lonlat, y)).predict_proba(np.array([[9.0, 0.0]]))
        array([[0., 1.]])
        >>> knn.best_params_
        {'n_neighbors': 1}
    """

    def __init__(self, baseline: Baseline, task_type: TaskType) -> None:
        self.card = baseline.card
        self.method = baseline.method
        self.task_type = task_type
        self.best_params_: Choice = {}

    def fit(
        self,
        X: NDArray[np.float64],
        y: Target,
        validation: tuple[NDArray[np.float64], Target],
    ) -> Self:
        """Learn from the training set, and choose parameters on the validation set.

        Args:
            X: `(n, 2)` degrees, longitude first.
            y: `(n,)` targets or class labels.
            validation: points `(m, 2)` and targets `(m,)` of the validation set.
        """
        if self.task_type == "regression":
            self._method = self.method(self.card, None)
            train, held_out = Points(X, y), Points(*validation)
        else:
            self.classes_ = np.unique(y)
            self._method = self.method(self.card, len(self.classes_))
            train = Points(X, self._codes(y))
            held_out = Points(validation[0], self._codes(validation[1]))
        self.best_params_ = self._method.fit(train, held_out)
        return self

    def predict(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predicted targets, `(m,)`, of a regression."""
        return self._method.values(X)[:, 0]

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Class shares, `(m, len(classes_))`, in the order of `classes_`."""
        return self._method.values(X)

    def _codes(self, labels: Target) -> NDArray[np.int64]:
        place = np.searchsorted(self.classes_, labels).clip(max=len(self.classes_) - 1)
        return np.where(self.classes_[place] == labels, place, UNSEEN).astype(np.int64)
