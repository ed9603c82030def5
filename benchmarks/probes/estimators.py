"""Base classes of the probes' estimators: input checks, validation sets, scaling, constant targets.

A subclass implements `_fit_sets`, and `_predict` or `_predict_proba`. It gets checked input, coded
labels, a target that varies, and a validation set wherever there are enough rows for one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from satclip_bench.benchmarks.probes.base import VALIDATION_FRACTION, Validation
from satclip_bench.benchmarks.probes.data import UNSEEN, Codes, Dataset, Float64, Floats, Params


class _Base(BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn ships no types
    """What regressors and classifiers share.

    After the choice of parameters, nothing is refitted on the training and validation set together:
    the validation set never changes a coefficient, so that probes with early stopping and probes
    with a search are treated alike.
    """

    best_params_: Params
    n_features_in_: int

    def __init__(
        self, random_state: Any = None, validation_fraction: float = VALIDATION_FRACTION
    ) -> None:
        self.random_state = random_state
        self.validation_fraction = validation_fraction

    @abstractmethod
    def _fit_sets(self, train: Dataset, validation: Dataset | None, seed: int) -> Params:
        """Learn from the training set, choose on the validation set, return `best_params_`."""

    def _check(self, X: ArrayLike, *y: ArrayLike, reset: bool = False, **options: Any) -> Any:
        dtypes = [np.float32, np.float64]
        return validate_data(self, X, *y, reset=reset, dtype=dtypes, **options)

    def _check_validation(self, validation: Validation, **options: Any) -> tuple[Floats, Any]:
        if not isinstance(validation, tuple) or len(validation) != 2:
            raise ValueError(
                "validation must be None or a tuple (X, y) of the validation set's embeddings "
                f"and targets, not {type(validation).__name__}"
            )
        checked: tuple[Floats, Any] = self._check(*validation, **options)
        return checked

    def _draw_seed(self) -> tuple[int, np.random.RandomState]:
        # The seed is drawn first, so that it does not depend on whether rows are then held out.
        random = check_random_state(self.random_state)
        return int(random.randint(np.iinfo(np.int32).max)), random

    def _held_out_rows(self, rows: int) -> int:
        if not 0 < self.validation_fraction < 1:
            raise ValueError(
                f"validation_fraction must be between 0 and 1, not {self.validation_fraction}"
            )
        return int(rows * self.validation_fraction)


class ProbeRegressor(RegressorMixin, _Base, ABC):  # type: ignore[misc]
    """Base class of probes that predict a number. Subclasses give `_fit_sets` and `_predict`.

    Args:
        random_state: seed, generator or None, as in scikit-learn.
        validation_fraction: fraction of the rows held out if `fit` gets no validation set.
    """

    constant_: float | None
    """The training target if it does not vary; it is then predicted everywhere."""

    def fit(self, X: ArrayLike, y: ArrayLike, validation: Validation | None = None) -> Self:
        """Fit on the training set; early stopping and searches use the validation set.

        Args:
            X: `(n, D)` embeddings; float32 stays float32 where the probe's accuracy allows it.
            y: `(n,)` numbers.
            validation: `(X, y)` of the validation set. If None, a fraction of the rows is held
                out; if there are too few rows for that, the card's defaults are used.

        Raises:
            ValueError: the shapes do not fit, values are NaN or infinite, or there are no rows.
        """
        X_checked, y_checked = self._check(X, y, reset=True, y_numeric=True)
        seed, random = self._draw_seed()
        train, held_out = Dataset(X_checked, np.asarray(y_checked, dtype=np.float64)), None
        if validation is not None:
            X_held_out, y_held_out = self._check_validation(validation, y_numeric=True)
            held_out = Dataset(X_held_out, np.asarray(y_held_out, dtype=np.float64))
        elif size := self._held_out_rows(len(train.y)):
            order = random.permutation(len(train.y))
            kept, left_out = np.sort(order[size:]), np.sort(order[:size])
            train, held_out = _take(train, kept), _take(train, left_out)
        constant = bool(train.y.min() == train.y.max())
        self.constant_ = float(train.y[0]) if constant else None
        self.best_params_ = {} if constant else self._fit_sets(train, held_out, seed)
        return self

    def predict(self, X: ArrayLike) -> Float64:
        """Predict `(m,)` float64 targets of `(m, D)` embeddings.

        Raises:
            NotFittedError: `fit` has not been called.
            ValueError: the shape does not fit, or values are NaN or infinite.
        """
        check_is_fitted(self)
        checked: Floats = self._check(X)
        if self.constant_ is not None:
            return np.full(len(checked), self.constant_)
        return self._predict(checked)

    @abstractmethod
    def _predict(self, X: Floats) -> Float64:
        """Predict `(m,)` targets of `(m, D)` checked embeddings."""


class ProbeClassifier(ClassifierMixin, _Base, ABC):  # type: ignore[misc]
    """Base class of probes that predict a class. Subclasses give `_fit_sets`, `_predict_proba`.

    Validation labels that the training set does not have cannot be predicted. Probes that choose
    by log loss leave them out, and probes that choose by accuracy count them as wrong; each card
    says which.

    Args:
        random_state: seed, generator or None, as in scikit-learn.
        validation_fraction: fraction of the rows held out if `fit` gets no validation set. At
            least one row of each class stays in the training set.
    """

    classes_: NDArray[Any]

    def fit(self, X: ArrayLike, y: ArrayLike, validation: Validation | None = None) -> Self:
        """Fit on the training set; early stopping and searches use the validation set.

        Args:
            X: `(n, D)` embeddings; float32 stays float32 where the probe's accuracy allows it.
            y: `(n,)` labels, integers or strings. If all are equal, that label is predicted.
            validation: `(X, y)` of the validation set. If None, a fraction of the rows is held
                out; if there are too few rows for that, the card's defaults are used.

        Raises:
            ValueError: the shapes do not fit, values are NaN or infinite, there are no rows, or
                the targets are not classes.
        """
        X_checked, y_checked = self._check(X, y, reset=True)
        check_classification_targets(y_checked)
        seed, random = self._draw_seed()
        self.classes_, codes = np.unique(y_checked, return_inverse=True)
        train, held_out = Dataset(X_checked, codes.astype(np.int64)), None
        if validation is not None:
            X_held_out, y_held_out = self._check_validation(validation)
            held_out = Dataset(X_held_out, self._codes(y_held_out))
        elif size := self._held_out_rows(len(codes)):
            order = random.permutation(len(codes))
            spare = np.ones(len(codes), dtype=bool)
            spare[np.unique(codes[order], return_index=True)[1]] = False
            left_out = order[spare][:size]
            if len(left_out):
                train, held_out = (
                    _take(train, np.setdiff1d(np.arange(len(codes)), left_out)),
                    _take(train, np.sort(left_out)),
                )
        one_class = len(self.classes_) == 1
        self.best_params_ = {} if one_class else self._fit_sets(train, held_out, seed)
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict `(m,)` labels of `(m, D)` embeddings; of equally probable classes, the first.

        Raises:
            NotFittedError: `fit` has not been called.
            ValueError: the shape does not fit, or values are NaN or infinite.
        """
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])

    def predict_proba(self, X: ArrayLike) -> Float64:
        """Class probabilities `(m, K)` float64; rows sum to 1, columns are those of `classes_`.

        Raises:
            NotFittedError: `fit` has not been called.
            ValueError: the shape does not fit, or values are NaN or infinite.
        """
        check_is_fitted(self)
        checked: Floats = self._check(X)
        if len(self.classes_) == 1:
            return np.ones((len(checked), 1))
        return self._predict_proba(checked)

    @abstractmethod
    def _predict_proba(self, X: Floats) -> Float64:
        """Class probabilities `(m, K)` of `(m, D)` checked embeddings."""

    def _codes(self, labels: NDArray[Any]) -> Codes:
        place = np.searchsorted(self.classes_, labels).clip(max=len(self.classes_) - 1)
        return np.where(self.classes_[place] == labels, place, UNSEEN).astype(np.int64)


