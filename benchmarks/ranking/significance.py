"""Significance of differences between encoders: paired tests, Holm's correction, tie groups.

There are two questions with a test each. Over tasks: would the order hold on other tasks like
these? The tasks are the random sample (Demsar 2006, JMLR 7; Benavoli et al. 2016, JMLR 17). On
these tasks: is the order more than noise of their points? The blocks of points are the random
sample (`benchmarks/metrics/bootstrap.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.threads import in_threads

Float = NDArray[np.float64]

ALPHA = 0.05
"""Level of significance."""

DIGITS = 9
"""Decimal places to which ranks are rounded before they are compared."""

CLEAR = 3.0
"""Gap on one task, in standard errors, that counts as clear; larger gaps count the same."""

ROUNDING = 1e-13
"""Share of the variances of two encoders below which that of their difference counts as zero."""

WIDER = 2.0
"""Factor by which `widened` widens noise, chosen by simulation (docs/uncertainty.md): false claims
stay below 5 % unless all encoders are exactly equal, when they reach 13 %, and 26 % if one of two
splits has a single seed and the training set matters most."""

PAIRS = 2**11
"""Maximum number of pairs of encoders that a thread tests at once."""

SIGNS = 2**8
"""Maximum number of pairs of encoders for which a thread lists the rank sums of all signs."""

MAX_LISTED = 13
"""Maximum number of tasks for which rank sums are listed; SciPy has the same limit."""

MIN_TASKS = 5
"""Minimum number of tasks for a signed-rank test, whose smallest p is 2 / 2^n."""


@dataclass(frozen=True)
class Friedman:
    """Friedman's test and Nemenyi's critical difference of mean ranks.

    Attributes:
        statistic: chi-squared statistic, corrected for ties.
        p: p that all encoders are alike.
        critical_difference: critical difference of mean ranks at `ALPHA`.
    """

    statistic: float
    p: float
    critical_difference: float


def friedman(scores: Float) -> Friedman | None:
    """Friedman's test on scores `(E, T)`, encoders by tasks; None for fewer than 3 of either.

    p is 1 if all encoders are equal on every task, which leaves the statistic undefined.

    The critical difference is q sqrt(E (E + 1) / (6 T)), q the Studentized range for E encoders
    and infinite degrees of freedom by sqrt(2) (Demsar 2006, section 3.2.2).
    """
    from scipy.stats import friedmanchisquare, studentized_range

    encoders, tasks = scores.shape
    if encoders < 3 or tasks < 3:
        return None
    statistic, p = friedmanchisquare(*scores) if np.ptp(scores, axis=0).any() else (0.0, 1.0)
    q = float(studentized_range.ppf(1 - ALPHA, encoders, np.inf)) / np.sqrt(2)
    return Friedman(
        float(statistic), float(p), q * float(np.sqrt(encoders * (encoders + 1) / (6 * tasks)))
    )


def signed_rank(scores: Float) -> Float:
    """Two-sided p of Wilcoxon's signed-rank test for every pair, `(E, E)`, of scores `(E, T)`.

    Tasks are the pairs. Exact for up to `MAX_LISTED` tasks, and for more of them if no difference
    is zero or repeated; 1 if all are zero, or if there are fewer than `MIN_TASKS` tasks. As SciPy's
    test, which takes up to a second for each pair with zero or repeated differences.
    """
    encoders, tasks = scores.shape
    p = np.ones((encoders, encoders))
    if tasks < MIN_TASKS:
        return p
    first, second = np.triu_indices(encoders, 1)
    gaps = scores[first] - scores[second]
    varied = gaps.any(axis=1)
    if tasks <= MAX_LISTED:
        test, size, groups = _listed_p, SIGNS, [varied]
    else:
        # All pairs of a call have the same test, which depends on whether differences are repeated.
        sizes = np.sort(np.abs(gaps), axis=1)
        repeated = (sizes[:, 0] == 0) | (sizes[:, 1:] == sizes[:, :-1]).any(axis=1)
        test, size, groups = _scipy_p, PAIRS, [~repeated, repeated & varied]
    of_pairs = np.ones(len(gaps))
    for group in groups:
        rows = np.flatnonzero(group)
        parts = [gaps[rows[start : start + size]] for start in range(0, len(rows), size)]
        of_pairs[rows] = np.concatenate([*in_threads(test, parts), np.empty(0)])
    p[first, second] = p[second, first] = of_pairs
    return p


def _scipy_p(gaps: Float) -> Float:
    """Two-sided p of SciPy's signed-rank test, `(P,)`, of differences `(P, T)`."""
    from scipy.stats import wilcoxon

    return np.asarray(wilcoxon(gaps, axis=1).pvalue)


