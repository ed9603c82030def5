"""Few-shot: held-out regions with a small fraction of their labels in the training set."""

from __future__ import annotations

import numpy as np

from satclip_bench.benchmarks.splits.base import Fold, SplitCard, SplitInputs, draw_rows
from satclip_bench.benchmarks.splits.held_out_region import HeldOutRegionSplit

FRACTION = 0.01


class FewShotSplit:
    """Held-out regions with 1 % of their labels in the training set.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> lonlat = np.column_stack([rng.uniform(-180, 180, 2000), rng.uniform(-60, 60, 2000)])
        >>> region = np.where(lonlat[:, 0] < 0, "west", "east")
        >>> points = SplitInputs(lonlat, np.zeros(2000), region)
        >>> east, west = FewShotSplit().folds(points, seed=0)
        >>> len(west.test), int((region[west.train] == "west").sum())
        (997, 10)
    """

    card = SplitCard(
        name="few-shot",
        title="Few-shot",
        description=f"The folds of held-out-region, with {FRACTION:.0%} of the tested region's "
        "points, drawn at random, in the training set and the rest in the test set, as the SatCLIP "
        f"paper does for countries and ecoregions. In the same way, {FRACTION:.0%} of the "
        "validation set is moved to the training set.",
        settings={"few_shot_fraction": FRACTION} | dict(HeldOutRegionSplit.card.settings),
        version=2,
    )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """One fold per region, in alphabetical order.

        Raises:
            BenchError: the split held-out-region cannot be made for these points.
        """
        folds = []
        for number, fold in enumerate(HeldOutRegionSplit().folds(points, seed)):
            rng = np.random.default_rng([seed, number, 1])
            known, test = draw_rows(fold.test, FRACTION, rng)
            known_validation, validation = draw_rows(fold.validation, FRACTION, rng)
            train = np.sort(np.concatenate([fold.train, known, known_validation]))
            folds.append(Fold(fold.name, train, validation, test))
        return tuple(folds)