def fit_scaler(X: Floats) -> Any:
    """Fit a StandardScaler on the rows of `X`, `(n, D)`, that maps constant columns to zero.

    Columns that vary by no more than the rounding of their own dtype count as constant;
    scikit-learn measures that in float64 and would scale float32 rounding to unit variance.

    Examples:
        >>> X = np.array([[1.0, 1e6], [3.0, 1e6]], dtype=np.float32)
        >>> fit_scaler(X).transform(X)
        array([[-1.,  0.],
               [ 1.,  0.]], dtype=float32)
    """
    scaler = StandardScaler().fit(X)
    rounding = 4 * np.finfo(X.dtype).eps * np.abs(scaler.mean_)
    scaler.scale_[np.sqrt(scaler.var_) <= rounding] = 1.0
    return scaler


def rows_of_seen_classes(validation: Dataset | None) -> Dataset | None:
    """Validation rows whose label occurs in the training set; None if there are none."""
    if validation is None or not (validation.y != UNSEEN).any():
        return None
    return _take(validation, np.flatnonzero(validation.y != UNSEEN))


def log_loss(probabilities: Floats, codes: Codes) -> float:
    """Mean negative log probability of the true class, with the dtype's epsilon as the minimum.

    scikit-learn's `log_loss` needs all labels and one column for each of them; here, codes are
    column numbers.

    Examples:
        >>> round(log_loss(np.array([[0.5, 0.5], [0.0, 1.0]]), np.array([0, 1])), 3)
        0.347
    """
    true = probabilities[np.arange(len(codes)), codes].astype(np.float64)
    return float(-np.log(np.maximum(true, np.finfo(probabilities.dtype).eps)).mean())


def _take(dataset: Dataset, rows: NDArray[np.int64]) -> Dataset:
    return Dataset(dataset.X[rows], dataset.y[rows])
