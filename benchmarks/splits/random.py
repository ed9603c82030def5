"""Random splits: of points, as in the SatCLIP paper, or of places with all of their points."""

from __future__ import annotations

import numpy as np

from satclip_bench.benchmarks.splits.base import Fold, SplitCard, SplitInputs, draw_rows
from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import place_numbers

TRAIN, VALIDATION = 0.3, 0.1
MIN_POINTS = 10


class RandomSplit:
    """30 % training, 10 % validation, 60 % test, drawn uniformly: one fold per seed.

    Examples:
        >>> lonlat = np.random.default_rng(0).uniform(-80, 80, (100, 2))
        >>> (fold,) = RandomSplit().folds(SplitInputs(lonlat, np.zeros(100)), seed=0)
        >>> len(fold.train), len(fold.validation), len(fold.test)
        (30, 10, 60)
    """

    card = SplitCard(
        name="random",
        title="Random",
        description="30 % training, 10 % validation, 60 % test, uniformly at random (SatCLIP, "
        "App. E.3). Test points are surrounded by training points: the score measures "
        "interpolation. Points at the same coordinates can be in different sets; random-grouped "
        "keeps them together.",
        settings={"train_fraction": TRAIN, "validation_fraction": VALIDATION},
    )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """One fold.

        Raises:
            BenchError: there are fewer than ten points.
        """
        if len(points) < MIN_POINTS:
            raise BenchError(
                f"a random split needs at least {MIN_POINTS} points, and the table has "
                f"{len(points)}"
            )
        rng = np.random.default_rng(seed)
        rows = np.arange(len(points))
        known, test = draw_rows(rows, TRAIN + VALIDATION, rng)
        validation, train = draw_rows(known, VALIDATION / (TRAIN + VALIDATION), rng)
        return (Fold("0", train, validation, test),)


class GroupedRandomSplit:
    """The random split with all points of a place in one set: one fold per seed.

    Examples:
        >>> lonlat = np.repeat(np.random.default_rng(0).uniform(-80, 80, (50, 2)), 2, axis=0)
        >>> (fold,) = GroupedRandomSplit().folds(SplitInputs(lonlat, np.zeros(100)), seed=0)
        >>> len(fold.train), len(fold.validation), len(fold.test)
        (30, 10, 60)
    """

    card = SplitCard(
        name="random-grouped",
        title="Random, places kept together",
        description="As random, with all points at the same coordinates in one set: places are "
        "drawn, in random order, for training until it has 30 % of the points, then for "
        "validation (10 %), and the rest is tested. No test point has the coordinates of a "
        "training or validation point.",
        settings={"train_fraction": TRAIN, "validation_fraction": VALIDATION, "unit": "places"},
    )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """One fold.

        Raises:
            BenchError: there are fewer than ten places, or one place has so many of the points
                that a set would be empty.
        """
        place = place_numbers(points.lonlat)
        counts = np.bincount(place)
        if len(counts) < MIN_POINTS:
            raise BenchError(
                f"random-grouped needs points at {MIN_POINTS} places or more, and the table has "
                f"{len(counts)}"
            )
        order = np.random.default_rng(seed).permutation(len(counts))
        drawn = counts[order]
        # A place belongs to the set in which the middle of its points falls.
        middle = np.empty(len(counts))
        middle[order] = (np.cumsum(drawn) - drawn / 2) / len(points)
        set_of = np.digitize(middle, [TRAIN, TRAIN + VALIDATION])[place]
        train, validation, test = (np.flatnonzero(set_of == number) for number in range(3))
        if not (len(train) and len(validation) and len(test)):
            raise BenchError(
                "random-grouped cannot keep places together here: one of the three sets would be "
                f"empty, because one place has {counts.max():,} of the {len(points):,} points; "
                "choose another seed or another split"
            )
        return (Fold("0", train, validation, test),)
