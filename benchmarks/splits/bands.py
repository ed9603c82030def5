"""Splits by latitude, and by the squares of a checkerboard."""

from __future__ import annotations

import numpy as np

from satclip_bench.benchmarks.splits.base import Fold, SplitCard, SplitInputs
from satclip_bench.benchmarks.splits.blocks import VALIDATION_FOLDS
from satclip_bench.benchmarks.splits.validation import (
    CELLS,
    MIN_TEST,
    RULE,
    SETTINGS,
    STAND_IN,
    hold_out_cells,
    hold_out_groups,
    hold_out_too,
)
from satclip_bench.core.errors import BenchError

BAND = 30
SQUARE = 10


class LatitudeSplit:
    """One fold a band of latitude: train on others, choose on others still, test there."""

    card = SplitCard(
        name="latitude",
        title="Latitude bands",
        description=f"Train on other latitudes, test in a band of {BAND} degrees. A band with "
        f"fewer than {MIN_TEST} points is never tested. {RULE}",
        settings={"band_degrees": BAND} | SETTINGS,
        version=2,
    )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """A fold for every band, from south to north.

        Raises:
            BenchError: fewer than two bands have enough points, or no validation part can be held
                out of the rest.
        """
        # The pole itself belongs to the band beside it.
        band = np.minimum(np.floor((points.lonlat[:, 1] + 90) / BAND), 180 // BAND - 1)
        found, group, counts = np.unique(band, return_inverse=True, return_counts=True)
        held = np.flatnonzero(counts >= MIN_TEST)
        if len(held) < 2:
            raise BenchError(
                f"latitude needs {MIN_TEST} points or more in two bands of {BAND} degrees"
            )
        south = (found * BAND - 90).astype(np.int64)
        return tuple(
            Fold(
                f"{south[number]} to {south[number] + BAND}",
                *hold_out_too(points, group, int(number), seed),
                np.flatnonzero(group == number),
            )
            for number in held
        )


class CheckerboardSplit:
    """Two folds: train on the squares of one colour, test on the other's."""

    card = SplitCard(
        name="checkerboard",
        title=f"Checkerboard of {SQUARE}°",
        description=f"Squares of {SQUARE} degrees of longitude and latitude, coloured in turns: "
        f"train on one colour, test on the other. One square in {VALIDATION_FOLDS} of the training "
        "colour, or one where they are fewer, is for validation as a whole, with classes spread as "
        f"evenly as the squares allow; where there is only one square, {STAND_IN} No test point is "
        "far from training: a score of interpolation.",
        settings={"square_degrees": SQUARE, "validation_fraction": 1 / VALIDATION_FOLDS} | CELLS,
        version=2,
    )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """Two folds, named after the colour that is tested.

        Raises:
            BenchError: all points lie on one colour, or hardly apart.
        """
        # 360 is an even number of squares, so that colours alternate across the antimeridian too.
        column = np.floor(np.mod(points.lonlat[:, 0] + 180, 360) / SQUARE)
        row = np.minimum(np.floor((points.lonlat[:, 1] + 90) / SQUARE), 180 // SQUARE - 1)
        square = (row * (360 // SQUARE) + column).astype(np.int64)
        black = (column + row) % 2 == 0
        if black.all() or not black.any():
            raise BenchError("checkerboard needs points on squares of both colours")
        folds = []
        for name, inside in (("black", black), ("white", ~black)):
            rest = np.flatnonzero(~inside)
            if len(np.unique(square[rest])) > 1:
                train, validation = hold_out_groups(points, rest, square, seed)
            else:
                train, validation = hold_out_cells(points, rest, seed)
            folds.append(Fold(name, train, validation, np.flatnonzero(inside)))
        return tuple(folds)
