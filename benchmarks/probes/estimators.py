"""Base classes of the probes' estimators: input checks, validation data, clipping.

A subclass implements `_fit_folds`, and `_predict` or `_predict_proba`. It gets checked input, coded
labels, a target that varies, and a validation set wherever there are enough rows for one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils import assert_all_finite, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from satclip_bench.benchmarks.probes.base import VALIDATION_FRACTION, Inner, Validation
from satclip_bench.benchmarks.probes.data import (
    Codes,
    Dataset,
    Features,
    Float64,
    Floats,
    InnerSets,
    Params,
)
from satclip_bench.benchmarks.probes.rows import TableRows, blocks
from satclip_bench.benchmarks.targets import UNSEEN, Range, class_codes, clip_to, range_of


class _Base(BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn ships no types
    """What regressors and classifiers share.

    With a validation set, nothing is refitted on the training and validation set together: the
    validation set never changes a coefficient, so that probes with early stopping and probes with a
    search are treated alike. With inner folds, the estimator is refitted on all rows.
    """

    reads_blocks: ClassVar[bool] = False
    """Whether `_fit_folds` takes rows that are not in memory and reads them block by block."""

    best_params_: Params
    converged_: bool
    """Whether the fit reached its tolerance, or stopped early before its limit."""
    fit_info_: Params
    """How the fit went; the keys are those of the probe."""
    n_features_in_: int

    def __init__(
        self, random_state: Any = None, validation_fraction: float = VALIDATION_FRACTION
    ) -> None:
        self.random_state = random_state
        self.validation_fraction = validation_fraction

    @abstractmethod
    def _fit_folds(self, data: Dataset, folds: Sequence[InnerSets], seed: int) -> Params:
        """Choose by the loss summed over the folds, fit all rows of `data`, return `best_params_`.

        A probe that iterates also sets `converged_` and `fit_info_`.

        Args:
            data: rows on which the estimator is fitted with the chosen parameters.
            folds: one fold with a validation set, whose training set is `data` itself, so that
                nothing is refitted; or inner folds of `data` that can tell parameters apart. If
                there are none, the card's defaults are used.
            seed: seed of everything random.
        """

    def _fit_any(self, data: Dataset, folds: Sequence[InnerSets], seed: int) -> None:
        self.converged_, self.fit_info_ = True, {}
        constant = (data.y == data.y[0]).all()
        self.best_params_ = {} if constant else self._fit_folds(data, folds, seed)

    def _check(self, X: ArrayLike, *y: ArrayLike, reset: bool = False, **options: Any) -> Any:
        dtypes = [np.float32, np.float64]
        if isinstance(X, TableRows) and self.reads_blocks:
            # The values were checked when the table was made.
            validate_data(self, X.read(slice(1)), reset=reset, dtype=dtypes)
            targets = [column_or_1d(target, warn=True) for target in y]
            check_consistent_length(X, *targets)
            for target in targets:
                assert_all_finite(target)
            return (X, *targets) if targets else X
        return validate_data(self, X, *y, reset=reset, dtype=dtypes, **options)

    def _by_blocks(self, X: ArrayLike, predict: Callable[[Floats], Float64]) -> Float64:
        """Predictions `(m, ...)` of `(m, D)` embeddings, which are checked and read by blocks."""
        if isinstance(X, TableRows):
            checked: Iterator[Floats] = (self._check(block) for _, block in blocks(X))
        else:
            checked = (block for _, block in blocks(self._check(X)))
        first, *others = map(predict, checked)
        return np.concatenate([first, *others]) if others else first

    def _check_validation(self, validation: Validation, **options: Any) -> tuple[Features, Any]:
        if not isinstance(validation, tuple) or len(validation) != 2:
            raise ValueError(
                "validation must be None or a tuple (X, y) of the validation set's embeddings "
                f"and targets, not {type(validation).__name__}"
            )
        checked: tuple[Features, Any] = self._check(*validation, **options)
        return checked

    def _inner_sets(
        self, data: Dataset, validation: Validation | None, inner: Inner
    ) -> list[InnerSets]:
        if validation is not None:
            raise ValueError("fit got both validation and inner; give one of the two, or neither")
        folds = [_inner_rows(fold, number, len(data.y)) for number, fold in enumerate(inner)]
        sets = [InnerSets(data.take(train), data.take(held_out)) for train, held_out in folds]
        # If the training target is constant, all candidates predict the same.
        return [fold for fold in sets if not (fold.train.y == fold.train.y[0]).all()]

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
    """Base class of probes that predict a number.

    Subclasses have `_fit_folds` and `_predict`.

    Predictions are clipped to the range of the training targets. Validation losses are those of
    predictions that are clipped to the range of the fold's training targets.

    Args:
        random_state: seed, generator or None, as in scikit-learn.
        validation_fraction: fraction of the rows held out if `fit` gets no validation set.
    """

    target_range_: Range
    """Lowest and highest target of the rows fitted on; predictions are clipped to it."""

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        validation: Validation | None = None,
        inner: Inner | None = None,
    ) -> Self:
        """Fit on the training set; early stopping and searches use the validation data.

        Args:
            X: `(n, D)` embeddings; float32 stays float32 where the probe's accuracy allows it.
            y: `(n,)` numbers.
            validation: `(X, y)` of the validation set. If neither it nor `inner` is given, a
                fraction of the rows is held out; if there are too few rows for that, the card's
                defaults are used.
            inner: `(training, validation)` positions in `X` of each inner fold. Parameters with
                the lowest loss, summed over all inner folds, are chosen, and the estimator is
                then fitted on all rows of `X`.

        Raises:
            ValueError: the shapes do not fit, values are NaN or infinite, there are no rows, both
                `validation` and `inner` are given, or an inner fold is not valid.
        """
        X_checked, y_checked = self._check(X, y, reset=True, y_numeric=True)
        seed, random = self._draw_seed()
        train = Dataset(X_checked, np.asarray(y_checked, dtype=np.float64))
        folds: list[InnerSets] = []
        if inner is not None:
            folds = self._inner_sets(train, validation, inner)
        elif validation is not None:
            X_held_out, y_held_out = self._check_validation(validation, y_numeric=True)
            held_out = Dataset(X_held_out, np.asarray(y_held_out, dtype=np.float64))
            folds = [InnerSets(train, held_out)]
        elif size := self._held_out_rows(len(train.y)):
            order = random.permutation(len(train.y))
            held_out, train = train.take(np.sort(order[:size])), train.take(np.sort(order[size:]))
            folds = [InnerSets(train, held_out)]
        self.target_range_ = range_of(train.y)
        self._fit_any(train, folds, seed)
        return self

    def predict(self, X: ArrayLike) -> Float64:
        """Predict `(m,)` float64 targets of `(m, D)` embeddings, clipped to `target_range_`.

        Raises:
            NotFittedError: `fit` has not been called.
            ValueError: the shape does not fit, or values are NaN or infinite.
        """
        return clip_to(self.unclipped(X), self.target_range_)

    def unclipped(self, X: ArrayLike) -> Float64:
        """Predictions `(m,)` float64 before they are clipped. Raises as `predict`."""
        check_is_fitted(self)
        low, high = self.target_range_
        if low == high:
            return self._by_blocks(X, lambda block: np.full(len(block), low))
        return self._by_blocks(X, self._predict)

    @abstractmethod
    def _predict(self, X: Floats) -> Float64:
        """Predict `(m,)` targets of `(m, D)` checked embeddings; the base class clips them."""


class ProbeClassifier(ClassifierMixin, _Base, ABC):  # type: ignore[misc]
    """Base class of probes that predict a class.

    Subclasses have `_fit_folds` and `_predict_proba`.

    Validation labels that the training set does not have cannot be predicted. Probes that choose
    by log loss leave them out, and probes that choose by accuracy count them as wrong; each card
    says which.

    Args:
        random_state: seed, generator or None, as in scikit-learn.
        validation_fraction: fraction of the rows held out if `fit` gets no validation set. At
            least one row of each class stays in the training set.
    """

    classes_: NDArray[Any]

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        validation: Validation | None = None,
        inner: Inner | None = None,
    ) -> Self:
        """Fit on the training set; early stopping and searches use the validation data.

        Args:
            X: `(n, D)` embeddings; float32 stays float32 where the probe's accuracy allows it.
            y: `(n,)` labels, integers or strings. If all are equal, that label is predicted.
            validation: `(X, y)` of the validation set. If neither it nor `inner` is given, a
                fraction of the rows is held out; if there are too few rows for that, the card's
                defaults are used.
            inner: `(training, validation)` positions in `X` of each inner fold. Parameters with
                the lowest loss, summed over all inner folds, are chosen, and the estimator is
                then fitted on all rows of `X`.

        Raises:
            ValueError: the shapes do not fit, values are NaN or infinite, there are no rows, the
                targets are not classes, both `validation` and `inner` are given, or an inner fold
                is not valid.
        """
        X_checked, y_checked = self._check(X, y, reset=True)
        check_classification_targets(y_checked)
        seed, random = self._draw_seed()
        self.classes_, codes = np.unique(y_checked, return_inverse=True)
        train = Dataset(X_checked, codes.astype(np.int64))
        folds: list[InnerSets] = []
        if inner is not None:
            folds = _mark_unseen(self._inner_sets(train, validation, inner))
        elif validation is not None:
            X_held_out, y_held_out = self._check_validation(validation)
            held_out = Dataset(X_held_out, class_codes(y_held_out, self.classes_))
            folds = [InnerSets(train, held_out)]
        elif size := self._held_out_rows(len(codes)):
            order = random.permutation(len(codes))
            spare = np.ones(len(codes), dtype=bool)
            spare[np.unique(codes[order], return_index=True)[1]] = False
            left_out = np.sort(order[spare][:size])
            if len(left_out):
                kept = np.setdiff1d(np.arange(len(codes)), left_out)
                held_out, train = train.take(left_out), train.take(kept)
                folds = [InnerSets(train, held_out)]
        self._fit_any(train, folds, seed)
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
        if len(self.classes_) == 1:
            return self._by_blocks(X, lambda block: np.ones((len(block), 1)))
        return self._by_blocks(X, self._predict_proba)

    @abstractmethod
    def _predict_proba(self, X: Floats) -> Float64:
        """Class probabilities `(m, K)` of `(m, D)` checked embeddings."""


def fit_scaler(X: Features) -> Any:
    """Fit a StandardScaler on the rows of `X`, `(n, D)`, that maps constant columns to zero.

    Examples:
        >>> X = np.array([[1.0, 1e6], [3.0, 1e6]], dtype=np.float32)
        >>> scaler = fit_scaler(X)
        >>> scaler.transform(X)
        array([[-1.,  0.],
               [ 1.,  0.]], dtype=float32)
        >>> scaler.transform(np.array([[5.0, 2e6]], dtype=np.float32))
        array([[3., 0.]], dtype=float32)
    """
    scaler = StandardScaler()
    for _, block in blocks(X):
        scaler.partial_fit(block)
    ignore_constant_columns(scaler, X.dtype)
    return scaler


def ignore_constant_columns(scaler: Any, dtype: np.dtype[Any]) -> None:
    """Make a fitted StandardScaler map columns that were constant to zero, also in later rows.

    Columns that vary by no more than the rounding of their own dtype count as constant;
    scikit-learn measures that in float64 and would scale float32 rounding to unit variance. With a
    scale of 1, which it gives constant columns, rounding stays in the unit of the column, and so
    does another value in the test set.

    Args:
        scaler: fitted scaler, whose scales are changed.
        dtype: dtype of the columns before any conversion.
    """
    rounding = 4 * np.finfo(dtype).eps * np.abs(scaler.mean_)
    scaler.scale_[np.sqrt(scaler.var_) <= rounding] = np.inf


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


def _inner_rows(fold: Any, number: int, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if not isinstance(fold, tuple) or len(fold) != 2:
        raise ValueError(
            "inner must be a sequence of tuples (training, validation) of positions in X; its "
            f"entry {number} is a {type(fold).__name__}"
        )
    train, held_out = (np.asarray(part) for part in fold)
    for name, part in (("training", train), ("validation", held_out)):
        if part.ndim != 1 or not len(part) or part.dtype.kind not in "iu":
            raise ValueError(
                f"{name} rows of inner fold {number} must be a non-empty one-dimensional array of "
                f"integers, not an array of shape {part.shape} and type {part.dtype}"
            )
        if part.min() < 0 or part.max() >= rows:
            raise ValueError(
                f"{name} rows of inner fold {number} must be positions in X, from 0 to {rows - 1}"
            )
    if np.intersect1d(train, held_out).size:
        raise ValueError(f"training and validation rows of inner fold {number} overlap")
    return train.astype(np.int64), held_out.astype(np.int64)


def _mark_unseen(folds: Sequence[InnerSets]) -> list[InnerSets]:
    """The folds with unseen validation labels marked, without those that have no others."""
    marked = []
    for train, validation in folds:
        seen = np.isin(validation.y, train.y)
        if seen.any():
            y = np.where(seen, validation.y, UNSEEN)
            marked.append(InnerSets(train, Dataset(validation.X, y)))
    return marked
