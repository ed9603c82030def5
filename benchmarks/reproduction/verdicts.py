"""Whether a measured score is the published one."""

from __future__ import annotations

from typing import Literal

import numpy as np

Verdict = Literal["exact", "within the spread", "off", "not run"]


def verdict(published: float, measured: float, digits: int, spread: float) -> Verdict:
    """Whether a measured score is the published one.

    Args:
        published: as printed.
        measured: with all its digits.
        digits: decimals that are printed.
        spread: published standard deviation, or NaN.
    """
    unit = 10.0**-digits
    # Printed digits are compared as whole numbers, and a tie in rounding is anyone's.
    if abs(measured - published) <= unit / 2 * (1 + 1e-9):
        return "exact"
    if np.isfinite(spread) and abs(measured - published) <= spread:
        return "within the spread"
    return "off"
