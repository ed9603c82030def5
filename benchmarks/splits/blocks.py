"""Spatial blocks: equal-area blocks that are kept whole, with or without a buffer around them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from satclip_bench.benchmarks.splits import feasible
from satclip_bench.benchmarks.splits.base import (
    Fold,
    Index,
    SplitCard,
    SplitInputs,
    nested_fold,
)
from satclip_bench.benchmarks.splits.feasible import advice, with_enough_training
from satclip_bench.benchmarks.splits.group_folds import group_folds
from satclip_bench.benchmarks.splits.inner_folds import (
    INNER_FOLDS,
    MIN_INNER_FOLDS,
    MIN_INNER_TRAIN_FRACTION,
    inner_groups,
    large_enough,
)
from satclip_bench.core.errors import BenchError, UnknownNameError
from satclip_bench.core.sphere import equal_area_cells, km_to_chord, unit_vectors

FOLDS = 5

LOOKUP_DEGREES = 5
"""Side of the cells in whose order points are looked up."""

SIDE = r"[1-9][0-9]?|0\.[0-9]?[1-9]"
"""Pattern of the side of a block in the name of a split, which has one way to write each number."""
MAX_SIDE = 60

SIDES = (40, 20, 10, 5, 3, 2, 1, 0.5)
"""Sides in degrees of the blocks that are suggested for a table for which a split is too coarse."""
BUFFERS = ((5, 250), (3, 150), (2, 100), (1, 50))
"""Sides in degrees and buffers in km that are suggested in the same way."""


class BlocksSplit:
    """Five folds of equal-area blocks; each block is in one set as a whole.

    Args:
        degrees: side of a block in degrees, an int if it is a whole number.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> lonlat = np.column_stack([rng.uniform(-180, 180, 1000), rng.uniform(-60, 60, 1000)])
        >>> folds = BlocksSplit(10).folds(SplitInputs(lonlat, np.zeros(1000)), seed=0)
        >>> sum(len(fold.test) for fold in folds)
        1000
        >>> [len(fold.inner) for fold in folds]
        [4, 4, 4, 4, 4]
    """

    def __init__(self, degrees: float) -> None:
        self.degrees = degrees
        self.card = SplitCard(
            name=f"blocks.{degrees}",
            title=f"Blocks of {degrees}°",
            description=f"Equal-area blocks of about {degrees} degrees, assigned at random to "
            f"{FOLDS} folds, with classes spread over the folds as evenly as whole blocks allow. "
            "Training on all blocks outside the test set; settings are chosen by an inner "
            f"cross-validation with {INNER_FOLDS} folds of these blocks. Neighbouring blocks may "
            f"be in different sets. {feasible.RULE}",
            settings={"block_degrees": degrees, "n_folds": FOLDS, "n_inner_folds": INNER_FOLDS}
            | feasible.SETTINGS,
            version=2,
        )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """Five folds.

        Raises:
            BenchError: the points are in too few blocks, or a training set would be too small.
        """
        try:
            return _equal_area_folds(points, self.degrees, seed)
        except BenchError as error:
            smaller = smaller_blocks(points, self.degrees, seed)
            raise BenchError(f"{error}; {advice(smaller)}") from error


class BufferedSplit:
    """Folds of blocks without the training points that are near a test point.

    Args:
        degrees: side of a block in degrees, an int if it is a whole number.
        km: great-circle distance in km that separates the sets.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> lonlat = np.column_stack([rng.uniform(-180, 180, 1000), rng.uniform(-60, 60, 1000)])
        >>> fold, *_ = BufferedSplit(10, 500).folds(SplitInputs(lonlat, np.zeros(1000)), seed=0)
        >>> len(fold.train) + len(fold.test) < 1000
        True
    """

    def __init__(self, degrees: float, km: int) -> None:
        self.degrees, self.km = degrees, km
        self.card = SplitCard(
            name=f"buffered.{degrees}-{km}",
            title=f"Blocks of {degrees}°, buffer {km} km",
            description=f"The folds of blocks.{degrees} without training points within {km} km of "
            f"a test point. Settings are chosen by an inner cross-validation with {INNER_FOLDS} "
            f"folds of the blocks that are left; in each, points within {km} km of a point that is "
            "held out are left out of training as well. An inner fold that would train on less "
            f"than {MIN_INNER_TRAIN_FRACTION:.0%} of the training set is not used. {feasible.RULE}",
            settings={
                "block_degrees": degrees,
                "buffer_km": km,
                "n_folds": FOLDS,
                "n_inner_folds": INNER_FOLDS,
                "min_inner_train_fraction": MIN_INNER_TRAIN_FRACTION,
            }
            | feasible.SETTINGS,
            version=2,
        )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """Five folds.

        Raises:
            BenchError: the points are in too few blocks, or the buffer leaves too few of them for
                a training set or its inner folds.
        """
        try:
            return _buffered_folds(points, self.degrees, self.km, seed)
        except BenchError as error:
            smaller = (
                (f"buffered.{side}-{km}", partial(_buffered_folds, points, side, km, seed))
                for side, km in BUFFERS
                if side <= self.degrees and km < self.km
            )
            raise BenchError(f"{error}; {advice(smaller)}") from error


def smaller_blocks(
    points: SplitInputs, degrees: float, seed: int
) -> Iterator[tuple[str, Callable[[], object]]]:
    """Names of splits by smaller blocks, and functions that make their folds, for `advice`.

    Args:
        points: all points of the table.
        degrees: side of the blocks that are too large.
        seed: seed of the folds.
    """
    for side in SIDES:
        if side < degrees:
            yield f"blocks.{side}", partial(_equal_area_folds, points, side, seed)


def _equal_area_folds(points: SplitInputs, degrees: float, seed: int) -> tuple[Fold, ...]:
    blocks = equal_area_cells(points.lonlat, degrees)
    return block_folds(points, blocks, seed, f"blocks.{degrees}")


def _buffered_folds(points: SplitInputs, degrees: float, km: int, seed: int) -> tuple[Fold, ...]:
    name = f"buffered.{degrees}-{km}"
    blocks = equal_area_cells(points.lonlat, degrees)
    kept = [
        (number, beyond(points.lonlat, rest, test, km), test)
        for number, rest, test in _outer(points, blocks, seed, name)
    ]
    for number, train, _ in kept:
        if len(np.unique(blocks[train])) < MIN_INNER_FOLDS:
            raise BenchError(
                f"{name} does not make sense for this table: a buffer of {km} km leaves points for "
                f"training in fewer than {MIN_INNER_FOLDS} blocks in fold {number}"
            )
    folds = []
    for number, train, test in kept:
        inner = large_enough(
            (
                (beyond(points.lonlat, outside, inside, km), inside)
                for outside, inside in group_folds(points, train, blocks, INNER_FOLDS, seed)
            ),
            train,
        )
        if not inner:
            raise BenchError(
                f"{name} does not make sense for this table: a buffer of {km} km leaves fewer than "
                f"{MIN_INNER_FOLDS} inner folds in fold {number}, because their training sets "
                f"would have less than {MIN_INNER_TRAIN_FRACTION:.0%} of its "
                f"{len(train):,} training points"
            )
        folds.append(nested_fold(str(number), train, test, inner))
    return with_enough_training(name, points, folds)


def beyond(lonlat: NDArray[np.float64], rows: Index, others: Index, km: float) -> Index:
    """The rows that are more than `km` from all other rows, by great-circle distance.

    Examples:
        >>> lonlat = np.array([[0.0, 0.0], [1.0, 0.0], [50.0, 0.0]])
        >>> beyond(lonlat, np.array([0, 2]), np.array([1]), km=1000)
        array([2])
    """
    # For millions of points this tree, and neighbours that are looked up one after the other so
    # that its nodes stay in the processor's cache, take a quarter of the time.
    tree = KDTree(unit_vectors(lonlat[others]), compact_nodes=False, balanced_tree=False)
    order = np.argsort(equal_area_cells(lonlat[rows], LOOKUP_DEGREES), kind="stable")
    # Points at exactly this distance are within the buffer, and the bound itself is excluded.
    bound = np.nextafter(km_to_chord(km), np.inf)
    nearest, _ = tree.query(unit_vectors(lonlat[rows[order]]), distance_upper_bound=bound)
    far = np.empty(len(rows), dtype=bool)
    far[order] = np.isinf(nearest)
    return rows[far]


def block_folds(
    points: SplitInputs, groups: NDArray[np.int64], seed: int, name: str
) -> tuple[Fold, ...]:
    """Five folds in which every group is in one set as a whole, with inner folds of groups.

    Args:
        points: all points of the table; int64 targets are classes, which are spread evenly.
        groups: `(N,)` group of each point, such as its block.
        seed: seed of the assignment of groups to folds.
        name: name of the split, for messages.

    Raises:
        BenchError: there are too few groups for five folds and their inner folds, or a training
            set would be too small.
    """
    return with_enough_training(
        name,
        points,
        [
            nested_fold(str(number), train, test, inner_groups(points, train, groups, seed))
            for number, train, test in _outer(points, groups, seed, name)
        ],
    )


def _outer(
    points: SplitInputs, groups: NDArray[np.int64], seed: int, name: str
) -> Iterator[tuple[int, Index, Index]]:
    """Number, rows outside and rows inside of each of five folds of groups."""
    count = len(np.unique(groups))
    if count < FOLDS + 1:
        raise BenchError(f"{name} needs points in {FOLDS + 1} blocks or more; they are in {count}")
    all_rows = np.arange(len(points))
    for number, (rest, test) in enumerate(group_folds(points, all_rows, groups, FOLDS, seed)):
        yield number, rest, test


def blocks(variant: str) -> BlocksSplit:
    """Make the split called `blocks.<degrees>`, with 1 to 60 degrees or a part of one.

    Raises:
        UnknownNameError: the variant is not such a number.
    """
    if not re.fullmatch(SIDE, variant) or _side(variant) > MAX_SIDE:
        raise UnknownNameError(
            f"no split is called 'blocks.{variant}': the variant is the side of a block in whole "
            f"degrees, 1 to {MAX_SIDE}, or in hundredths below one, as in 'blocks.10' and "
            "'blocks.0.5'."
        )
    return BlocksSplit(_side(variant))


def buffered(variant: str) -> BufferedSplit:
    """Make the split called `buffered.<degrees>-<km>`.

    Raises:
        UnknownNameError: the variant is not such a pair.
    """
    numbers = re.fullmatch(rf"({SIDE})-([1-9][0-9]{{0,3}})", variant)
    if not numbers or _side(numbers[1]) > MAX_SIDE:
        raise UnknownNameError(
            f"no split is called 'buffered.{variant}': the variant is the side of a block in whole "
            f"degrees, 1 to {MAX_SIDE}, or in hundredths below one, and the buffer in km, as in "
            "'buffered.10-500' and 'buffered.0.5-20'."
        )
    return BufferedSplit(_side(numbers[1]), int(numbers[2]))


def _side(text: str) -> float:
    """Side of a block; a whole number stays an int, as which it is part of records' keys."""
    return float(text) if "." in text else int(text)
