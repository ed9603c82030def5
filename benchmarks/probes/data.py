"""Types of what a probe's estimators are given and return."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from satclip_bench.benchmarks.probes.rows import Features as Features
from satclip_bench.benchmarks.probes.rows import Floats as Floats
from satclip_bench.benchmarks.probes.rows import TableRows
from satclip_bench.benchmarks.targets import UNSEEN, class_codes

Float64 = NDArray[np.float64]
Codes = NDArray[np.int64]
Params = dict[str, JsonValue]


class Dataset(NamedTuple):
    """Features and targets of a training or validation set."""

    X: Features
    """`(n, D)` float32 or float64, as it was given; rows of a table that are not in memory only if
    the probe reads blocks."""
    y: NDArray[Any]
    """`(n,)` float64, or class codes: positions in `classes_`, `UNSEEN` in a validation set."""

    def take(self, rows: NDArray[np.int64]) -> Dataset:
        """The rows at these positions."""
        X = self.X.take(rows) if isinstance(self.X, TableRows) else self.X[rows]
        return Dataset(X, self.y[rows])


class InnerSets(NamedTuple):
    """Training and validation set on which parameters are chosen.

    Of an inner fold, class codes are positions in `classes_` of all rows; the training set has at
    least two different targets but need not have all classes. Validation labels of the others are
    `UNSEEN`.
    """

    train: Dataset
    validation: Dataset


def are_nested(folds: Sequence[InnerSets], data: Dataset) -> bool:
    """Whether the folds are inner folds of `data`, all of whose rows are then fitted in the end.

    The training set of a fold that is not nested is `data` itself: a validation set never changes a
    coefficient.

    Args:
        folds: folds on which parameters are chosen.
        data: rows that the estimator is fitted on.
    """
    return any(fold.train is not data for fold in folds)


def seen_only(folds: Sequence[InnerSets]) -> list[InnerSets]:
    """The folds of a classification without `UNSEEN` validation labels.

    A fold that has no other validation labels is left out.

    Examples:
        >>> X = np.zeros((2, 1))
        >>> fold = InnerSets(Dataset(X, np.array([0, 1])), Dataset(X, np.array([1, UNSEEN])))
        >>> [seen.validation.y.tolist() for seen in seen_only([fold])]
        [[1]]
    """
    kept = [np.flatnonzero(fold.validation.y != UNSEEN) for fold in folds]
    return [
        fold._replace(validation=fold.validation.take(rows))
        for fold, rows in zip(folds, kept, strict=True)
        if len(rows)
    ]


def compact(fold: InnerSets) -> InnerSets:
    """The fold with codes 0 to K - 1 of its training set's classes; itself if it has these already.

    Examples:
        >>> X = np.zeros((2, 1))
        >>> fold = InnerSets(Dataset(X, np.array([5, 2])), Dataset(X, np.array([2, UNSEEN])))
        >>> train, validation = compact(fold)
        >>> train.y, validation.y
        (array([1, 0]), array([ 0, -1]))
    """
    (X, y), (X_held_out, y_held_out) = fold
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) == classes[-1] + 1:
        return fold
    return InnerSets(Dataset(X, codes), Dataset(X_held_out, class_codes(y_held_out, classes)))
