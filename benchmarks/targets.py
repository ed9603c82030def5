"""Targets of a task: codes of class labels, and the range of numbers.

Predicted numbers are clipped to the range of the training targets, by probes and baselines alike. A
linear model that extrapolates can otherwise be wrong by any amount.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Codes = NDArray[np.int64]

UNSEEN = -1
"""Code of a label that the training set does not have."""

ROUNDING = 1e-9
"""Share of a range's width by which rounding can move a prediction."""

_DIGITS = 1e-14
"""The same as a share of the targets themselves, which counts if they vary little."""


class Range(NamedTuple):
    """Lowest and highest target of a training set."""

    low: float
    high: float


def class_codes(labels: NDArray[Any], classes: NDArray[Any]) -> Codes:
    """Position of each label in `classes`, or `UNSEEN`; an array of the shape of `labels`.

    Args:
        labels: labels, integers or strings.
        classes: `(K,)` different labels in ascending order, at least one.

    Examples:
        >>> class_codes(np.array(["b", "c", "a"]), np.array(["a", "b"]))
        array([ 1, -1,  0])
    """
    place = np.searchsorted(classes, labels).clip(max=len(classes) - 1)
    return np.where(classes[place] == labels, place, UNSEEN).astype(np.int64)


def range_of(targets: NDArray[Any]) -> Range:
    """Range of an array of numbers of any shape, at least one of them.

    Examples:
        >>> range_of(np.array([2.0, 1.0, 4.0]))
        Range(low=1.0, high=4.0)
    """
    return Range(float(targets.min()), float(targets.max()))


def clip_to(predictions: Float64, limits: Range) -> Float64:
    """Predictions of any shape, clipped to a range.

    Examples:
        >>> clip_to(np.array([-5.0, 1.5, 9.0]), Range(1.0, 2.0))
        array([1. , 1.5, 2. ])
    """
    return np.asarray(predictions.clip(*limits))


def count_outside(predictions: Float64, limits: Range) -> int:
    """Number of predictions outside a range; those that rounding alone moved there do not count.

    Examples:
        >>> count_outside(np.array([1.0 - 1e-15, 1.5, 9.0]), Range(1.0, 2.0))
        1
    """
    low, high = limits
    rounding = max(ROUNDING * (high - low), _DIGITS * max(abs(low), abs(high)))
    return int(((predictions < low - rounding) | (predictions > high + rounding)).sum())
