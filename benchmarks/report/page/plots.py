"""Positions of scores and intervals on a small axis, for plots beside numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

FLOOR = -1.0
"""Lowest score on an axis; lower ones are drawn at its end."""


@dataclass(frozen=True)
class Axis:
    """Axis of scores from its left end at 0 to its right end at 100.

    Attributes:
        low, high: scores at its ends.
    """

    low: float
    high: float

    def __call__(self, score: float) -> float:
        """Position of a score in per cent of the width; those beyond the ends are at the ends.

        >>> Axis(0.0, 0.5)(0.25)
        50.0
        """
        share = (score - self.low) / (self.high - self.low)
        return round(100 * min(max(share, 0.0), 1.0), 2)


def score_axis(scores: Iterable[float]) -> Axis:
    """An axis from 0, or a lower score, to 1, or a higher one; NaN is ignored.

    >>> score_axis([0.2, -0.3, float("nan")])
    Axis(low=-0.3, high=1.0)
    """
    values = np.array([0.0, *scores])
    low = max(float(np.nanmin(values)), FLOOR)
    return Axis(low, max(1.0, float(np.nanmax(values))))