def _listed_p(gaps: Float) -> Float:
    """Two-sided p of the signed-rank test by listing the signs of all differences, `(P,)`.

    Args:
        gaps: `(P, T)` differences; zeros are left out of their row.
    """
    from scipy.stats import rankdata

    tasks = gaps.shape[1]
    sizes = np.abs(gaps)
    ranks = rankdata(np.where(sizes == 0, np.inf, sizes), axis=1)
    # Mean ranks of repeated differences are halves: doubled, their sums are exact.
    doubled = np.where(sizes == 0, 0, 2 * ranks).astype(np.float32)
    signs = (np.arange(2**tasks) >> np.arange(tasks)[:, None] & 1).astype(np.float32)
    sums = doubled @ signs
    measured = (doubled * (gaps > 0)).sum(axis=1, keepdims=True)
    smaller = np.minimum((sums <= measured).mean(axis=1), (sums >= measured).mean(axis=1))
    return np.asarray(np.minimum(2 * smaller, 1))


def bootstrap_p(observed: Float, replicates: Float) -> Float:
    """Two-sided p that a difference is zero, `(...)`, by its replicates `(B, ...)`.

    Wald's test with the bootstrap's standard error. Shares of a thousand replicates could not be
    small enough for a Holm correction over hundreds of pairs.
    """
    error = np.nanstd(replicates, axis=0, ddof=1)
    return _wald_p(observed, np.where(error > 0, error, 0))


def _wald_p(difference: Float, error: Float) -> Float:
    """Two-sided p that a difference is zero by its standard error; 1 for a difference of zero."""
    from scipy.stats import norm

    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(difference == 0, 0, np.abs(difference) / error)
    return np.asarray(2 * norm.sf(z))


def score_gaps_p(scores: Float, replicates: Float) -> tuple[Float, Float]:
    """Two-sided p that two encoders score alike on each of these tasks, and who is ahead.

    The statistic is the gap on each task in units of its bootstrap standard error, at most `CLEAR`
    either way, summed over the tasks: many clear wins count for more than one by a wide margin. Its
    standard error is that of the same sum over the replicates, which includes the effect of tasks
    that share points. Gaps of mean ranks would not work: ranks of nearly equal encoders do not vary
    between replicates as they do between samples.

    Args:
        scores: `(E, T)` scores.
        replicates: `(B, E, T)` bootstrap scores.

    Returns:
        p, `(E, E)`, and the sums, `(E, E)`, positive where the encoder of the row is ahead.
    """
    encoders, tasks = scores.shape
    # By task, with the replicates last. Single precision for the sums below: in units of their
    # standard error, the noises need few digits.
    noise = np.empty((tasks, encoders, len(replicates)), dtype=np.float32)

    def error_of_gaps(task: int) -> Float:
        of_task = replicates[..., task].T - scores[:, task, None]
        noise[task] = of_task
        return _error_of_gaps(of_task)

    with np.errstate(divide="ignore", invalid="ignore"):
        gap = scores.T[:, :, None] - scores.T[:, None, :]
        error = np.stack(in_threads(error_of_gaps, range(tasks)))
        # If nothing varies, any gap is clear, and no gap stays 0.
        total = np.clip(np.where(gap == 0, 0, gap / error), -CLEAR, CLEAR).sum(axis=0)
        scale = np.where(error > 0, 1 / error, 0)
    scaled = scale[..., None].astype(np.float32)
    error = np.zeros_like(total)

    def fill(i: int) -> None:
        others = slice(i + 1, encoders)
        gaps = np.empty((encoders - i - 1, len(replicates)), dtype=np.float32)
        sums = np.zeros_like(gaps)
        for task in range(tasks):
            np.subtract(noise[task, i], noise[task, others], out=gaps)
            gaps *= scaled[task, i, others]
            sums += np.clip(gaps, -CLEAR, CLEAR, out=gaps)
        error[i, others] = error[others, i] = sums.std(axis=-1, ddof=1, dtype=np.float64)

    in_threads(fill, range(encoders - 1))
    return _wald_p(total, error), total


