"""Types of what a probe's estimators are given and return."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

Floats = NDArray[np.floating[Any]]
Float64 = NDArray[np.float64]
Codes = NDArray[np.int64]
Params = dict[str, JsonValue]

UNSEEN = -1
"""Code of a validation label that the training set does not have."""


class Dataset(NamedTuple):
    """Features and targets of a training or validation set."""

    X: Floats
    """`(n, D)` float32 or float64, as it was given."""
    y: NDArray[Any]
    """`(n,)` float64, or class codes: positions in `classes_`, `UNSEEN` in a validation set."""


class InnerSets(NamedTuple):
    """Training and validation set of an inner fold.

    In both, class codes are positions in `classes_` of all rows; the training set has at least two
    different targets but need not have all classes. Validation labels of the others are `UNSEEN`.
    """

    train: Dataset
    validation: Dataset


def as_folds(train: Dataset, validation: Dataset | None) -> list[InnerSets]:
    """One fold of a training and validation set, or none if there is no validation set."""
    return [] if validation is None else [InnerSets(train, validation)]


def compact(fold: InnerSets) -> tuple[InnerSets, Codes]:
    """The fold with codes 0 to K - 1 of its training set's classes, and these classes' old codes.

    Examples:
        >>> X = np.zeros((2, 1))
        >>> fold = InnerSets(Dataset(X, np.array([5, 2])), Dataset(X, np.array([2, UNSEEN])))
        >>> (train, validation), classes = compact(fold)
        >>> train.y, validation.y, classes
        (array([1, 0]), array([ 0, -1]), array([2, 5]))
    """
    classes, train = np.unique(fold.train.y, return_inverse=True)
    place = np.searchsorted(classes, fold.validation.y).clip(max=len(classes) - 1)
    validation = np.where(classes[place] == fold.validation.y, place, UNSEEN)
    return (
        InnerSets(Dataset(fold.train.X, train), Dataset(fold.validation.X, validation)),
        classes,
    )
