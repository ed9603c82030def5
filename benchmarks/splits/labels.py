"""Random splits with a part of the labels, for the score as a function of their number."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.splits.base import Fold, Index, SplitCard, SplitInputs
from satclip_bench.benchmarks.splits.random import TRAIN, VALIDATION, RandomSplit
from satclip_bench.core.errors import BenchError, UnknownNameError

MIN_TRAIN, MIN_VALIDATION = 10, 5
"""Minimum numbers of rows that a fit and a choice of settings make sense with."""


class LabelsSplit:
    """The random split with a percentage of its training and validation rows.

    Args:
        percent: percentage of the rows that are kept, 1 to 100.

    Examples:
        >>> lonlat = np.random.default_rng(0).uniform(-80, 80, (1000, 2))
        >>> (fold,) = LabelsSplit(10).folds(SplitInputs(lonlat, np.zeros(1000)), seed=0)
        >>> len(fold.train), len(fold.validation), len(fold.test)
        (30, 10, 600)
    """

    def __init__(self, percent: int) -> None:
        self.percent = percent
        self.card = SplitCard(
            name=f"labels.{percent}",
            title=f"Random, {percent} % of the labels",
            description=f"The fold of random with {percent} % of its training set and of its "
            "validation set, and the same test set. Rows are drawn by the seed: those of a smaller "
            "percentage are among those of a larger one, and classes keep their shares as far as "
            "whole rows allow. The scores over the percentages are the label efficiency.",
            settings={
                "train_fraction": TRAIN,
                "validation_fraction": VALIDATION,
                "kept_percent": percent,
            },
        )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """One fold.

        Raises:
            BenchError: too few points would be left in a set, or all of one class.
        """
        (fold,) = RandomSplit().folds(points, seed)
        train, validation = (
            self._kept(points.target, rows, np.random.default_rng([seed, number]))
            for number, rows in enumerate((fold.train, fold.validation))
        )
        if len(train) < MIN_TRAIN or len(validation) < MIN_VALIDATION:
            raise BenchError(
                f"{self.card.name} leaves {len(train)} rows for training and {len(validation)} for "
                f"validation, and {MIN_TRAIN} and {MIN_VALIDATION} are needed: choose a larger "
                "percentage"
            )
        if points.target.dtype == np.int64 and len(np.unique(points.target[train])) < 2:
            raise BenchError(
                f"{self.card.name} leaves training rows of one class only: choose a larger "
                "percentage or another seed"
            )
        return (Fold(fold.name, train, validation, fold.test),)

    def _kept(
        self,
        target: NDArray[np.float64] | NDArray[np.int64],
        rows: Index,
        rng: np.random.Generator,
    ) -> Index:
        count = round(self.percent / 100 * len(rows))
        return np.sort(nested_order(target, rows, rng)[:count])


def nested_order(
    target: NDArray[np.float64] | NDArray[np.int64], rows: Index, rng: np.random.Generator
) -> Index:
    """Rows in a random order whose every beginning is a sample with the shares of the classes.

    The rows of a class are spread evenly over the order, from a random place on, so that a class
    with the share p of the rows has about n p of the first n.

    Args:
        target: `(N,)` numbers, or int64 class codes.
        rows: row numbers.
        rng: source of the order.

    Examples:
        >>> target = np.array([0, 0, 0, 0, 1, 1, 1, 1])
        >>> order = nested_order(target, np.arange(8), np.random.default_rng(0))
        >>> sorted(target[order[:2]].tolist()), sorted(target[order[:4]].tolist())
        ([0, 1], [0, 0, 1, 1])
    """
    shuffled = rng.permutation(rows)
    if target.dtype != np.int64:
        return shuffled
    group, counts = np.unique(target[shuffled], return_inverse=True, return_counts=True)[1:]
    by_class = np.argsort(group, kind="stable")
    first = np.cumsum(counts) - counts
    place = np.empty(len(rows))
    place[by_class] = np.arange(len(rows)) - first[group[by_class]]
    place = (place + rng.random(len(counts))[group]) / counts[group]
    return shuffled[np.argsort(place, kind="stable")]


def labels(variant: str) -> LabelsSplit:
    """Make the split called `labels.<percent>`, with 1 to 100 percent.

    Raises:
        UnknownNameError: the variant is not such a number.
    """
    if not re.fullmatch(r"[1-9][0-9]?|100", variant):
        raise UnknownNameError(
            f"no split is called 'labels.{variant}': the variant is the percentage of the labels, "
            "1 to 100, as in 'labels.10'."
        )
    return LabelsSplit(int(variant))
