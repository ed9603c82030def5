"""The SatCLIP paper's split: uniformly at random."""

from __future__ import annotations

import numpy as np

from satclip_bench.benchmarks.splits.base import Fold, SplitCard, SplitInputs, draw_rows
from satclip_bench.core.errors import BenchError

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
        "interpolation.",
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
