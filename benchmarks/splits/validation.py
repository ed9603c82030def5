"""Validation parts of the same spatial kind as the test part: whole regions, or whole blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.splits.base import Index, SplitInputs
from satclip_bench.benchmarks.splits.blocks import VALIDATION_FOLDS, deal_groups
from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import equal_area_cells

MIN_TEST = 100
"""A region with fewer points is never held out."""
SHARE = 0.1
"""Least share of what is not tested that validates, as in the random split."""
MOST = 0.5
"""Most of it that whole regions may take from training."""
SIDES = (40, 20, 10, 5, 2, 1)
LEAST_CELLS = 8

STAND_IN = (
    f"equal-area cells of the rest stand in, of the largest of {', '.join(map(str, SIDES))} "
    f"degrees that makes {LEAST_CELLS} or more of them: one cell in {VALIDATION_FOLDS} validates."
)
RULE = (
    f"Validation is held out likewise: other whole ones, until they have {MIN_TEST} points and "
    f"{SHARE:.0%} of what is not tested, passing over any that would take more than {MOST:.0%} of "
    f"it; which they are moves on with the seed. Where no choice does that, {STAND_IN}"
)
"""For the cards of splits that hold out regions."""

CELLS: dict[str, str | int | float] = {
    "fallback_block_degrees": ", ".join(map(str, SIDES)),
    "min_fallback_blocks": LEAST_CELLS,
}
SETTINGS: dict[str, str | int | float] = {
    "min_test_points": MIN_TEST,
    "validation_unit": "whole regions",
    "min_validation_fraction": SHARE,
    "max_validation_fraction": MOST,
    **CELLS,
}
"""Likewise."""


def hold_out_too(
    points: SplitInputs, group: NDArray[np.int64], test: int, seed: int
) -> tuple[Index, Index]:
    """Training and validation rows where a group is tested, each ascending.

    Args:
        points: all of them.
        group: `(N,)` from 0, the region of each point, numbered in a meaningful order.
        test: the group that is tested.
        seed: moves the choice on, or deals the cells that stand in.

    Raises:
        BenchError: the rest can be parted neither by groups nor by cells.
    """
    rest = np.flatnonzero(group != test)
    choices = group_choices(np.bincount(group), test)
    if not choices:
        return hold_out_cells(points, rest, seed)
    chosen = np.isin(group[rest], choices[seed % len(choices)])
    return rest[~chosen], rest[chosen]


def group_choices(sizes: NDArray[np.int64], test: int) -> list[tuple[int, ...]]:
    """The sets of groups that may validate where `test` is tested, each once.

    Starting from every other group in turn, the first being the one after `test`, groups are taken
    in cyclic order until they hold enough, those that would take too much passed over.

    Args:
        sizes: `(G,)` points in each group.
        test: the group that is tested.
    """
    others = [(test + step) % len(sizes) for step in range(1, len(sizes))]
    left = int(sizes[others].sum())
    choices: dict[tuple[int, ...], None] = {}
    for start in range(len(others)):
        taken: list[int] = []
        held = 0
        for g in others[start:] + others[:start]:
            if held + sizes[g] <= MOST * left:
                taken.append(g)
                held += int(sizes[g])
            if held >= max(MIN_TEST, SHARE * left):
                choices[tuple(sorted(taken))] = None
                break
    return list(choices)


def hold_out_cells(points: SplitInputs, rest: Index, seed: int) -> tuple[Index, Index]:
    """Training and validation rows out of `rest`, one in four of its equal-area cells validating.

    Raises:
        BenchError: the points lie in too few cells of any size.
    """
    for side in SIDES:
        cells = equal_area_cells(points.lonlat, side)
        if len(np.unique(cells[rest])) >= LEAST_CELLS:
            return hold_out_groups(points, rest, cells, seed)
    raise BenchError(
        f"no validation part can be held out of the {len(rest)} points that are not tested: not "
        f"whole ones, and they lie in fewer than {LEAST_CELLS} equal-area cells of {SIDES[-1]} "
        "degree; choose another split"
    )


def hold_out_groups(
    points: SplitInputs, rest: Index, groups: NDArray[np.int64], seed: int
) -> tuple[Index, Index]:
    """Training and validation rows out of `rest`, one in four of its groups validating as a whole.

    Groups hold unlike numbers of points: of the four ways to choose, that which comes nearest to a
    quarter of the points is taken.

    Args:
        points: with int64 targets where they are classes, which are then spread evenly.
        rest: rows that are not tested, in two groups or more.
        groups: `(N,)` of every point.
        seed: of the dealing.
    """
    parts = deal_groups(points, rest, groups, VALIDATION_FOLDS, seed)
    return min(parts, key=lambda part: abs(len(part[1]) * VALIDATION_FOLDS - len(rest)))
