"""Encoders with partial coverage, and how uncovered points are reported."""

from __future__ import annotations

import warnings
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import override

from satclip_bench.core.errors import EncoderError, RowsError
from satclip_bench.core.sphere import check_lonlat
from satclip_bench.encoders.base import BATCH_SIZE, Embedding, Encoder, require_embedding

Uncovered = Literal["zeros", "error"]
"""Treatment of points that an encoder does not cover: a row of zeros, or an error."""


class UncoveredPointsWarning(UserWarning):
    """Some points are not covered by the encoder, and their embedding is zeros."""


class PartialEncoder(Encoder):
    """Base class of encoders with partial coverage.

    `forward` returns rows of NaN for points that the encoder does not cover. `encode` replaces them
    by zeros with a warning that names the rows, or raises an error.

    Args:
        uncovered: treatment of uncovered points, `zeros` or `error`.

    Raises:
        EncoderError: `uncovered` has another value.
    """

    def __init__(self, uncovered: Uncovered = "zeros") -> None:
        if uncovered not in get_args(Uncovered):
            names = " or ".join(get_args(Uncovered))
            raise EncoderError(f"uncovered is {names}, not {uncovered!r}")
        self.uncovered = uncovered

    def groups(self, lonlat: NDArray[np.float64]) -> NDArray[np.int64]:
        """Group number of each point, `(n,)`: points of one group are encoded together.

        A group is what is read from disk at once, such as a tile of a raster.
        """
        return np.zeros(len(lonlat), dtype=np.int64)

    def why_uncovered(self, lonlat: NDArray[np.float64]) -> str:
        """Sentences that explain why none of the points is covered; empty if nothing is known.

        Args:
            lonlat: `(n, 2)` degrees, longitude first.
        """
        return ""

    def reference_points(self, max_places: int) -> NDArray[np.float64] | None:
        """At most `max_places` places, over which a combination standardises the embedding.

        `(n, 2)` degrees, longitude first; None for points spread over the sphere.
        """
        return None

    @override
    def encode(self, lonlat: ArrayLike, batch_size: int = BATCH_SIZE) -> Embedding:
        """Embed points, group by group, so that each group is read only once.

        Args:
            lonlat: `(N, 2)` degrees WGS84, longitude first; longitudes up to 360 are wrapped.
            batch_size: number of rows in the intermediate arrays; does not change the result
                beyond float32 rounding.

        Returns:
            `(N, D)` float32; `(0, D)` for no points.

        Raises:
            CoordinateError: some points are not on the sphere; the message names their rows.
            EncoderError: `forward` did not return an array of the promised shape and type, or some
                points are not covered and `uncovered` is `error`; the message names their rows.
            ValueError: `batch_size` is below one.

        Warns:
            UncoveredPointsWarning: some points are not covered, and their rows are zeros.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {batch_size}")
        points = check_lonlat(lonlat)
        out = np.empty((len(points), self.card.dimension), dtype=np.float32)
        uncovered = np.zeros(len(points), dtype=np.bool_)
        order = np.argsort(self.groups(points), kind="stable")
        for start in range(0, len(points), batch_size):
            rows = order[start : start + batch_size]
            embedding = self.forward(points[rows])
            uncovered[rows] = np.isnan(embedding).all(axis=1)
            embedding[uncovered[rows]] = 0
            try:
                out[rows] = require_embedding(embedding, len(rows), self.card)
            except RowsError as error:
                raise error.renumbered(rows.tolist()) from None
        if uncovered.any():
            self._report(np.flatnonzero(uncovered), points)
        return out

    def _report(self, rows: NDArray[np.int64], points: NDArray[np.float64]) -> None:
        places = [f": {lon:g}, {lat:g}" for lon, lat in points[rows[:3]]]
        more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
        pieces = [
            f"{self.card.name} does not cover {len(rows)} of {len(points)} points (row ",
            *(f"{place}; row " for place in places[:-1]),
            f"{places[-1]}{more})",
        ]
        if self.uncovered == "error":
            pieces[-1] += ". Leave them out, or pass uncovered='zeros'."
            raise RowsError(pieces, rows[:3].tolist())
        message = str(RowsError(pieces, rows[:3].tolist()))
        warnings.warn(f"{message}: their embedding is zeros", UncoveredPointsWarning, stacklevel=3)


def none_covered(encoder: PartialEncoder, lonlat: NDArray[np.float64], what: str) -> str:
    """Message about an encoder that covers none of some points.

    Args:
        encoder: the encoder.
        lonlat: `(n, 2)` degrees, longitude first, points that it does not cover.
        what: name of the points, such as `the points of farms.csv`.
    """
    why = encoder.why_uncovered(lonlat)
    return f"{encoder.card.name} covers none of {what}" + (f". {why}" if why else "")
