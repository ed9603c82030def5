"""Expected durations of cells, and the order in which they start."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class CellSize:
    """What the duration of a cell depends on.

    Attributes:
        train: rows of the training set.
        test: rows of the test set.
        columns: columns of the embedding; 2 for a baseline.
        classes: number of classes; 1 for a regression.
        fits: number of fits, one per inner fold and one on the whole training set.
    """

    train: int
    test: int
    columns: int = 2
    classes: int = 1
    fits: int = 1


@dataclass(frozen=True)
class Cost:
    """Seconds that a method takes on one core, as a sum of terms.

    Attributes:
        fixed: per cell.
        fit: per fit.
        fit_column: per column and fit.
        test: per test row.
        row: per training row and fit.
        row_class: per training row, class and fit.
        product: per training row, column, class and fit.
        gram: per training row, squared column and fit.
        pair: per training row, test row and column.
    """

    fixed: float = 0.0
    fit: float = 0.0
    fit_column: float = 0.0
    test: float = 0.0
    row: float = 0.0
    row_class: float = 0.0
    product: float = 0.0
    gram: float = 0.0
    pair: float = 0.0

    def seconds(self, size: CellSize) -> float:
        """The sum of all terms."""
        fitted = size.fits * size.train
        return (
            self.fixed
            + self.fit * size.fits
            + self.fit_column * size.fits * size.columns
            + self.test * size.test
            + self.row * fitted
            + self.row_class * fitted * size.classes
            + self.product * fitted * size.columns * size.classes
            + self.gram * fitted * size.columns**2
            + self.pair * size.train * size.test * size.columns
        )


SIMPLE = Cost(fixed=0.005, test=8e-6, row=8e-7, row_class=2e-7)
"""Cost of the baselines of neighbours and of the mean."""

LINEAR = Cost(test=3.7e-6, row_class=1.7e-6, product=1.3e-8, gram=2.1e-10, pair=1.5e-11)
"""Cost of the linear probe, and of probes of which nothing was measured."""

COSTS = {
    "linear": LINEAR,
    "ridge": Cost(fixed=0.01, test=5.8e-6, row_class=1e-7, product=1.5e-9, gram=4.2e-10),
    "knn": Cost(
        fit_column=9.8e-5, test=7.3e-6, row=5.8e-6, row_class=1.3e-7, gram=6.3e-11, pair=8.8e-11
    ),
    "mlp": Cost(fixed=6.0, fit=2.0, fit_column=0.015),
    "lightgbm": Cost(
        fit_column=1.2e-3,
        test=1.4e-4,
        row=7.5e-6,
        row_class=7e-6,
        product=8.9e-9,
        gram=9.1e-11,
        pair=7.5e-11,
    ),
    "baseline.gp": Cost(fixed=0.38, row=5.1e-5, row_class=3.8e-6, pair=7.5e-8),
    "baseline.knn": SIMPLE,
    "baseline.idw": SIMPLE,
    "baseline.mean": SIMPLE,
}
"""Costs by probe or baseline: a fit by non-negative least squares to the durations of the 2,008
cells of the main job on 2 cores, for LightGBM and k-NN of those of `open-full`
(`docs/studies/scale_out.py` prints it). Those of the MLP are round numbers between 560 cells of
`open-probes` and 22 of held-out regions: its steps, and so its time, do not depend on the number of
rows. They decide the order of cells, for which a factor of two is enough."""


def expected_seconds(method: str, size: CellSize) -> float:
    """Expected duration of a cell in seconds on one core; no score depends on it.

    Args:
        method: name of the probe or baseline.
        size: rows, columns, classes and fits.

    >>> small, large = CellSize(3000, 6000, 100), CellSize(3000, 6000, 1600, classes=165)
    >>> [round(expected_seconds("linear", size), 1) for size in (small, large)]
    [0.1, 13.2]
    """
    return COSTS.get(method, LINEAR).seconds(size)


def longest_first(items: Iterable[T], seconds: Callable[[T], float]) -> list[T]:
    """The items with the longest expected durations first.

    If the longest came last, all other workers would wait for it. Items whose durations are within
    a factor of two, and all below a second, stay in the order given, so that workers find the
    tables and folds that they need in memory.

    Args:
        items: items to be ordered.
        seconds: expected duration of an item in seconds; 0 if it is not known.

    >>> longest_first([1, 3, 100, 2, 90], seconds=float)
    [100, 90, 3, 2, 1]
    """
    return sorted(items, key=lambda item: -math.frexp(max(seconds(item), 1.0))[1])
