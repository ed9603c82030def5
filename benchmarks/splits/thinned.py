"""Blocks without a buffer, and with as few training rows as with one: a control for buffers."""

from __future__ import annotations

import numpy as np

from satclip_bench.benchmarks.splits import feasible
from satclip_bench.benchmarks.splits.base import (
    Fold,
    Index,
    SplitCard,
    SplitInputs,
    nested_fold,
)
from satclip_bench.benchmarks.splits.blocks import FOLDS, BufferedSplit, buffered
from satclip_bench.benchmarks.splits.group_folds import group_folds
from satclip_bench.benchmarks.splits.inner_folds import (
    INNER_FOLDS,
    MIN_INNER_FOLDS,
    MIN_INNER_TRAIN_FRACTION,
    large_enough,
)
from satclip_bench.core.errors import BenchError, UnknownNameError
from satclip_bench.core.sphere import equal_area_cells


class ThinnedSplit:
    """The folds of a buffered split, with rows left out at random in place of those in the buffer.

    Args:
        other: the buffered split.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> lonlat = np.column_stack([rng.uniform(-180, 180, 1000), rng.uniform(-60, 60, 1000)])
        >>> points = SplitInputs(lonlat, np.zeros(1000))
        >>> near, far = (get(points, 0)[0] for get in (
        ...     ThinnedSplit(BufferedSplit(10, 500)).folds, BufferedSplit(10, 500).folds))
        >>> len(near.train) == len(far.train), np.array_equal(near.test, far.test)
        (True, True)
    """

    def __init__(self, other: BufferedSplit) -> None:
        self.other = other
        degrees, km = other.degrees, other.km
        self.card = SplitCard(
            name=f"thinned.{degrees}-{km}",
            title=f"Blocks of {degrees}°, as few labels as with a buffer of {km} km",
            description=f"The control of {other.card.name}: the same test sets, and as many "
            "training rows, drawn at random from all outside the test set. If a score falls from "
            f"blocks.{degrees} to here, labels are too few; if it falls from here to "
            f"{other.card.name}, they are too far. Settings are chosen by an inner "
            f"cross-validation with up to {INNER_FOLDS} folds of the blocks of the training set, "
            "whose training sets are thinned in the same way to the sizes that they have with the "
            "buffer, or stay whole if that is more than they have: the inner folds are others than "
            "those with the buffer, and where blocks differ much in their numbers of points, some "
            "hold out more. An inner fold that would train on less than "
            f"{MIN_INNER_TRAIN_FRACTION:.0%} of the training set is not used. {feasible.RULE}",
            settings={
                "block_degrees": degrees,
                "matched_buffer_km": km,
                "n_folds": FOLDS,
                "n_inner_folds": INNER_FOLDS,
            }
            | feasible.SETTINGS,
        )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """Five folds.

        Raises:
            BenchError: the buffered split cannot be made, or nearly all rows that were drawn are in
                one block.
        """
        try:
            matched = self.other.folds(points, seed)
        except BenchError as error:
            raise BenchError(
                f"{self.card.name} has as many rows as {self.other.card.name}, which cannot be "
                f"made: {error}"
            ) from error
        blocks = equal_area_cells(points.lonlat, self.other.degrees)
        folds = []
        for number, fold in enumerate(matched):
            rng = np.random.default_rng([seed, number])
            rest = np.setdiff1d(np.arange(len(points)), fold.test)
            train = _drawn(rest, len(fold.train), rng)
            assigned: tuple[tuple[Index, Index], ...] = ()
            if len(np.unique(blocks[train])) >= MIN_INNER_FOLDS:
                assigned = group_folds(points, train, blocks, INNER_FOLDS, seed)
            # The buffered split can have fewer inner folds: some train on too little.
            pairs = zip(assigned, fold.inner, strict=False)
            inner = large_enough(
                ((_drawn(out, len(other.train), rng), inside) for (out, inside), other in pairs),
                train,
            )
            if not inner:
                raise BenchError(
                    f"{self.card.name} does not make sense for this table: nearly all of the "
                    f"{len(train):,} training points of fold {fold.name} are in one block, and "
                    f"there are fewer than {MIN_INNER_FOLDS} inner folds"
                )
            folds.append(nested_fold(fold.name, train, fold.test, inner))
        return tuple(folds)


def _drawn(rows: Index, count: int, rng: np.random.Generator) -> Index:
    """Some rows drawn at random, ascending; all of them if they are fewer than `count`."""
    return np.sort(rng.permutation(rows)[:count])


def thinned(variant: str) -> ThinnedSplit:
    """Make the split called `thinned.<degrees>-<km>`.

    Raises:
        UnknownNameError: there is no buffered split of this variant.
    """
    try:
        return ThinnedSplit(buffered(variant))
    except UnknownNameError as error:
        raise UnknownNameError(str(error).replace("'buffered.", "'thinned.")) from error
