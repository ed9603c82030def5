"""Verdict on a measured score: is it the published one?"""

from __future__ import annotations

from typing import Literal

import numpy as np

Verdict = Literal["exact", "within the spread", "off", "not run"]


def verdict(published: float, measured: float, digits: int, spread: float) -> Verdict:
    """Compare a measured score with the published one.

    Args:
        published: score as printed.
        measured: score with all its digits.
        digits: number of printed decimals.
        spread: published standard deviation, or NaN.

    Examples:
        >>> verdict(0.381, 0.381363, digits=3, spread=float("nan"))
        'exact'
        >>> verdict(0.75, 0.79, digits=2, spread=0.05)
        'within the spread'
    """
    unit = 10.0**-digits
    # A score half way between two printed numbers may have been rounded to either.
    if abs(measured - published) <= unit / 2 * (1 + 1e-9):
        return "exact"
    if np.isfinite(spread) and abs(measured - published) <= spread:
        return "within the spread"
    return "off"
