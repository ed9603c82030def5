"""The split that a table brings with it."""

from __future__ import annotations

import numpy as np

from satclip_bench.benchmarks.splits.base import Fold, SplitCard, SplitInputs, draw_rows
from satclip_bench.core.errors import BenchError

NAMES = {
    "train": ("train", "training"),
    "validation": ("val", "validation", "valid", "dev"),
    "test": ("test", "testing"),
}
"""What tables call their parts, in any case of letters."""
VALIDATION = 0.1


class OfficialSplit:
    """The parts that the column `split` of a table names: one fold."""

    card = SplitCard(
        name="official",
        title="The table's own",
        description="The parts that the table's column `split` names: train, val (or validation, "
        "valid, dev) and test. Rows of other names are in none. Where nothing validates, "
        f"{VALIDATION:.0%} of the training rows do, uniformly at random by the seed. What it is a "
        "score of depends on how the table was split.",
        settings={"validation_fraction": VALIDATION},
    )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """One fold.

        Raises:
            BenchError: the table names no parts, or nothing to train or to test on.
        """
        if points.part is None:
            raise BenchError(
                "the table names no parts of its own: `official` needs a column `split` with train "
                "and test, and perhaps val; choose another split"
            )
        name = np.char.lower(np.char.strip(points.part))
        train, validation, test = (np.flatnonzero(np.isin(name, NAMES[part])) for part in NAMES)
        least = 1 if len(validation) else 2
        if len(train) < least or not len(test):
            counts = dict(zip(*np.unique(name, return_counts=True), strict=True))
            told = ", ".join(f"{n} {str(part)!r}" for part, n in counts.items())
            raise BenchError(
                f"the column `split` leaves too little to train or to test on: it has {told}; "
                "rows should be called train, test and perhaps val"
            )
        if not len(validation):
            validation, train = draw_rows(train, VALIDATION, np.random.default_rng(seed))
        return (Fold("0", train, validation, test),)
