"""Encoders that know only a part of the world: what they say of the rest, and how they tell."""

from __future__ import annotations

import warnings
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import override

from satclip_bench.core.errors import EncoderError
from satclip_bench.core.sphere import check_lonlat
from satclip_bench.encoders.base import BATCH_SIZE, Embedding, Encoder, require_embedding

Uncovered = Literal["zeros", "error"]
"""What a point becomes of which an encoder knows nothing: a row of zeros, or an error."""


class UncoveredPointsWarning(UserWarning):
    """Some points have an embedding of zeros, for want of anything better."""


class PartialEncoder(Encoder):
    """An encoder whose `forward` gives rows of NaN for points of which it knows nothing.

    `encode` makes zeros of them and warns, naming the rows, or refuses them.

    Args:
        uncovered: `zeros` or `error`.

    Raises:
        EncoderError: `uncovered` is something else.
    """

    def __init__(self, uncovered: Uncovered = "zeros") -> None:
        if uncovered not in get_args(Uncovered):
            names = " or ".join(get_args(Uncovered))
            raise EncoderError(f"uncovered is {names}, not {uncovered!r}")
        self.uncovered = uncovered

    def place(self, lonlat: NDArray[np.float64]) -> NDArray[np.int64]:
        """A number for each point, `(n,)`; points of like numbers are read from the same place."""
        return np.zeros(len(lonlat), dtype=np.int64)

    @override
    def encode(self, lonlat: ArrayLike, batch_size: int = BATCH_SIZE) -> Embedding:
        """Embed points, place by place, so that each is read once.

        Args:
            lonlat: `(N, 2)` degrees WGS84, longitude first; longitudes to 360 are wrapped.
            batch_size: rows held in intermediate arrays at a time; does not change the result
                beyond float32 rounding.

        Returns:
            `(N, D)` float32; `(0, D)` for no points.

        Raises:
            CoordinateError: points that are not on the sphere; says which rows.
            EncoderError: `forward` returned something else than promised, or a point is not
                covered and `uncovered` is `error`; says which rows.
            ValueError: a batch size below one.

        Warns:
            UncoveredPointsWarning: rows of zeros were returned.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {batch_size}")
        points = check_lonlat(lonlat)
        out = np.empty((len(points), self.card.dimension), dtype=np.float32)
        unknown = np.zeros(len(points), dtype=np.bool_)
        order = np.argsort(self.place(points), kind="stable")
        for start in range(0, len(points), batch_size):
            rows = order[start : start + batch_size]
            found = self.forward(points[rows])
            unknown[rows] = np.isnan(found).all(axis=1)
            found[unknown[rows]] = 0
            out[rows] = require_embedding(found, len(rows), self.card)
        if unknown.any():
            self._report(np.flatnonzero(unknown), points)
        return out

    def _report(self, rows: NDArray[np.int64], points: NDArray[np.float64]) -> None:
        shown = "; ".join(f"row {r}: {points[r, 0]:g}, {points[r, 1]:g}" for r in rows[:3])
        more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
        told = (
            f"{self.card.name} knows nothing of {len(rows)} of {len(points)} points ({shown}{more})"
        )
        if self.uncovered == "error":
            raise EncoderError(f"{told}. Leave them out, or give uncovered='zeros'.")
        warnings.warn(f"{told}: their embedding is zeros", UncoveredPointsWarning, stacklevel=3)
