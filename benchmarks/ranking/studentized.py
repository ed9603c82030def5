"""The Studentized range: distribution of the widest difference among several means.

scipy.stats.studentized_range gives the same, but takes most of a second for a quantile, and boards
need hundreds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

LEVEL = 0.95
"""Level of simultaneous intervals."""

LARGEST = 8.5
"""Number of standard errors from the common expectation within which the largest mean lies."""

KNOTS = 2049
"""Number of knots of the spline through the probabilities for a known standard error, for an error
below 1e-8."""

NODES = 96
"""Nodes of the Gauss-Legendre rules over the largest mean and over the standard error, for an error
of the probability below 1e-5 with five degrees of freedom or more."""


MANY = 1e4
"""Degrees of freedom from which the standard error counts as known."""


def range_p(gap: Float, variance: Float, means: int, freedom: Float) -> Float:
    """Adjusted two-sided p that differences among several means are zero, `(n,)`.

    Tukey's and Kramer's test: the widest of the differences of `means` equal means exceeds the
    measured one with this probability.

    Args:
        gap: `(n,)` differences of two means.
        variance: `(n,)` variances of the differences.
        means: number of means that are compared.
        freedom: `(n,)` degrees of freedom of the variances.

    Example:
        >>> import numpy as np
        >>> one = np.ones(1)
        >>> float(range_p(2.5 * one, one, 2, np.inf * one)[0].round(4))
        0.0124
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(variance > 0, np.abs(gap) / np.sqrt(variance), np.inf)
    statistic = np.where(gap == 0, 0.0, statistic)
    finite = np.where(np.isfinite(statistic), statistic, 0.0)
    p = 1 - range_cdf(np.sqrt(2) * finite, means, freedom)
    return np.where(np.isfinite(statistic), p.clip(0, 1), 0.0)


def range_quantile(means: int, freedom: Float) -> Float:
    """The `LEVEL` quantile of the Studentized range, `(n,)`, by degrees of freedom.

    Example:
        >>> import numpy as np
        >>> range_quantile(12, np.array([10.0, np.inf])).round(3)
        array([5.833, 4.622])
    """
    return np.array([_quantile(means, f) for f in rounded_freedom(freedom).tolist()])


def rounded_freedom(freedom: Float) -> Float:
    """Degrees of freedom rounded down to two digits, so that few quantiles are computed, `(n,)`.

    Example:
        >>> import numpy as np
        >>> rounded_freedom(np.array([3.19, 15.7, 128.0, np.inf]))
        array([  3.1,  15. , 120. ,   inf])
    """
    known = freedom < MANY
    value = np.where(known, np.maximum(freedom, 1.0), 1.0)
    scale = 10.0 ** (np.floor(np.log10(value)) - 1)
    # 2.3 / 0.1 is less than 23: a number of two digits would otherwise lose one.
    digits = np.floor(value / scale + 1e-9)
    return np.where(known, np.round(digits * scale, 6), np.inf)


def range_cdf(statistic: Float, means: int, freedom: Float) -> Float:
    """Probability that the Studentized range is at most `statistic`, `(n,)`.

    The integral over the largest of the means and over the standard error (Copenhaver and Holland
    1988, Journal of Statistical Computation and Simulation 30), each by a Gauss-Legendre rule.

    Args:
        statistic: `(n,)` ranges in standard errors of one mean.
        means: number of means.
        freedom: `(n,)` degrees of freedom of the standard error; infinite if it is known.
    """
    from scipy.special import gammaln

    if means < 2:
        return np.ones_like(statistic)
    node, weight = _rule()
    of_known_error = _of_known_error(means)
    known = freedom >= MANY
    result = np.empty(len(statistic))
    result[known] = of_known_error(statistic[known])
    f, x = freedom[~known, None], statistic[~known, None]
    # log of the standard error, whose chi distribution is nearly normal on this scale.
    spread = 9 / np.sqrt(2 * f)
    log_s = spread * node - np.log(2) * (f < 5) / f
    half = f / 2
    log_density = (
        np.log(2) + half * np.log(half) - gammaln(half) + f * log_s - half * np.exp(2 * log_s)
    )
    result[~known] = (
        of_known_error(x * np.exp(log_s)) * np.exp(log_density) * spread * weight
    ).sum(axis=-1)
    return result


@lru_cache(maxsize=256)
def _of_known_error(means: int) -> Callable[[Float], Float]:
    """The probability for a known standard error, as a cubic spline through its values."""
    from scipy.interpolate import CubicSpline
    from scipy.special import ndtr

    node, weight = _rule()
    z, dz = LARGEST * node, LARGEST * weight
    x = np.linspace(0, 2 * LARGEST, KNOTS)
    inner = np.clip(ndtr(z) - ndtr(z - x[:, None]), 0, 1) ** (means - 1)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    spline = CubicSpline(x, means * (inner * density * dz).sum(axis=-1))

    def probability(statistic: Float) -> Float:
        return np.asarray(spline(np.minimum(statistic, 2 * LARGEST)))

    return probability


@lru_cache(maxsize=1)
def _rule() -> tuple[Float, Float]:
    return np.polynomial.legendre.leggauss(NODES)


@lru_cache(maxsize=4096)
def _quantile(means: int, freedom: float) -> float:
    from scipy.optimize import brentq

    if means < 2:
        return 0.0
    f = np.array([freedom])
    return float(
        brentq(lambda x: range_cdf(np.array([x]), means, f)[0] - LEVEL, 1e-3, 200, xtol=1e-6)
    )
