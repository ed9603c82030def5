"""The estimator that is fitted for every baseline."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from satclip_bench.benchmarks.baselines.base import (
    Baseline,
    Choice,
    Distribution,
    HeldOut,
    Inner,
    Points,
    Target,
)
from satclip_bench.benchmarks.targets import class_codes, clip_to, range_of
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
            self.target_range_ = range_of(y)
        else:
            self.classes_ = np.unique(y)
            labels, classes = class_codes(y, self.classes_), len(self.classes_)
        of_validation = None
        if validation is not None:
            lonlat, held = validation
            if classes is not None:
                held = class_codes(held, self.classes_)
            of_validation = Points(lonlat, held)
        self._method = self.method(self.card, classes)
        self.best_params_ = self._method.fit(Points(X, labels), HeldOut(of_validation, inner or ()))
        self.fit_info_ = self._method.info
        return self

    def predict(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predicted targets of a regression, `(m,)`, clipped to the range of those trained on."""
        return clip_to(self.unclipped(X), self.target_range_)

    def unclipped(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predicted targets of a regression, `(m,)`, before they are clipped."""
        return self._method.values(X)[:, 0]

    def distribution(self, X: NDArray[np.float64]) -> Distribution:
        """The predictions of `unclipped` and the standard deviations of observations at the points.

        Both are in the target's unit. The standard deviations, `(m,)`, are None if the method
        predicts no distribution. The distribution is normal, around `predict`.

        Raises:
            ValueError: the target is a class. One covariance for the indicators of all classes says
                nothing about a single class.
        """
        if self.task_type != "regression":
            raise ValueError("only a regression has a normal predictive distribution")
        return self._method.distribution(X)

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Class shares, `(m, len(classes_))`, in the order of `classes_`."""
        return self._method.values(X)
