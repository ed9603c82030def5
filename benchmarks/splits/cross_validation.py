"""Splits as cross-validation iterators of scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from satclip_bench.benchmarks.splits.base import Fold, Index, Split, SplitInputs
from satclip_bench.core.sphere import check_lonlat
from satclip_bench.tasks.base import TaskTable


@dataclass(frozen=True)
class FoldCrossValidator:
    """Cross-validation iterator over given folds, as `cv` of `cross_val_score` takes it.

    Args:
        folds: folds of one table.
        rows: number of rows of the table.
        include_validation: whether a fold's validation set, if it has one, is added to the
            training set.
    """

    folds: tuple[Fold, ...]
    rows: int
    include_validation: bool = False

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of folds. The arguments are accepted for compatibility with scikit-learn."""
        return len(self.folds)

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Index, Index]]:
        """Row numbers of the training and test set of every fold.

        Args:
            X: features of the table's rows, in the order of the table.
            y: targets; not used.
            groups: groups; not used.

        Raises:
            ValueError: `X` does not have as many rows as the table.
        """
        rows = X.shape[0] if hasattr(X, "shape") else len(X)
        if rows != self.rows:
            raise ValueError(
                f"these folds were made for a table of {self.rows} rows, and X has {rows}: pass "
                "features of all rows, in the order of the table"
            )
        for fold in self.folds:
            train = fold.train
            if self.include_validation and len(fold.validation):
                train = np.sort(np.concatenate([train, fold.validation]))
            # Folds are read-only, and scikit-learn may write to what it gets.
            yield train.copy(), fold.test.copy()


def as_cross_validator(
    split: str | Split,
    points: TaskTable | ArrayLike,
    target: ArrayLike | None = None,
    *,
    region: ArrayLike | None = None,
    seed: int = 0,
    include_validation: bool = False,
) -> FoldCrossValidator:
    """Make a split usable as the argument `cv` of scikit-learn's functions.

    The estimator is fitted on the training set of every fold and scored on its test set. Spatial
    splits have no validation set: probes of this benchmark choose their settings on the inner
    folds (`Fold.inner`), which scikit-learn's functions cannot be given fold by fold, and are then
    fitted on the same training set as the estimator. `random`, `random-grouped`, `labels.*` and
    `official` have a validation set. It is left out by default, as probes leave it out of the fit;
    set `include_validation` for estimators that choose their parameters by themselves, such as
    `RidgeCV`, if they should have both sets. For the other splits, it changes nothing.

    Args:
        split: name of a split, such as "blocks.10", or a split.
        points: table of a task, or points `(N, 2)`, longitude first.
        target: `(N,)` targets, if `points` is not a table. Integers and strings are classes, which
            the splits by blocks spread evenly over the folds.
        region: `(N,)` names of regions for the splits that hold out regions, if `points` is not a
            table.
        seed: seed of the folds.
        include_validation: whether a validation set, if the split has one, is added to the training
            set.

    Raises:
        UnknownNameError: there is no such split.
        BenchError: the split cannot be made for these points.
        CoordinateError: a point is not on the globe.

    Examples:
        >>> import numpy as np
        >>> from sklearn.linear_model import Ridge
        >>> from sklearn.model_selection import cross_val_score
        >>> from satclip_bench.encoders import get_encoder
        >>> rng = np.random.default_rng(0)
        >>> lonlat = np.column_stack([rng.uniform(-180, 180, 1000), rng.uniform(-60, 60, 1000)])
        >>> target = np.sin(np.radians(lonlat[:, 1]))
        >>> features = get_encoder("harmonics.l5").encode(lonlat)
        >>> folds = as_cross_validator("blocks.20", lonlat, target)
        >>> cross_val_score(Ridge(), features, target, cv=folds).round(2)
        array([1., 1., 1., 1., 1.])
    """
    from satclip_bench.benchmarks.splits import get_split
    from satclip_bench.benchmarks.splits.domain import covered, prediction_domain

    maker = get_split(split) if isinstance(split, str) else split
    if isinstance(points, TaskTable):
        domain = prediction_domain(points) if maker.card.domain else None
        inputs = SplitInputs.from_table(points, domain)
    else:
        lonlat = check_lonlat(points)
        inputs = SplitInputs(
            lonlat,
            np.zeros(len(lonlat)) if target is None else _as_target(target, len(lonlat)),
            region=None if region is None else np.asarray(region, dtype=np.str_),
            domain=covered(lonlat) if maker.card.domain else None,
        )
    return FoldCrossValidator(maker.folds(inputs, seed), len(inputs), include_validation)


def _as_target(target: ArrayLike, rows: int) -> NDArray[np.float64] | NDArray[np.int64]:
    values = np.asarray(target)
    if values.shape != (rows,):
        raise ValueError(f"target must have the shape ({rows},), not {values.shape}")
    if np.issubdtype(values.dtype, np.floating):
        return values.astype(np.float64)
    # Strings and integers of any size become the class codes that splits expect.
    return np.unique(values, return_inverse=True)[1].astype(np.int64)
