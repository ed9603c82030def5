"""The estimator that is fitted for every baseline."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from satclip_bench.benchmarks.baselines.base import (
    UNSEEN,
    Baseline,
    Choice,
    HeldOut,
    Inner,
    Points,
    Target,
)
from satclip_bench.tasks.base import TaskType

ROUNDING = 1e-9
"""Share of the target's range by which a prediction can leave it without counting as clipped."""


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
        self.converged_ = True
        """Every baseline is fitted in closed form."""
        self.fit_info_: dict[str, JsonValue] = {}

    def fit(
        self,
        X: NDArray[np.float64],
        y: Target,
        validation: tuple[NDArray[np.float64], Target] | None = None,
        inner: Inner | None = None,
    ) -> Self:
        """Choose parameters on the validation set or the inner folds, and learn from `X` and `y`.

        Args:
            X: `(n, 2)` degrees, longitude first.
            y: `(n,)` targets or class labels.
            validation: points `(m, 2)` and targets `(m,)` of the validation set.
            inner: `(training, validation)` positions in `X` of each inner fold. The parameters with
                the lowest loss, summed over all inner validation rows, are chosen.

        Raises:
            ValueError: both `validation` and `inner` are given, or neither.
        """
        if (validation is None) == (inner is None):
            raise ValueError("fit needs either validation or inner, and not both")
        if self.task_type == "regression":
            labels, classes = y, None
            self.target_range_ = (float(y.min()), float(y.max()))
        else:
            self.classes_ = np.unique(y)
            labels, classes = self._codes(y), len(self.classes_)
        of_validation = None
        if validation is not None:
            lonlat, held = validation
            of_validation = Points(lonlat, held if classes is None else self._codes(held))
        self._method = self.method(self.card, classes)
        self.best_params_ = self._method.fit(Points(X, labels), HeldOut(of_validation, inner or ()))
        self.fit_info_ = self._method.info
        return self

    def predict(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predicted targets of a regression, `(m,)`, clipped to the range of those trained on."""
        return self._method.values(X)[:, 0].clip(*self.target_range_)

    def clipped(self, X: NDArray[np.float64]) -> int:
        """Number of points `(m, 2)` whose prediction is outside the range of the training targets.

        Differences of rounding do not count.
        """
        low, high = self.target_range_
        slack = ROUNDING * max(high - low, abs(low), abs(high))
        values = self._method.values(X)[:, 0]
        return int(((values < low - slack) | (values > high + slack)).sum())

    def predict_std(self, X: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Standard deviations of the observations at points, `(m,)`, in the target's unit.

        None if the method predicts no distribution. The distribution is normal, around `predict`.
        """
        return self._method.std(X)

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Class shares, `(m, len(classes_))`, in the order of `classes_`."""
        return self._method.values(X)

    def _codes(self, labels: Target) -> NDArray[np.int64]:
        place = np.searchsorted(self.classes_, labels).clip(max=len(self.classes_) - 1)
        return np.where(self.classes_[place] == labels, place, UNSEEN).astype(np.int64)
