"""The split that a table defines itself."""

from __future__ import annotations

import numpy as np

from satclip_bench.benchmarks.splits.base import Fold, SplitCard, SplitInputs, draw_rows
from satclip_bench.core.errors import BenchError

NAMES = {
    "train": ("train", "training"),
    "validation": ("val", "validation", "valid", "dev"),
    "test": ("test", "testing"),
}
"""Names of the sets in tables; upper and lower case are the same."""
VALIDATION = 0.1


class OfficialSplit:
    """The sets that the column `split` of a table names: one fold.

    Examples:
        >>> part = np.array(["train", "train", "val", "test"])
        >>> points = SplitInputs(np.zeros((4, 2)), np.zeros(4), part=part)
        >>> (fold,) = OfficialSplit().folds(points, seed=0)
        >>> fold.train, fold.validation, fold.test
        (array([0, 1]), array([2]), array([3]))
    """

    card = SplitCard(
        name="official",
        title="The table's own",
        description="The sets that the table's column `split` names: train, val (or validation, "
        "valid, dev) and test. Rows with other names are not used. If there is no validation set, "
        f"{VALIDATION:.0%} of the training rows are drawn for it, uniformly at random by the seed. "
        "What the score measures depends on how the table was split.",
        settings={"validation_fraction": VALIDATION},
    )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """One fold.

        Raises:
            BenchError: the table has no column `split`, or no training or test rows.
        """
        if points.part is None:
            raise BenchError(
                "the table does not define a split: `official` needs a column `split` with train "
                "and test, and optionally val; choose another split"
            )
        name = np.char.lower(np.char.strip(points.part))
        train, validation, test = (np.flatnonzero(np.isin(name, NAMES[part])) for part in NAMES)
        min_train = 1 if len(validation) else 2
        if len(train) < min_train or not len(test):
            counts = dict(zip(*np.unique(name, return_counts=True), strict=True))
            listed = ", ".join(f"{n} {str(part)!r}" for part, n in counts.items())
            raise BenchError(
                f"the column `split` has too few training or test rows: it has {listed}; "
                "name the rows train, test and optionally val"
            )
        if not len(validation):
            validation, train = draw_rows(train, VALIDATION, np.random.default_rng(seed))
        return (Fold("0", train, validation, test),)
