"""Validation sets of the same spatial kind as the test set: whole regions, or whole blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.splits.base import Index, SplitInputs
from satclip_bench.benchmarks.splits.blocks import VALIDATION_FOLDS, group_folds
from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import equal_area_cells

MIN_TEST = 100
"""Minimum number of points of a region that is tested."""
MIN_FRACTION = 0.1
"""Minimum fraction of the points outside the test set that is for validation, as in `random`."""
MAX_FRACTION = 0.5
"""Maximum fraction of the points outside the test set that whole regions take for validation."""
FALLBACK_DEGREES = (40, 20, 10, 5, 2, 1)
MIN_FALLBACK_BLOCKS = 8

FALLBACK = (
    "equal-area blocks of the other points are used instead, of the largest of "
    f"{', '.join(map(str, FALLBACK_DEGREES))} degrees that gives at least {MIN_FALLBACK_BLOCKS} "
    f"blocks: one block in {VALIDATION_FOLDS} is for validation."
)
RULE = (
    "The validation set consists of other whole regions, as many as are needed for "
    f"{MIN_TEST} points and {MIN_FRACTION:.0%} of the points outside the test set; a region that "
    f"would raise it above {MAX_FRACTION:.0%} is skipped, and the choice changes with the seed. If "
    f"no choice is possible, {FALLBACK}"
)
"""Description of the validation set, for the cards of splits that hold out regions."""

FALLBACK_SETTINGS: dict[str, str | int | float] = {
    "fallback_block_degrees": ", ".join(map(str, FALLBACK_DEGREES)),
    "min_fallback_blocks": MIN_FALLBACK_BLOCKS,
}
SETTINGS: dict[str, str | int | float] = {
    "min_test_points": MIN_TEST,
    "validation_unit": "whole regions",
    "min_validation_fraction": MIN_FRACTION,
    "max_validation_fraction": MAX_FRACTION,
    **FALLBACK_SETTINGS,
}
"""Settings for the cards of splits that hold out regions."""


def hold_out_regions(
    points: SplitInputs, group: NDArray[np.int64], test: int, seed: int
) -> tuple[Index, Index]:
    """Training and validation rows if one region is the test set, each ascending.

    Args:
        points: all points of the table.
        group: `(N,)` region of each point, numbered from 0 in a meaningful order.
        test: number of the tested region.
        seed: seed that selects among the possible sets of regions, or assigns blocks.

    Raises:
        BenchError: no validation set can be made of whole regions or of blocks.
    """
    rest = np.flatnonzero(group != test)
    choices = validation_choices(np.bincount(group), test)
    if not choices:
        return hold_out_blocks(points, rest, seed)
    chosen = np.isin(group[rest], choices[seed % len(choices)])
    return rest[~chosen], rest[chosen]


def validation_choices(sizes: NDArray[np.int64], test: int) -> list[tuple[int, ...]]:
    """Distinct sets of groups that can be the validation set if `test` is the test set.

    There is one candidate set for every other group, beginning with the one after `test`: groups
    are added in cyclic order, without those that would make the set too large, until it is large
    enough.

    Args:
        sizes: `(G,)` number of points in each group.
        test: number of the tested group.

    Examples:
        >>> validation_choices(np.array([500, 200, 300, 400]), test=0)
        [(1,), (2,), (3,)]
    """
    others = [(test + step) % len(sizes) for step in range(1, len(sizes))]
    available = int(sizes[others].sum())
    choices: dict[tuple[int, ...], None] = {}
    for start in range(len(others)):
        groups: list[int] = []
        size = 0
        for group in others[start:] + others[:start]:
            if size + sizes[group] <= MAX_FRACTION * available:
                groups.append(group)
                size += int(sizes[group])
            if size >= max(MIN_TEST, MIN_FRACTION * available):
                choices[tuple(sorted(groups))] = None
                break
    return list(choices)


def hold_out_blocks(points: SplitInputs, rest: Index, seed: int) -> tuple[Index, Index]:
    """Training and validation rows of `rest`; one in four of its equal-area blocks is held out.

    Raises:
        BenchError: the points are in too few blocks of any size.
    """
    for side in FALLBACK_DEGREES:
        blocks = equal_area_cells(points.lonlat, side)
        if len(np.unique(blocks[rest])) >= MIN_FALLBACK_BLOCKS:
            return hold_out_groups(points, rest, blocks, seed)
    raise BenchError(
        f"no validation set can be held out of the {len(rest)} points outside the test set: not "
        f"as whole regions, and they are in fewer than {MIN_FALLBACK_BLOCKS} equal-area blocks of "
        f"{FALLBACK_DEGREES[-1]} degree; choose another split"
    )


def hold_out_groups(
    points: SplitInputs, rest: Index, groups: NDArray[np.int64], seed: int
) -> tuple[Index, Index]:
    """Training and validation rows of `rest`; one in four of its groups is held out as a whole.

    Groups differ in size. Of the four folds of groups, the one whose size is nearest to a quarter
    of the points is the validation set.

    Args:
        points: all points of the table; int64 targets are classes, which are spread evenly.
        rest: rows outside the test set, in two groups or more.
        groups: `(N,)` group of every point.
        seed: seed of the assignment of groups to folds.
    """
    folds = group_folds(points, rest, groups, VALIDATION_FOLDS, seed)
    return min(folds, key=lambda fold: abs(len(fold[1]) * VALIDATION_FOLDS - len(rest)))
