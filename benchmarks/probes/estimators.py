"""What all probes' estimators share: checks, the validation part, scaling, degenerate targets.

A subclass writes `_fit_parts` and `_predict` or `_predict_proba` and need not think of bad input,
of labels, of a target that does not vary, or of where its validation part comes from.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import JsonValue
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from satclip_bench.benchmarks.probes.base import VALIDATION_FRACTION, Validation

Floats = NDArray[np.floating[Any]]
Float64 = NDArray[np.float64]
Codes = NDArray[np.int64]

UNSEEN = -1
"""Code of a validation label that the training part does not hold."""


class Part(NamedTuple):
    """Rows to train or to validate on."""

    X: Floats
    """`(n, D)` float32 or float64, as it was given."""
    y: NDArray[Any]
    """`(n,)` float64, or codes of classes: positions in `classes_`, `UNSEEN` in validation."""


class _Base(BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn ships no types
    """Where the two kinds of probes agree.

    Nothing is refitted on the training and validation part together after the choice: the
    validation part never changes a coefficient, so early-stopped and searched probes are alike.
    """

    best_params_: dict[str, JsonValue]
    n_features_in_: int

    def __init__(
        self, random_state: Any = None, validation_fraction: float = VALIDATION_FRACTION
    ) -> None:
        self.random_state = random_state
        self.validation_fraction = validation_fraction

    @abstractmethod
    def _fit_parts(self, train: Part, validation: Part | None, seed: int) -> dict[str, JsonValue]:
        """Learn from `train`, choose on `validation`; returns what is to be `best_params_`."""

    def _check(self, X: ArrayLike, *y: ArrayLike, reset: bool = False, **options: Any) -> Any:
        dtypes = [np.float32, np.float64]
        return validate_data(self, X, *y, reset=reset, dtype=dtypes, **options)

    def _check_validation(self, validation: Validation, **options: Any) -> tuple[Floats, Any]:
        if not isinstance(validation, tuple) or len(validation) != 2:
            raise ValueError(
                "validation must be None or a tuple (X, y) of the validation part's embeddings "
                f"and targets, not {type(validation).__name__}"
            )
        checked: tuple[Floats, Any] = self._check(*validation, **options)
        return checked

    def _draw(self) -> tuple[int, np.random.RandomState]:
        # The seed comes first, so that it does not depend on whether rows are then set aside.
        random = check_random_state(self.random_state)
        return int(random.randint(np.iinfo(np.int32).max)), random

    def _rows_aside(self, rows: int) -> int:
        if not 0 < self.validation_fraction < 1:
            raise ValueError(
                f"validation_fraction must lie between 0 and 1, not {self.validation_fraction}"
            )
        return int(rows * self.validation_fraction)


class ProbeRegressor(RegressorMixin, _Base, ABC):  # type: ignore[misc]
    """A probe for one number a row. Subclasses give `_fit_parts` and `_predict`.

    Args:
        random_state: seed, generator or None, as everywhere in scikit-learn.
        validation_fraction: share of the rows set aside where `fit` gets no validation part.
    """

    constant_: float | None
    """The training target, where it does not vary; then it is predicted everywhere."""

    def fit(self, X: ArrayLike, y: ArrayLike, validation: Validation | None = None) -> Self:
        """Fit on the training part; early stopping and the choice see the validation part.

        Args:
            X: `(n, D)` embeddings; float32 stays float32 where the probe can afford it.
            y: `(n,)` numbers.
            validation: `(X, y)` of the validation part. If None, a share of the rows is set aside;
                from fewer rows than that needs, a default stated on the card stands in.

        Raises:
            ValueError: wrong shapes, NaN or infinite values, no rows.
        """
        X_checked, y_checked = self._check(X, y, reset=True, y_numeric=True)
        seed, random = self._draw()
        train, held = Part(X_checked, np.asarray(y_checked, dtype=np.float64)), None
        if validation is not None:
            X_held, y_held = self._check_validation(validation, y_numeric=True)
            held = Part(X_held, np.asarray(y_held, dtype=np.float64))
        elif aside := self._rows_aside(len(train.y)):
            order = random.permutation(len(train.y))
            kept, left = np.sort(order[aside:]), np.sort(order[:aside])
            train, held = _take(train, kept), _take(train, left)
        constant = bool(train.y.min() == train.y.max())
        self.constant_ = float(train.y[0]) if constant else None
        self.best_params_ = {} if constant else self._fit_parts(train, held, seed)
        return self

    def predict(self, X: ArrayLike) -> Float64:
        """`(m, D)` embeddings to `(m,)` float64.

        Raises:
            NotFittedError: before `fit`.
            ValueError: wrong shape, NaN or infinite values.
        """
        check_is_fitted(self)
        checked: Floats = self._check(X)
        if self.constant_ is not None:
            return np.full(len(checked), self.constant_)
        return self._predict(checked)

    @abstractmethod
    def _predict(self, X: Floats) -> Float64:
        """`(m, D)` checked embeddings to `(m,)`."""


class ProbeClassifier(ClassifierMixin, _Base, ABC):  # type: ignore[misc]
    """A probe for one class a row. Subclasses give `_fit_parts` and `_predict_proba`.

    Validation labels that training never saw cannot be predicted: they are left out where a
    log loss decides, and count as wrong where accuracy does; each card says which.

    Args:
        random_state: seed, generator or None, as everywhere in scikit-learn.
        validation_fraction: share of the rows set aside where `fit` gets no validation part; of
            each class one row at least stays in training.
    """

    classes_: NDArray[Any]

    def fit(self, X: ArrayLike, y: ArrayLike, validation: Validation | None = None) -> Self:
        """Fit on the training part; early stopping and the choice see the validation part.

        Args:
            X: `(n, D)` embeddings; float32 stays float32 where the probe can afford it.
            y: `(n,)` labels, integers or strings; one class alone is then always predicted.
            validation: `(X, y)` of the validation part. If None, a share of the rows is set aside;
                from fewer rows than that needs, a default stated on the card stands in.

        Raises:
            ValueError: wrong shapes, NaN or infinite values, no rows, targets that are no classes.
        """
        X_checked, y_checked = self._check(X, y, reset=True)
        check_classification_targets(y_checked)
        seed, random = self._draw()
        self.classes_, codes = np.unique(y_checked, return_inverse=True)
        train, held = Part(X_checked, codes.astype(np.int64)), None
        if validation is not None:
            X_held, y_held = self._check_validation(validation)
            held = Part(X_held, self._codes(y_held))
        elif aside := self._rows_aside(len(codes)):
            order = random.permutation(len(codes))
            spare = np.ones(len(codes), dtype=bool)
            spare[np.unique(codes[order], return_index=True)[1]] = False
            left = order[spare][:aside]
            if len(left):
                train, held = (
                    _take(train, np.setdiff1d(np.arange(len(codes)), left)),
                    _take(train, np.sort(left)),
                )
        self.best_params_ = {} if len(self.classes_) == 1 else self._fit_parts(train, held, seed)
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """`(m, D)` embeddings to `(m,)` labels; the first wins a tie. Raises as `predict_proba`."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])

    def predict_proba(self, X: ArrayLike) -> Float64:
        """`(m, D)` embeddings to `(m, K)` float64; rows sum to 1, columns are `classes_`.

        Raises:
            NotFittedError: before `fit`.
            ValueError: wrong shape, NaN or infinite values.
        """
        check_is_fitted(self)
        checked: Floats = self._check(X)
        if len(self.classes_) == 1:
            return np.ones((len(checked), 1))
        return self._predict_proba(checked)

    @abstractmethod
    def _predict_proba(self, X: Floats) -> Float64:
        """`(m, D)` checked embeddings to `(m, K)`."""

    def _codes(self, labels: NDArray[Any]) -> Codes:
        place = np.searchsorted(self.classes_, labels).clip(max=len(self.classes_) - 1)
        return np.where(self.classes_[place] == labels, place, UNSEEN).astype(np.int64)


