"""Encoders that take the month or the year of each point, beside its place."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import override

from satclip_bench.core.dates import Times, TimeUnit, time_problem
from satclip_bench.core.errors import EncoderError
from satclip_bench.core.sphere import check_lonlat
from satclip_bench.encoders.base import BATCH_SIZE, Embedding, Encoder


class TimedEncoder(Encoder):
    """Base class of encoders that take a month or a year: subclasses define `forward_at`.

    `card.time` names the units, and the value of points without a date.

    >>> from satclip_bench.encoders.base import EncoderCard
    >>> class Season(TimedEncoder):
    ...     card = EncoderCard(name="season", title="Season", dimension=1, time={"month": 6})
    ...
    ...     def forward_at(self, lonlat, times):
    ...         return np.cos(2 * np.pi * times["month"] / 12)[:, None]
    >>> Season().encode([[0.0, 0.0], [1.0, 1.0]], month=[12, 6])
    array([[ 1.],
           [-1.]], dtype=float32)
    >>> Season().encode([[0.0, 0.0]])
    array([[-1.]], dtype=float32)
    """

    @abstractmethod
    def forward_at(self, lonlat: NDArray[np.float64], times: Times) -> NDArray[np.floating[Any]]:
        """Embed one batch: `(n, 2)` degrees and `(n,)` of each unit on the card, to `(n, D)`."""

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.floating[Any]]:
        return self.forward_at(lonlat, self._times(len(lonlat), {}))

    @override
    def encode(
        self,
        lonlat: ArrayLike,
        batch_size: int = BATCH_SIZE,
        *,
        month: ArrayLike | None = None,
        year: ArrayLike | None = None,
    ) -> Embedding:
        """Embed points.

        Args:
            lonlat: `(N, 2)` degrees WGS84, longitude first: see `Encoder.encode`.
            batch_size: number of rows in the intermediate arrays.
            month: month of each point, `(N,)`, 1 to 12; None for the one on the card.
            year: year of each point, `(N,)`; None for the one on the card.

        Returns:
            `(N, D)` float32.

        Raises:
            CoordinateError: some points are not on the sphere; the message names their rows.
            EncoderError: the encoder takes no such unit; there is not one whole, valid number per
                point; or `forward_at` did not return an embedding.
            ValueError: `batch_size` is below one.
        """
        points = check_lonlat(lonlat)
        given: dict[TimeUnit, ArrayLike | None] = {"month": month, "year": year}
        times = self._times(len(points), {u: v for u, v in given.items() if v is not None})
        return self._in_batches(
            len(points),
            batch_size,
            lambda rows: self.forward_at(points[rows], {u: v[rows] for u, v in times.items()}),
        )

    def _times(self, points: int, given: dict[TimeUnit, ArrayLike]) -> Times:
        """Values of each unit on the card, `(points,)`: those given, or else the card's."""
        for unit in given:
            if unit not in self.card.time:
                takes = " and ".join(self.card.time) or "no date"
                raise EncoderError(
                    f"encoder {self.card.name!r} takes {takes}, and was given a {unit}"
                )
        return {
            unit: self._checked(unit, given[unit], points)
            if unit in given
            else np.full(points, undated, dtype=np.int64)
            for unit, undated in self.card.time.items()
        }

    def _checked(self, unit: TimeUnit, values: ArrayLike, points: int) -> NDArray[np.int64]:
        name = self.card.name
        array = np.asarray(values)
        if array.shape != (points,):
            raise EncoderError(
                f"encoder {name!r} was given {unit}s of shape {array.shape} for {points} points"
            )
        if array.dtype.kind not in "iuf":
            raise EncoderError(f"encoder {name!r} was given {unit}s of {array.dtype}, not numbers")
        broken = np.flatnonzero(~(np.isfinite(array) & (array % 1 == 0)))
        if len(broken):
            raise EncoderError(
                f"encoder {name!r}: {array[broken[0]]:g} in row {broken[0]} is not a {unit}"
            )
        if problem := time_problem(unit, array):
            raise EncoderError(f"encoder {name!r}: {problem}")
        return array.astype(np.int64)
