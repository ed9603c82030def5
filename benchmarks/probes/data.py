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