def fit_scaler(X: Floats) -> Any:
    """A StandardScaler of the rows of `X`, `(n, D)`, that leaves dead columns at zero.

    Columns that vary by no more than the rounding of their own dtype count as constant;
    scikit-learn measures that in float64 and would blow float32's rounding up to unit variance.
    """
    scaler = StandardScaler().fit(X)
    rounding = 4 * np.finfo(X.dtype).eps * np.abs(scaler.mean_)
    scaler.scale_[np.sqrt(scaler.var_) <= rounding] = 1.0
    return scaler


def seen(part: Part | None) -> Part | None:
    """The rows of a classifier's validation part whose label training knows; None if none is."""
    if part is None or not (part.y != UNSEEN).any():
        return None
    return _take(part, np.flatnonzero(part.y != UNSEEN))


def log_loss(probabilities: Floats, codes: Codes) -> float:
    """Mean negative log probability of the true class, floored at the dtype's smallest step.

    scikit-learn's `log_loss` needs labels and a column for each of them; here codes are columns.
    """
    true = probabilities[np.arange(len(codes)), codes].astype(np.float64)
    return float(-np.log(np.maximum(true, np.finfo(probabilities.dtype).eps)).mean())


def softmax(logits: Floats) -> Float64:
    """Rows of `(m, K)` logits to probabilities, float64, so that they sum to 1 closely."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted


def _take(part: Part, rows: NDArray[np.int64]) -> Part:
    return Part(part.X[rows], part.y[rows])