def mean_gaps_p(values: Float, replicates: Float) -> Float:
    """Two-sided p that two values are equal, `(E, E)`: Wald's test of their differences.

    Args:
        values: `(E,)` values.
        replicates: `(E, B)` bootstrap values.
    """
    return _wald_p(values[:, None] - values, _error_of_gaps(replicates))


def _error_of_gaps(noise: Float) -> Float:
    """Standard deviation over replicates of the differences of rows, `(E, E)`, from `(E, B)`."""
    covariance = np.atleast_2d(np.cov(noise))
    variance = np.diag(covariance)
    sums = variance[:, None] + variance[None, :]
    of_gaps = sums - 2 * covariance
    # The difference of two encoders with the same noise varies by rounding errors.
    return np.sqrt(np.where(of_gaps > ROUNDING * sums, of_gaps, 0))


def widened(scores: Float, replicates: Float) -> Float:
    """Replicates with `WIDER` times the noise, for ranking them.

    Ranks are not a smooth function of scores, so the plain bootstrap of nearly equal encoders is
    too certain of their order; drawing fewer than there are, m of n, fixes that (Hall and Miller
    2009, Annals of Statistics 37). For means, widening the noise is the same with m = n / 4.

    Args:
        scores: `(E, C)` measured scores.
        replicates: `(B, E, C)` bootstrap scores.
    """
    noise = replicates - scores
    noise *= WIDER
    noise += scores
    return noise


def holm(p: Float) -> Float:
    """Holm's adjusted p values, `(n,)`, which control the chance of any false claim.

    Holm 1979, Scandinavian Journal of Statistics 6.

    Example:
        >>> import numpy as np
        >>> holm(np.array([0.01, 0.04, 0.03]))
        array([0.03, 0.06, 0.06])
    """
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1)
    return adjusted


def holm_pairs(p: Float) -> Float:
    """Holm's adjusted p values over the pairs of a symmetric matrix, `(E, E)`; diagonal 1."""
    upper = np.triu_indices(len(p), 1)
    adjusted = np.ones_like(p)
    adjusted[upper] = holm(p[upper])
    adjusted.T[upper] = adjusted[upper]
    return adjusted


def tie_groups(mean_ranks: Float, p: Float) -> tuple[tuple[int, ...], ...]:
    """Maximal groups of consecutive encoders, in the order of their ranks, no two of which differ.

    Args:
        mean_ranks: `(E,)` mean ranks; 1 is best.
        p: `(E, E)` adjusted p of every pair.

    Returns:
        Positions of the encoders of each group of two or more, best first.

    Example:
        >>> import numpy as np
        >>> p = np.array([[1.0, 0.5, 0.01], [0.5, 1.0, 0.2], [0.01, 0.2, 1.0]])
        >>> tie_groups(np.array([1.0, 2.0, 3.0]), p)
        ((0, 1), (1, 2))
    """
    order = np.argsort(mean_ranks, kind="stable")
    alike = p[np.ix_(order, order)] >= ALPHA
    groups: list[tuple[int, ...]] = []
    reached = 0
    for first in range(len(order)):
        last = first
        while last + 1 < len(order) and alike[first : last + 2, first : last + 2].all():
            last += 1
        if last > first and last + 1 > reached:
            groups.append(tuple(int(i) for i in order[first : last + 1]))
            reached = last + 1
    return tuple(groups)


def kendall(a: Float, b: Float) -> Float:
    """Kendall's tau-b between two orders of the same encoders, `(...)`, from `(..., E)` each.

    Values are rounded to nine digits first: mean ranks that are equal differ by rounding errors
    otherwise, and the order of a tie would be that of the errors.

    Example:
        >>> import numpy as np
        >>> round(float(kendall(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0]))), 3)
        0.333
    """
    upper = np.triu_indices(a.shape[-1], 1)

    def signs(x: Float) -> Float:
        rounded = np.round(x, DIGITS)
        return np.sign(rounded[..., upper[0]] - rounded[..., upper[1]])

    sa, sb = signs(a), signs(b)
    both = np.sqrt((sa**2).sum(axis=-1) * (sb**2).sum(axis=-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((sa * sb).sum(axis=-1) / both)
