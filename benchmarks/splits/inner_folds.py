"""Inner folds of the same spatial kind as a split: whole regions, or whole blocks."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.splits.base import Index, InnerFold, SplitInputs
from satclip_bench.benchmarks.splits.group_folds import group_folds
from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import equal_area_cells

INNER_FOLDS = 4
"""Number of inner folds of blocks."""
MIN_TEST = 100
"""Minimum number of points of a region that is tested, or held out in an inner fold."""
MIN_INNER_FRACTION = 0.05
"""Minimum fraction of the training set that is held out in an inner fold of regions: fewer points
say little about the settings, and cost a fit all the same."""
MIN_INNER_TRAIN_FRACTION = 0.1
"""Minimum fraction of the training set that an inner fold trains on: settings for a few points are
not settings for all of them."""
MIN_INNER_FOLDS = 2
FALLBACK_DEGREES = (40, 20, 10, 5, 2, 1)
MIN_FALLBACK_BLOCKS = 8
FALLBACK_SEED = 0
"""Seed of the fallback of region splits, whose folds depend on no seed."""

FALLBACK = (
    f"{INNER_FOLDS} inner folds of equal-area blocks are used instead, of the largest of "
    f"{', '.join(map(str, FALLBACK_DEGREES))} degrees that gives at least {MIN_FALLBACK_BLOCKS} "
    "blocks."
)
RULE = (
    "Settings are chosen by inner leave-one-region-out: every other region is held out once, the "
    "losses are summed over all of these points, and what is chosen is fitted to all other regions "
    f"together. A region with fewer than {MIN_TEST} points, or {MIN_INNER_FRACTION:.0%} of the "
    "training set, is held out together with the next one, and an inner fold that would train on "
    f"less than {MIN_INNER_TRAIN_FRACTION:.0%} of the training set is not used. No seed enters the "
    f"folds. If fewer than {MIN_INNER_FOLDS} inner folds are left, {FALLBACK}"
)
"""Description of the inner folds, for the cards of splits that hold out regions."""

FALLBACK_SETTINGS: dict[str, str | int | float] = {
    "fallback_block_degrees": ", ".join(map(str, FALLBACK_DEGREES)),
    "min_fallback_blocks": MIN_FALLBACK_BLOCKS,
}
SETTINGS: dict[str, str | int | float] = {
    "min_test_points": MIN_TEST,
    "inner_unit": "whole regions",
    "min_inner_fraction": MIN_INNER_FRACTION,
    "min_inner_train_fraction": MIN_INNER_TRAIN_FRACTION,
    **FALLBACK_SETTINGS,
}
"""Settings for the cards of splits that hold out regions."""


def inner_regions(
    points: SplitInputs, group: NDArray[np.int64], test: int
) -> tuple[Index, tuple[InnerFold, ...]]:
    """Training rows if one region is the test set, ascending, and their inner folds.

    Args:
        points: all points of the table.
        group: `(N,)` region of each point, numbered from 0 in a meaningful order.
        test: number of the tested region.

    Raises:
        BenchError: no inner folds can be made of whole regions or of blocks.

    Examples:
        >>> group = np.repeat([0, 1, 2], 200)
        >>> points = SplitInputs(np.zeros((600, 2)), np.zeros(600))
        >>> train, inner = inner_regions(points, group, test=0)
        >>> [np.unique(group[fold.validation]).tolist() for fold in inner]
        [[1], [2]]
    """
    train = np.flatnonzero(group != test)
    sizes, of_train = np.bincount(group), group[train]
    folds = []
    for groups in join_small(sizes, test):
        held_out = np.zeros(len(sizes), dtype=bool)
        held_out[list(groups)] = True
        inside = held_out[of_train]
        folds.append((train[~inside], train[inside]))
    return train, large_enough(folds, train) or inner_blocks(points, train, FALLBACK_SEED)


def join_small(sizes: NDArray[np.int64], test: int) -> list[tuple[int, ...]]:
    """Groups other than `test`, with small ones joined to the next until they are large enough.

    Groups are taken in cyclic order, beginning with the one after `test`. A group at the end of
    this order that is too small is joined to the one before.

    Args:
        sizes: `(G,)` number of points in each group.
        test: number of the tested group.

    Examples:
        >>> join_small(np.array([500, 40, 300, 400, 90]), test=0)
        [(1, 2), (3, 4)]
    """
    others = [(test + step) % len(sizes) for step in range(1, len(sizes))]
    minimum = max(MIN_TEST, MIN_INNER_FRACTION * sizes[others].sum())
    joined: list[tuple[int, ...]] = []
    pending: tuple[int, ...] = ()
    for group in others:
        if not sizes[group]:
            continue
        pending = (*pending, group)
        if sizes[list(pending)].sum() >= minimum:
            joined.append(pending)
            pending = ()
    if pending:
        joined = [*joined[:-1], (*(joined[-1] if joined else ()), *pending)]
    return joined


def inner_blocks(points: SplitInputs, train: Index, seed: int) -> tuple[InnerFold, ...]:
    """Four inner folds of equal-area blocks, of the largest size that gives eight or more.

    Args:
        points: all points of the table.
        train: rows of the training set.
        seed: seed of the assignment of blocks to inner folds.

    Raises:
        BenchError: the points are in too few blocks of any size.
    """
    for side in FALLBACK_DEGREES:
        blocks = equal_area_cells(points.lonlat, side)
        if len(np.unique(blocks[train])) >= MIN_FALLBACK_BLOCKS:
            folds = large_enough(group_folds(points, train, blocks, INNER_FOLDS, seed), train)
            if folds:
                return folds
    raise BenchError(
        f"no inner folds can be made of the {len(train)} points outside the test set: not of "
        f"whole regions or squares, and they are in fewer than {MIN_FALLBACK_BLOCKS} equal-area "
        f"blocks of {FALLBACK_DEGREES[-1]} degree, or nearly all in one of them"
    )


def inner_groups(
    points: SplitInputs, train: Index, groups: NDArray[np.int64], seed: int
) -> tuple[InnerFold, ...]:
    """Four inner folds of whole groups, or of equal-area blocks if groups are too few or unequal.

    There is one inner fold per group if there are fewer than four groups. Blocks are used if fewer
    than two inner folds train on enough points.

    Args:
        points: all points of the table; int64 targets are classes, which are spread evenly.
        train: rows of the training set.
        groups: `(N,)` group of every point.
        seed: seed of the assignment of groups to inner folds.

    Raises:
        BenchError: blocks are needed, and the points are in too few of them.
    """
    if len(np.unique(groups[train])) < MIN_INNER_FOLDS:
        return inner_blocks(points, train, seed)
    folds = group_folds(points, train, groups, INNER_FOLDS, seed)
    return large_enough(folds, train) or inner_blocks(points, train, seed)


def large_enough(folds: Iterable[tuple[Index, Index]], train: Index) -> tuple[InnerFold, ...]:
    """Inner folds that train on a tenth of the training set or more; none if it is fewer than two.

    Args:
        folds: training and validation rows of inner folds.
        train: rows of the training set.

    Examples:
        >>> rows = np.arange(100)
        >>> large_enough([(rows[:5], rows[5:]), (rows[5:], rows[:5])], rows)
        ()
    """
    kept = [
        InnerFold(fitted, held_out)
        for fitted, held_out in folds
        if len(fitted) >= MIN_INNER_TRAIN_FRACTION * len(train)
    ]
    return tuple(kept) if len(kept) >= MIN_INNER_FOLDS else ()
