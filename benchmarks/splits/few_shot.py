"""Few-shot: the held-out region with a small share of its labels in training."""

from __future__ import annotations

import numpy as np

from benchmarks.splits.base import Fold, Points, SplitCard, part_rows
from benchmarks.splits.held_out_region import HeldOutRegionSplit

SHARE = 0.01


class FewShotSplit:
    """The folds of held-out-region, but one label in a hundred of the region is for training."""

    card = SplitCard(
        name="few-shot",
        title="Few-shot",
        description=f"Train on all regions but one and on {SHARE:.0%} of that one's points, drawn "
        "at random, test on the rest of it: what the SatCLIP paper does for countries and "
        "ecoregions. Everything else as in held-out-region.",
        settings={"share": SHARE} | dict(HeldOutRegionSplit.card.settings),
    )

    def folds(self, points: Points, seed: int) -> tuple[Fold, ...]:
        """A fold for every region, by name. Raises BenchError as held-out-region does."""
        folds = []
        for number, fold in enumerate(HeldOutRegionSplit().folds(points, seed)):
            rng = np.random.default_rng([seed, number, 1])
            known, test = part_rows(fold.test, SHARE, rng)
            train = np.sort(np.concatenate([fold.train, known]))
            folds.append(Fold(fold.name, train, fold.validation, test))
        return tuple(folds)
