"""Whether a split makes sense for a table: every fold needs a share of its points to train on."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from satclip_bench.benchmarks.splits.base import Fold, SplitInputs
from satclip_bench.core.errors import BenchError

MIN_TRAIN_FRACTION = 0.2
"""Minimum fraction of a table's points in every training set: half of what `random` has for
training and validation. With fewer, a score measures how few labels there are, not how
far they are."""

RULE = (
    f"A table is not split in this way if a fold would train on less than {MIN_TRAIN_FRACTION:.0%} "
    "of its points."
)
"""Description of the rule, for the cards of splits."""
SETTINGS: dict[str, str | int | float] = {"min_train_fraction": MIN_TRAIN_FRACTION}
"""Settings for the cards of splits."""


def with_enough_training(name: str, points: SplitInputs, folds: Iterable[Fold]) -> tuple[Fold, ...]:
    """The folds, unchanged, if each of them trains on a fifth of the points or more.

    Args:
        name: name of the split, for the message.
        points: all points of the table.
        folds: folds of the table.

    Raises:
        BenchError: a training set is too small.

    Examples:
        >>> import numpy as np
        >>> fold = Fold("0", np.arange(10), np.arange(10, 20), np.arange(20, 100))
        >>> points = SplitInputs(np.zeros((100, 2)), np.zeros(100))
        >>> with_enough_training("latitude", points, [fold])
        Traceback (most recent call last):
        ...
        satclip_bench.core.errors.BenchError: latitude does not make sense for this table: fold \
'0' would train on 10 of 100 points, and a fold needs 20% of them or more
    """
    folds = tuple(folds)
    for fold in folds:
        if len(fold.train) < MIN_TRAIN_FRACTION * len(points):
            raise BenchError(
                f"{name} does not make sense for this table: fold {fold.name!r} would train on "
                f"{len(fold.train):,} of {len(points):,} points, and a fold needs "
                f"{MIN_TRAIN_FRACTION:.0%} of them or more"
            )
    return folds


def advice(splits: Iterable[tuple[str, Callable[[], object]]]) -> str:
    """Advice that names the first of some splits that can be made, if there is one.

    Args:
        splits: names of splits, and functions that make their folds or raise a BenchError.

    Examples:
        >>> advice([("blocks.2", lambda: None)])
        'choose blocks.2 or another split'
    """
    for name, make in splits:
        try:
            make()
        except BenchError:
            continue
        return f"choose {name} or another split"
    return "choose another split"
