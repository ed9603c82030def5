"""Spatial blocks: equal-area cells go to a part as a whole, with or without a buffer around."""

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
"""One of these parts of the training blocks is for validation."""


class BlocksSplit:
    """Five folds of equal-area cells; each cell lies in one part as a whole.

    Args:
        degrees: side of a cell.
    """

    def __init__(self, degrees: int) -> None:
        self.degrees = degrees
        self.card = SplitCard(
            name=f"blocks.{degrees}",
            title=f"Blocks of {degrees}°",
            description=f"Equal-area cells of about {degrees} degrees, dealt out at random to "
            f"{FOLDS} folds, with classes spread over the folds as evenly as the cells allow. One "
            f"cell in {VALIDATION_FOLDS} of the training part is for validation. Cells that touch "
            "may lie in different parts.",
            settings={
                "block_degrees": degrees,
                "n_folds": FOLDS,
                "validation_fraction": 1 / VALIDATION_FOLDS,
            },
        )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """Five folds.

        Raises:
            BenchError: the points lie in too few cells.
        """
        cells = equal_area_cells(points.lonlat, self.degrees)
        return block_folds(points, cells, seed, self.card.name)


class BufferedSplit:
    """Blocks, and training points near the points that are judged are left out.

    Args:
        degrees: side of a cell.
        km: great-circle distance that separates the parts.
    """

    def __init__(self, degrees: int, km: int) -> None:
        self.degrees, self.km = degrees, km
        self.card = SplitCard(
            name=f"buffered.{degrees}-{km}",
            title=f"Blocks of {degrees}°, buffer {km} km",
            description=f"The folds of blocks.{degrees}; whatever lies within {km} km of a test "
            "point is neither for training nor for validation, and whatever lies within that of a "
            "validation point is not for training.",
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
            BenchError: the points lie in too few cells, or the buffer leaves a part empty.
        """
        cells = equal_area_cells(points.lonlat, self.degrees)
        folds = []
        for fold in block_folds(points, cells, seed, self.card.name):
            validation = beyond(points.lonlat, fold.validation, fold.test, self.km)
            train = beyond(points.lonlat, fold.train, fold.test, self.km)
            if len(validation):
                train = beyond(points.lonlat, train, validation, self.km)
            if not len(train) or not len(validation):
                raise BenchError(
                    f"a buffer of {self.km} km leaves no points for "
                    f"{'validation' if len(train) else 'training'} in fold {fold.name} of "
                    f"{self.card.name}: choose a smaller one"
                )
            folds.append(Fold(fold.name, train, validation, fold.test))
        return tuple(folds)


def beyond(lonlat: NDArray[np.float64], rows: Index, others: Index, km: float) -> Index:
    """Those of `rows` whose great-circle distance to all of `others` is more than `km`."""
    tree = KDTree(unit_vectors(lonlat[others]))
    nearest, _ = tree.query(unit_vectors(lonlat[rows]))
    return rows[np.asarray(nearest) > km_to_chord(km)]


def block_folds(
    points: SplitInputs, groups: NDArray[np.int64], seed: int, name: str
) -> tuple[Fold, ...]:
    """Folds in which every group lies in one part.

    Args:
        points: with int64 targets where they are classes, which are then spread evenly.
        groups: `(N,)`, such as the cell of each point.
        seed: of the dealing.
        name: of the split, for messages.

    Raises:
        BenchError: there are fewer groups than folds, or too few for a validation part.
    """
    found = len(np.unique(groups))
    if found < FOLDS + 1:
        raise BenchError(f"{name} needs points in {FOLDS + 1} cells or more; they lie in {found}")
    folds = []
    everything = np.arange(len(points))
    for number, (rest, test) in enumerate(deal_groups(points, everything, groups, FOLDS, seed)):
        train, validation = next(deal_groups(points, rest, groups, VALIDATION_FOLDS, seed))
        folds.append(Fold(str(number), train, validation, test))
    return tuple(folds)


def deal_groups(
    points: SplitInputs, rows: Index, groups: NDArray[np.int64], parts: int, seed: int
) -> Iterator[tuple[Index, Index]]:
    """Pairs of the other parts' rows and a part's, by scikit-learn's grouped folds."""
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    classes = points.target.dtype == np.int64
    parts = min(parts, len(np.unique(groups[rows])))
    maker = (
        StratifiedGroupKFold(parts, shuffle=True, random_state=seed)
        if classes
        else GroupKFold(parts, shuffle=True, random_state=seed)
    )
    with warnings.catch_warnings():
        # Classes rarer than the folds cannot be in all of them; the card says as far as possible.
        warnings.simplefilter("ignore", UserWarning)
        dealt = list(maker.split(rows, points.target[rows], groups[rows]))
    return ((rows[kept], rows[held]) for kept, held in dealt)


def blocks(variant: str) -> BlocksSplit:
    """The split called `blocks.<degrees>`, 1 to 60.

    Raises:
        UnknownNameError: the variant is no such number.
    """
    if not re.fullmatch(r"[1-9]\d?", variant) or int(variant) > 60:
        raise UnknownNameError(
            f"no split is called 'blocks.{variant}': the variant is the side of a cell in whole "
            "degrees, 1 to 60, as in 'blocks.10'."
        )
    return BlocksSplit(int(variant))


def buffered(variant: str) -> BufferedSplit:
    """The split called `buffered.<degrees>-<km>`.

    Raises:
        UnknownNameError: the variant is no such pair.
    """
    found = re.fullmatch(r"([1-9]\d?)-([1-9]\d{0,3})", variant)
    if not found or int(found[1]) > 60:
        raise UnknownNameError(
            f"no split is called 'buffered.{variant}': the variant is the side of a cell in whole "
            "degrees, 1 to 60, and the buffer in km, as in 'buffered.10-500'."
        )
    return BufferedSplit(int(found[1]), int(found[2]))
