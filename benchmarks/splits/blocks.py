"""Spatial blocks: equal-area blocks that are kept whole, with or without a buffer around them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from satclip_bench.benchmarks.splits.base import Fold, Index, SplitCard, SplitInputs
from satclip_bench.core.errors import BenchError, UnknownNameError
from satclip_bench.core.sphere import equal_area_cells, km_to_chord, unit_vectors

FOLDS = 5
VALIDATION_FOLDS = 4
"""One in this many blocks outside the test set is for validation."""


class BlocksSplit:
    """Five folds of equal-area blocks; each block is in one set as a whole.

    Args:
        degrees: side of a block in degrees.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> lonlat = np.column_stack([rng.uniform(-180, 180, 1000), rng.uniform(-60, 60, 1000)])
        >>> folds = BlocksSplit(10).folds(SplitInputs(lonlat, np.zeros(1000)), seed=0)
        >>> sum(len(fold.test) for fold in folds)
        1000
    """

    def __init__(self, degrees: int) -> None:
        self.degrees = degrees
        self.card = SplitCard(
            name=f"blocks.{degrees}",
            title=f"Blocks of {degrees}°",
            description=f"Equal-area blocks of about {degrees} degrees, assigned at random to "
            f"{FOLDS} folds, with classes spread over the folds as evenly as whole blocks allow. "
            f"One block in {VALIDATION_FOLDS} outside the test set is for validation. Neighbouring "
            "blocks may be in different sets.",
            settings={
                "block_degrees": degrees,
                "n_folds": FOLDS,
                "validation_fraction": 1 / VALIDATION_FOLDS,
            },
        )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """Five folds.

        Raises:
            BenchError: the points are in too few blocks.
        """
        blocks = equal_area_cells(points.lonlat, self.degrees)
        return block_folds(points, blocks, seed, self.card.name)


class BufferedSplit:
    """Folds of blocks without the training points that are near test or validation points.

    Args:
        degrees: side of a block in degrees.
        km: great-circle distance in km that separates the sets.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> lonlat = np.column_stack([rng.uniform(-180, 180, 1000), rng.uniform(-60, 60, 1000)])
        >>> fold, *_ = BufferedSplit(10, 500).folds(SplitInputs(lonlat, np.zeros(1000)), seed=0)
        >>> len(fold.train) + len(fold.validation) + len(fold.test) < 1000
        True
    """

    def __init__(self, degrees: int, km: int) -> None:
        self.degrees, self.km = degrees, km
        self.card = SplitCard(
            name=f"buffered.{degrees}-{km}",
            title=f"Blocks of {degrees}°, buffer {km} km",
            description=f"The folds of blocks.{degrees} without points near other sets: points "
            f"within {km} km of a test point are used neither for training nor for validation, and "
            f"points within {km} km of a validation point are not used for training.",
            settings={
                "block_degrees": degrees,
                "buffer_km": km,
                "n_folds": FOLDS,
                "validation_fraction": 1 / VALIDATION_FOLDS,
            },
        )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """Five folds.

        Raises:
            BenchError: the points are in too few blocks, or the buffer leaves a set empty.
        """
        blocks = equal_area_cells(points.lonlat, self.degrees)
        folds = []
        for fold in block_folds(points, blocks, seed, self.card.name):
            validation = beyond(points.lonlat, fold.validation, fold.test, self.km)
            train = beyond(points.lonlat, fold.train, fold.test, self.km)
            if len(validation):
                train = beyond(points.lonlat, train, validation, self.km)
            if not len(train) or not len(validation):
                raise BenchError(
                    f"a buffer of {self.km} km leaves no points for "
                    f"{'validation' if len(train) else 'training'} in fold {fold.name} of "
                    f"{self.card.name}: choose a smaller buffer"
                )
            folds.append(Fold(fold.name, train, validation, fold.test))
        return tuple(folds)


def beyond(lonlat: NDArray[np.float64], rows: Index, others: Index, km: float) -> Index:
    """The rows that are more than `km` from all other rows, by great-circle distance.

    Examples:
        >>> lonlat = np.array([[0.0, 0.0], [1.0, 0.0], [50.0, 0.0]])
        >>> beyond(lonlat, np.array([0, 2]), np.array([1]), km=1000)
        array([2])
    """
    tree = KDTree(unit_vectors(lonlat[others]))
    nearest, _ = tree.query(unit_vectors(lonlat[rows]))
    return rows[np.asarray(nearest) > km_to_chord(km)]


def block_folds(
    points: SplitInputs, groups: NDArray[np.int64], seed: int, name: str
) -> tuple[Fold, ...]:
    """Five folds in which every group is in one set as a whole.

    Args:
        points: all points of the table; int64 targets are classes, which are spread evenly.
        groups: `(N,)` group of each point, such as its block.
        seed: seed of the assignment of groups to folds.
        name: name of the split, for messages.

    Raises:
        BenchError: there are too few groups for five folds and a validation set.
    """
    count = len(np.unique(groups))
    if count < FOLDS + 1:
        raise BenchError(f"{name} needs points in {FOLDS + 1} blocks or more; they are in {count}")
    folds = []
    all_rows = np.arange(len(points))
    for number, (rest, test) in enumerate(group_folds(points, all_rows, groups, FOLDS, seed)):
        train, validation = next(group_folds(points, rest, groups, VALIDATION_FOLDS, seed))
        folds.append(Fold(str(number), train, validation, test))
    return tuple(folds)


def group_folds(
    points: SplitInputs, rows: Index, groups: NDArray[np.int64], n_folds: int, seed: int
) -> Iterator[tuple[Index, Index]]:
    """Rows outside and inside of each fold of whole groups, by scikit-learn's grouped folds.

    Args:
        points: all points of the table; int64 targets are classes, which are spread evenly.
        rows: rows that are assigned to folds.
        groups: `(N,)` group of every point.
        n_folds: number of folds; fewer are made if there are fewer groups.
        seed: seed of the assignment of groups to folds.
    """
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    classes = points.target.dtype == np.int64
    n_folds = min(n_folds, len(np.unique(groups[rows])))
    maker = (
        StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
        if classes
        else GroupKFold(n_folds, shuffle=True, random_state=seed)
    )
    with warnings.catch_warnings():
        # A class with fewer rows than folds cannot be in all of them, and scikit-learn warns.
        warnings.simplefilter("ignore", UserWarning)
        assigned = list(maker.split(rows, points.target[rows], groups[rows]))
    return ((rows[outside], rows[inside]) for outside, inside in assigned)


def blocks(variant: str) -> BlocksSplit:
    """Make the split called `blocks.<degrees>`, with 1 to 60 degrees.

    Raises:
        UnknownNameError: the variant is not such a number.
    """
    if not re.fullmatch(r"[1-9]\d?", variant) or int(variant) > 60:
        raise UnknownNameError(
            f"no split is called 'blocks.{variant}': the variant is the side of a block in whole "
            "degrees, 1 to 60, as in 'blocks.10'."
        )
    return BlocksSplit(int(variant))


def buffered(variant: str) -> BufferedSplit:
    """Make the split called `buffered.<degrees>-<km>`.

    Raises:
        UnknownNameError: the variant is not such a pair.
    """
    numbers = re.fullmatch(r"([1-9]\d?)-([1-9]\d{0,3})", variant)
    if not numbers or int(numbers[1]) > 60:
        raise UnknownNameError(
            f"no split is called 'buffered.{variant}': the variant is the side of a block in whole "
            "degrees, 1 to 60, and the buffer in km, as in 'buffered.10-500'."
        )
    return BufferedSplit(int(numbers[1]), int(numbers[2]))
