"""The paper's split: uniformly at random."""

from __future__ import annotations

import numpy as np

from satclip_bench.benchmarks.splits.base import Fold, SplitCard, SplitInputs, draw_rows
from satclip_bench.core.errors import BenchError

TRAIN, VALIDATION = 0.3, 0.1


class RandomSplit:
    """30 % train, 10 % validation, 60 % test, drawn uniformly: one fold a seed."""

    card = SplitCard(
        name="random",
        title="Random",
        description="30 % train, 10 % validation, 60 % test, uniformly at random (SatCLIP, "
        "App. E.3). Test points lie among training points: a score of interpolation.",
        settings={"train_fraction": TRAIN, "validation_fraction": VALIDATION},
    )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """One fold. Raises BenchError for fewer than ten points."""
        if len(points) < 10:
            raise BenchError(f"a random split needs at least 10 points, there are {len(points)}")
        rng = np.random.default_rng(seed)
        rows = np.arange(len(points))
        known, test = draw_rows(rows, TRAIN + VALIDATION, rng)
        validation, train = draw_rows(known, VALIDATION / (TRAIN + VALIDATION), rng)
        return (Fold("0", train, validation, test),)
