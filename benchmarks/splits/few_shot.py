"""Few-shot: held-out regions with a small fraction of their labels in the training set."""

from __future__ import annotations

import numpy as np

from satclip_bench.benchmarks.splits.base import (
    Fold,
    Index,
    InnerFold,
    SplitCard,
    SplitInputs,
    draw_rows,
    nested_fold,
)
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
        "points, drawn at random by the seed, in the training set and the rest in the test set, as "
        f"the SatCLIP paper does for countries and ecoregions. Inner folds are made in the same "
        f"way from those of held-out-region: {FRACTION:.0%} of the points that one holds out are "
        "in its training set, as are the labels of the tested region.",
        settings={"few_shot_fraction": FRACTION} | dict(HeldOutRegionSplit.card.settings),
        version=3,
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
            inner = [_few_shot(inner, known, rng) for inner in fold.inner]
            train = np.sort(np.concatenate([fold.train, known]))
            folds.append(nested_fold(fold.name, train, test, inner))
        return tuple(folds)


def _few_shot(fold: InnerFold, known: Index, rng: np.random.Generator) -> InnerFold:
    """An inner fold that trains on a few points of what it holds out, and on `known` points."""
    few, validation = draw_rows(fold.validation, FRACTION, rng)
    return InnerFold(np.sort(np.concatenate([fold.train, known, few])), validation)
