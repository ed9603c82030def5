"""Few-shot: the held-out region with a small share of its labels in training."""

from __future__ import annotations

import numpy as np

from satclip_bench.benchmarks.splits.base import Fold, SplitCard, SplitInputs, draw_rows
from satclip_bench.benchmarks.splits.held_out_region import HeldOutRegionSplit

SHARE = 0.01


class FewShotSplit:
    """Held-out regions of which one label in a hundred is trained on."""

    card = SplitCard(
        name="few-shot",
        title="Few-shot",
        description=f"The folds of held-out-region, but {SHARE:.0%} of the tested region's points, "
        "drawn at random, is for training and the rest of it is tested: what the SatCLIP paper "
        f"does for countries and ecoregions. Likewise {SHARE:.0%} of the validation part is for "
        "training and the rest of it validates.",
        settings={"few_shot_fraction": SHARE} | dict(HeldOutRegionSplit.card.settings),
        version=2,
    )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """A fold for every region, by name. Raises BenchError as held-out-region does."""
        folds = []
        for number, fold in enumerate(HeldOutRegionSplit().folds(points, seed)):
            rng = np.random.default_rng([seed, number, 1])
            known, test = draw_rows(fold.test, SHARE, rng)
            known_too, validation = draw_rows(fold.validation, SHARE, rng)
            train = np.sort(np.concatenate([fold.train, known, known_too]))
            folds.append(Fold(fold.name, train, validation, test))
        return tuple(folds)
