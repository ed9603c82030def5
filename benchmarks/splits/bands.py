"""Splits by latitude, and by the squares of a checkerboard."""

from __future__ import annotations

import numpy as np

from benchmarks.splits.base import Fold, Points, SplitCard, part_rows
from core.errors import BenchError

VALIDATION = 0.25
MIN_TEST = 100
BAND = 30
SQUARE = 10


class LatitudeSplit:
    """One fold a band of latitude: train on all the others, test there."""

    card = SplitCard(
        name="latitude",
        title="Latitude bands",
        description=f"Train on all latitudes but a band of {BAND} degrees, test in it. "
        f"{VALIDATION:.0%} of the rest is for validation, at random. A band with fewer than "
        f"{MIN_TEST} points is never held out.",
        settings={"degrees": BAND, "validation": VALIDATION, "min_test": MIN_TEST},
    )

    def folds(self, points: Points, seed: int) -> tuple[Fold, ...]:
        """A fold for every band, from south to north.

        Raises:
            BenchError: fewer than two bands have enough points.
        """
        # The pole itself belongs to the band beside it.
        band = np.minimum(np.floor((points.lonlat[:, 1] + 90) / BAND), 180 // BAND - 1)
        held = [int(b) for b in np.unique(band) if (band == b).sum() >= MIN_TEST]
        if len(held) < 2:
            raise BenchError(
                f"latitude needs {MIN_TEST} points or more in two bands of {BAND} degrees"
            )
        folds = []
        for b in held:
            rng = np.random.default_rng([seed, b])
            inside = band == b
            validation, train = part_rows(np.flatnonzero(~inside), VALIDATION, rng)
            south = b * BAND - 90
            folds.append(Fold(f"{south} to {south + BAND}", train, validation, inside.nonzero()[0]))
        return tuple(folds)


class CheckerboardSplit:
    """Two folds: train on the squares of one colour, test on the other's."""

    card = SplitCard(
        name="checkerboard",
        title=f"Checkerboard of {SQUARE}°",
        description=f"Squares of {SQUARE} degrees of longitude and latitude, coloured in turns: "
        f"train on one colour, test on the other. {VALIDATION:.0%} of the training colour is for "
        "validation, at random. No test point is far from training: a score of interpolation.",
        settings={"degrees": SQUARE, "validation": VALIDATION},
    )

    def folds(self, points: Points, seed: int) -> tuple[Fold, ...]:
        """Two folds, named after the colour that is tested.

        Raises:
            BenchError: all points lie on one colour.
        """
        # 360 is an even number of squares, so that colours alternate across the antimeridian too.
        column = np.floor(np.mod(points.lonlat[:, 0] + 180, 360) / SQUARE)
        row = np.minimum(np.floor((points.lonlat[:, 1] + 90) / SQUARE), 180 // SQUARE - 1)
        black = (column + row) % 2 == 0
        if black.all() or not black.any():
            raise BenchError("checkerboard needs points on squares of both colours")
        folds = []
        for number, (name, inside) in enumerate((("black", black), ("white", ~black))):
            rng = np.random.default_rng([seed, number])
            validation, train = part_rows(np.flatnonzero(~inside), VALIDATION, rng)
            folds.append(Fold(name, train, validation, np.flatnonzero(inside)))
        return tuple(folds)
